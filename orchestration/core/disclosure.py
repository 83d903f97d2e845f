"""What may be published of counts of students: hide small ones, and further ones until no hidden one can be worked out.

Words of the field (Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapters 4 and 5): hiding small counts is
primary suppression, hiding others to protect them is complementary suppression, and a hidden count is protected when
the interval that a reader can bound it in is wide enough. Knows no domain.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

# The size of a group is a cell too: of this measure, and of this category.
STUDENTS, ALL = "students", "all"
Group = tuple[tuple[str, str], ...]
Interval = tuple[float, float]


@dataclass(frozen=True, order=True)
class Cell:
    """What a count is of: the students of a quarter and group who are in one category of one measure.

    group: (dimension, value) pairs by name of dimension; () is everybody. population: who everybody is, where pages count
    others than those of the site's first domain; cells of two populations have no sum in common.
    """

    quarter: str
    group: Group
    measure: str
    category: str
    population: str = ""

    @cached_property
    def total(self) -> "Cell":
        """The size of the cell's group."""
        return Cell(self.quarter, self.group, STUDENTS, ALL, self.population)


@dataclass(frozen=True)
class Rules:
    """How the external edition protects; all but the width are said on its pages.

    minimum_count: smaller counts are hidden, zero too: a zero tells something about every member of the group.
    minimum_width: a hidden count is protected when nobody can bound it in a narrower interval.
    rounded_to: shown counts are rounded to the nearest multiple; percentages and differences are taken from those.
    low_pct, high_pct: shares below and above are said as "<5 %" and ">95 %", without a count.
    smallest_mean_group: groups of fewer students get no mean score.
    """

    minimum_count: int = 10
    minimum_width: int = 5
    rounded_to: int = 5
    low_pct: int = 5
    high_pct: int = 95
    smallest_mean_group: int = 30


@dataclass(frozen=True)
class Figure:
    """One published figure of a cell; a hidden count has neither of both.

    count: as published, rounded or not. share: the percentages (0-100) of the cell's group between which it lies.
    """

    cell: Cell
    count: int | None = None
    share: Interval | None = None


@dataclass(frozen=True)
class Mean:
    """A published mean score of a group: it lies between the bounds, in points."""

    quarter: str
    group: Group
    measure: str
    bounds: Interval


@dataclass(frozen=True)
class Scheme:
    """How the categories of a measure belong together.

    sums: categories that are the sum of others, for instance `passed` of the grades but one.
    scores: for a category that is a range of scores, the lowest and highest score in it.
    """

    sums: Mapping[str, Sequence[str]]
    scores: Mapping[str, Interval]


@dataclass(frozen=True)
class Relation:
    """A weighted sum of cells lies between lower and upper."""

    terms: tuple[tuple[Cell, float], ...]
    lower: float
    upper: float


def rounded(count: int, base: int) -> int:
    """The nearest multiple of base; a half goes up."""
    return (2 * count + base) // (2 * base) * base


def interval_of(count: int, rules: Rules) -> Interval:
    """The counts that a published count may stand for; one that is no multiple was not rounded."""
    if count % rules.rounded_to or count < rules.minimum_count:
        return count, count
    below, above = rules.rounded_to // 2, (rules.rounded_to - 1) // 2
    return max(count - below, rules.minimum_count), count + above


def structure(cells: Collection[Cell], schemes: Mapping[str, Scheme]) -> list[Relation]:
    """The sums that must hold between these cells: over categories, over the values of a dimension, and stated ones."""
    sums: dict[Cell, dict[str, list[Cell]]] = {}
    known = set(cells)
    for cell in sorted(known):
        stated = schemes[cell.measure].sums if cell.measure in schemes else {}
        if cell.measure != STUDENTS and cell.category not in stated and cell.total in known:
            sums.setdefault(cell.total, {}).setdefault(cell.measure, []).append(cell)
        for whole, parts in stated.items():
            if cell.category in parts and (sum_cell := replace(cell, category=whole)) in known:
                sums.setdefault(sum_cell, {}).setdefault("", []).append(cell)
        for name, _ in cell.group:
            rest = tuple(pair for pair in cell.group if pair[0] != name)
            if (parent := replace(cell, group=rest)) in known:
                sums.setdefault(parent, {}).setdefault(f"by {name}", []).append(cell)
    return [
        Relation(((whole, -1.0), *((part, 1.0) for part in parts)), 0.0, 0.0)
        for whole, ways in sums.items()
        for parts in ways.values()
    ]


def share_relations(cell: Cell, share: Interval) -> list[Relation]:
    """What a percentage between two bounds says of a count and the size of its group."""
    low, high = share
    return [
        Relation(((cell, 1.0), (cell.total, -low / 100)), 0.0, inf),
        Relation(((cell, 1.0), (cell.total, -high / 100)), -inf, 0.0),
    ]


def mean_relations(mean: Mean, cells: Collection[Cell], scheme: Scheme) -> list[Relation]:
    """What a mean score says of the counts in ranges of that score: it is a mean of scores within the ranges' bounds."""
    ranges = [
        cell
        for cell in (Cell(mean.quarter, mean.group, mean.measure, category) for category in scheme.scores)
        if cell in cells
    ]
    if not ranges:
        return []
    total = ranges[0].total
    lowest = tuple((cell, scheme.scores[cell.category][0]) for cell in ranges)
    highest = tuple((cell, scheme.scores[cell.category][1]) for cell in ranges)
    return [
        Relation((*lowest, (total, -mean.bounds[1])), -inf, 0.0),
        Relation((*highest, (total, -mean.bounds[0])), 0.0, inf),
    ]
