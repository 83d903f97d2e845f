"""The numbers of one page: those of elements that say what they are of, those in payloads, and those in prose."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from orchestration.core.disclosure import ALL, Cell
from orchestration.core.page_tree import page_tree

_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?")
# Quarters, and the time of the build as pages print it.
_TIMES = re.compile(r"\b\d{4} ?Q[1-4]\b|\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2} UTC")
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


@dataclass
class PageNumbers:
    """figures: (cell, kind, text) of each element with all keys around it. payloads: JSON. prose: all other text."""

    figures: list[tuple[Cell, str, str]] = field(default_factory=list)
    payloads: list[Any] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> "PageNumbers":
        """Read a page."""
        page = cls()
        page._take(page_tree(path), {}, None)
        return page

    def _take(self, element: etree._Element, around: Mapping[str, str], told: list[str] | None) -> None:
        """Take an element and all in it. around: keys of those that it is in. told: texts of the figure that it is in."""
        if not isinstance(element.tag, str):  # a comment, which anyone can read
            self._tell(element.text, told)
            return
        named = element.attrib
        own = {name: named[name] for name in _KEYS if name in named}
        keys = {**around, **own} if own else around
        figure = told
        if ("data-figure" in own or "data-category" in own) and _is_whole(keys):
            figure = []
        for name, value in named.items() if element.tag != "img" else ():
            if name not in _FORM and name not in _KEYS and _DIGIT.search(value):
                self._tell_attribute(value, keys)
        if element.tag == "script" and named.get("type") == "application/json":
            self.payloads.append(json.loads(element.text or ""))
        elif element.tag != "style":
            self._tell(element.text, figure)
        for child in element:
            self._take(child, keys, figure)
            self._tell(child.tail, figure)
        if figure and figure is not told:
            # What all the text in a figure's element says.
            self.figures.append((_cell(keys), keys["data-figure"], " ".join(figure)))

    def _tell_attribute(self, text: str, keys: Mapping[str, str]) -> None:
        if _is_whole(keys):
            # What an attribute of a figure's element tells is a share: the length of a bar.
            self.figures.append((_cell(keys), "student_pct", text))
        else:
            self.prose.append(text)

    def _tell(self, text: str | None, figure: list[str] | None) -> None:
        if text and not text.isspace():
            (self.prose if figure is None else figure).append(text)


def _is_whole(keys: Mapping[str, str]) -> bool:
    return all(name in keys for name in _KEYS if name not in _OPTIONAL)


def _cell(keys: Mapping[str, str]) -> Cell:
    dimension = keys["data-dimension"]
    group = () if dimension == ALL else ((dimension, keys["data-dimension-value"]),)
    return Cell(
        keys["data-quarter"], group, keys["data-measure"], keys["data-category"], keys.get("data-population", "")
    )
