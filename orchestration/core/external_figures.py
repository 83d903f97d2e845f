"""Figures of an external edition as pages and downloads show them, each with what it is of, so that anyone can check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.core.disclosure import ALL, Cell, Figure
from orchestration.core.disclosure_suppression import Protected
from orchestration.core.site_format import count

HIDDEN = "[c]"


@dataclass(frozen=True)
class Shown:
    """One figure on a page, with what it is of: the element around it says the same."""

    quarter: str
    dimension: str
    dimension_value: str
    measure: str
    category: str
    kind: str
    text: str
    share: int | None = None
    population: str = ""

    @property
    def is_hidden(self) -> bool:
        """Whether there is a mark in place of a figure."""
        return self.text == HIDDEN


@dataclass(frozen=True)
class MeasureTable:
    """Every group by the categories of one measure, for one quarter; a category stands with the score that it begins at.

    blocks: with `label` and `rows`; each row has `label`, `dimension`, `dimension_value` and `shares`.
    """

    quarter: str
    measure: str
    label: str
    categories: Sequence[tuple[str, str]]
    blocks: Sequence[Any]
    population: str = ""


def place_of(cell: Cell) -> tuple[str, str]:
    """A cell's dimension and value; `all` for everybody."""
    return cell.group[0] if cell.group else (ALL, ALL)


def shown(figure: Figure, kind: str, text: str, share: int | None = None) -> Shown:
    """A figure with its text."""
    cell = figure.cell
    return Shown(cell.quarter, *place_of(cell), cell.measure, cell.category, kind, text, share, cell.population)


def shown_count(figure: Figure) -> Shown:
    """The count of a cell, or the mark in its place."""
    return shown(figure, "student_count", HIDDEN if figure.count is None else count(figure.count))


def shown_share(protected: Protected, cell: Cell) -> Shown:
    """The share of a cell in its group: a whole percentage, the end of the scale at which it lies, or the mark."""
    figure = protected.figures[cell]
    share = share_pct(protected, figure)
    text = f"{share} %" if share is not None else note(figure) if figure.share is not None else HIDDEN
    return shown(figure, "student_pct", text, share)


def share_pct(protected: Protected, figure: Figure) -> int | None:
    """The percentage of the group, to the nearest whole, from the published counts alone; None where one is hidden."""
    size = protected.figures[figure.cell.total].count
    return None if figure.count is None or not size else (200 * figure.count + size) // (2 * size)


def note(figure: Figure) -> str:
    """Why a figure has no count: `suppressed`, or the end at which its share lies; empty where it has one."""
    if figure.share is not None:
        low, high = figure.share
        return f">{low:g} %" if high == 100 else f"<{high:g} %"
    return "suppressed" if figure.count is None else ""
