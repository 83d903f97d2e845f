"""The numbers of one page: those of elements that say what they are of, those in payloads, and those in prose."""

import json
import re
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from orchestration.core.disclosure import ALL, Cell

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")
# Quarters, and the time of the build as pages print it.
_TIMES = re.compile(r"\b\d{4} ?Q[1-4]\b|\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2} UTC")
_VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr", "rect"}
# Attributes that say how an element looks or is found. All others are read: a width or a title can tell a count.
_FORM = {
    "aria-labelledby", "aria-describedby", "charset", "class", "colspan", "content", "for", "height", "href", "http-equiv",
    "id", "lang", "name", "preserveaspectratio", "rel", "scope", "src", "tabindex", "type", "viewbox", "xmlns",
}  # fmt: skip
_KEYS = (
    "data-quarter",
    "data-dimension",
    "data-dimension-value",
    "data-measure",
    "data-category",
    "data-figure",
    "data-population",
)
# Everybody is of no dimension's value, and most pages count one population.
_OPTIONAL = ("data-dimension-value", "data-population")


@lru_cache(maxsize=100_000)  # an edition says the same few thousand texts over and over
def numbers_in(text: str) -> tuple[tuple[float, float], ...]:
    """Each number of a text with half the unit of its last digit; quarters and times of builds are none."""
    found: list[tuple[float, float]] = []
    if not _DIGIT.search(text):
        return ()
    for match in _NUMBER.finditer(_TIMES.sub(" ", text)):
        digits = match[0].replace(",", "")
        found.append((float(digits), 0.5 * 10 ** -len(digits.partition(".")[2])))
    return tuple(found)


class PageNumbers(HTMLParser):
    """figures: (cell, kind, text) of each element with all keys around it. payloads: JSON. prose: all other text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.figures: list[tuple[Cell, str, str]] = []
        self.payloads: list[Any] = []
        self.prose: list[str] = []
        self._around: list[tuple[str, dict[str, str]]] = [("", {})]
        self._json: list[str] | None = None
        self._told: list[str] | None = None

    @classmethod
    def of(cls, path: Path) -> "PageNumbers":
        """Read a page."""
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the element's keys, and the numbers of attributes that are not about form."""
        named = {name: value or "" for name, value in attrs}
        keys = {**self._around[-1][1], **{name: named[name] for name in _KEYS if name in named}}
        opens = "data-figure" in named or "data-category" in named
        if tag not in _VOID:
            self._around.append((tag, keys))
            if opens and _is_whole(keys):
                self._told = []
        for name, value in named.items():
            is_form = name in _FORM or name in _KEYS or tag == "img"
            if not is_form and any(letter.isdigit() for letter in value):
                self._tell(value, keys, is_attribute=True)
        if tag == "script" and named.get("type") == "application/json":
            self._json = []

    def handle_endtag(self, tag: str) -> None:
        """Close the element; a figure is what all the text in it says."""
        if self._json is not None and tag == "script":
            self.payloads.append(json.loads("".join(self._json)))
            self._json = None
        if tag not in {name for name, _ in self._around}:
            return
        while len(self._around) > 1:
            name, keys = self._around.pop()
            if self._told is not None and not _is_whole(self._around[-1][1]):
                if self._told:
                    self.figures.append((_cell(keys), keys["data-figure"], " ".join(self._told)))
                self._told = None
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._json is not None:
            self._json.append(data)
        elif data.strip() and self._around[-1][0] != "style":
            self._tell(data, self._around[-1][1], is_attribute=False)

    def _tell(self, text: str, keys: dict[str, str], *, is_attribute: bool) -> None:
        if is_attribute and _is_whole(keys):
            # What an attribute of a figure's element tells is a share: the length of a bar.
            self.figures.append((_cell(keys), "student_pct", text))
        elif self._told is not None and _is_whole(keys):
            self._told.append(text)
        else:
            self.prose.append(text)


def _is_whole(keys: dict[str, str]) -> bool:
    return all(name in keys for name in _KEYS if name not in _OPTIONAL)


def _cell(keys: dict[str, str]) -> Cell:
    dimension = keys["data-dimension"]
    group = () if dimension == ALL else ((dimension, keys["data-dimension-value"]),)
    return Cell(
        keys["data-quarter"], group, keys["data-measure"], keys["data-category"], keys.get("data-population", "")
    )
