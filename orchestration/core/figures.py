"""Ids of the figures on pages and in downloads, and reading figures back from a published site.

An id is `<domain>.<quarter>.<table>.<key>.<column>`: the table is named after its download, the key holds what tells its rows of a
quarter apart, by commas; it is missing where a quarter has one row. Dots, commas and per cent signs in a key are %2E, %2C and %25.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from markupsafe import Markup

from orchestration.core.errors import QuarterdeckError
from orchestration.core.site_format import MINUS, MISSING, NO_CHANGE, decimal, plain

# Sums of many students' scores are read by the database exactly and shown as the nearest float.
RELATIVE_TOLERANCE = 1e-12
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ESCAPES = (("%", "%25"), (".", "%2E"), (",", "%2C"))


@dataclass(frozen=True)
class FigureId:
    """What a figure is: a column of one row of a quarter's table. key: as text; an empty part is a missing value."""

    domain: str
    quarter: str
    table: str
    key: tuple[str, ...]
    column: str

    def __str__(self) -> str:
        key = [",".join(_escaped(part) for part in self.key)] if self.key else []
        return ".".join([self.domain, self.quarter, self.table, *key, self.column])

    @classmethod
    def parse(cls, text: str) -> "FigureId":
        """The figure with this id.

        Raises:
            QuarterdeckError: this is no id.
        """
        match text.split("."):
            case [domain, quarter, table, column]:
                return cls(domain, quarter, table, (), column)
            case [domain, quarter, table, key, column]:
                return cls(domain, quarter, table, tuple(_unescaped(part) for part in key.split(",")), column)
        raise QuarterdeckError(
            f"{text} is no figure's id. One is DOMAIN.QUARTER.TABLE.KEY.COLUMN, as a page's data-figure attributes say it."
        )


@dataclass(frozen=True)
class Shown:
    """A figure as the site shows it: in which file, and as a value, or as text of a page."""

    figure: FigureId
    place: str
    value: Any
    is_text: bool = False

    def agrees(self, value: Any) -> bool:
        """Whether what is shown is `value`; text must be `value` to as many decimals as the text has."""
        if self.is_text:
            return _text_agrees(str(self.value), value)
        if isinstance(self.value, float) and isinstance(value, (int, float, Decimal)):
            return math.isclose(self.value, float(value), rel_tol=RELATIVE_TOLERANCE)
        return bool(self.value == value)


def figure_of(domain: str, table: str, quarter: str, column: str, *key: Any) -> FigureId:
    """Id of a column's value in a quarter's row with this key; `table` is named as its download is."""
    return FigureId(
        domain, quarter, table, tuple("" if plain(part) is None else str(plain(part)) for part in key), column
    )


def marked(text: Any, figure: FigureId | None) -> Any:
    """The text as a figure of a page, with its id; as it is where it has none."""
    return text if figure is None else Markup('<span data-figure="{}">{}</span>').format(str(figure), text)


def sentence(words: str, *figures: Any) -> Markup:
    """Words of a page with figures, or other texts, in the places of `{}`."""
    return Markup(words).format(*figures)  # noqa: S704 - the words are the code's own; what is put into them is escaped


@dataclass
class PageFigures:
    """What a page shows: its figures with ids, as text; its payload; how many numbers of its text have no id."""

    figures: list[tuple[str, str]] = field(default_factory=list)
    payload: Mapping[str, Any] = field(default_factory=dict)
    numbers_without_id: int = 0


def read_page(path: Path) -> PageFigures:
    """Read a page of a site."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return PageFigures(reader.figures, json.loads(reader.payload or "{}"), reader.numbers)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.figures: list[tuple[str, str]] = []
        self.payload, self.numbers = "", 0
        self._figure, self._is_payload, self._is_main = "", False, False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._is_main = self._is_main or tag == "main"
        self._is_payload = tag == "script" and named.get("id") == "payload"
        self._figure = named.get("data-figure") or ""

    def handle_endtag(self, tag: str) -> None:
        self._is_main = self._is_main and tag != "main"
        self._figure, self._is_payload = "", False

    def handle_data(self, data: str) -> None:
        if self._is_payload:
            self.payload += data
        elif self._figure:
            self.figures.append((self._figure, data))
        elif self._is_main:
            self.numbers += len(_NUMBER.findall(data))


def _text_agrees(text: str, value: Any) -> bool:
    # A plus, or the sign of a difference that rounds to nothing, tells no more than the number.
    shown = text.strip().removesuffix("%").removeprefix("+").removeprefix(NO_CHANGE)
    if value is None:
        return shown == MISSING
    if shown.startswith("<"):
        return bool(0 < value < float(shown[1:]))
    places = len(shown.partition(".")[2])
    # What is exactly between two roundings may be summed up to either side of it.
    nearby = (value, *(float(value) * (1 + sign * RELATIVE_TOLERANCE) for sign in (-1, 1)))
    return bool(_NUMBER.fullmatch(shown.removeprefix(MINUS))) and shown in {decimal(one, places) for one in nearby}


def _escaped(part: str) -> str:
    for character, escape in _ESCAPES:
        part = part.replace(character, escape)
    return part


def _unescaped(part: str) -> str:
    for character, escape in reversed(_ESCAPES):
        part = part.replace(escape, character)
    return part
