"""Attack a built edition as an outsider: bound each hidden count by linear programming over everything that was published."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.core.disclosure import (
    STUDENTS,
    Cell,
    Figure,
    Interval,
    Mean,
    Relation,
    Rules,
    Scheme,
    interval_of,
    mean_relations,
    share_relations,
    structure,
)
from orchestration.core.disclosure_bounds import UNKNOWN, Bounds
from orchestration.core.disclosure_reading import read_site
from orchestration.core.disclosure_solved import Solved


@dataclass(frozen=True)
class OpenCells:
    """How many cells there are counts of, and how many of those are below the minimum."""

    cells: int
    small: int


@dataclass(frozen=True)
class Attack:
    """What the attacker has: the edition holds when nothing is pinned, in the open or not understood.

    figures: all that was read of counts. hidden: how many counts are marked as hidden. pinned: those of them bounded in
    an interval narrower than the width. in_the_open: counts below the minimum that can simply be read.
    """

    numbers_read: int
    figures: Sequence[Figure]
    hidden: int
    pinned: Mapping[Cell, Interval]
    in_the_open: Mapping[Cell, int]
    not_understood: tuple[str, ...]

    @property
    def cells(self) -> int:
        """How many counts the edition is about."""
        return len({figure.cell for figure in self.figures})

    def in_the_open_by_dimensions(self) -> dict[int, OpenCells]:
        """Sizes of groups with at least one student, and the small ones in the open, by number of dimensions."""
        sizes = {figure.cell for figure in self.figures if figure.cell.measure == STUDENTS and figure.count}
        return {
            several: OpenCells(
                sum(len(cell.group) == several for cell in sizes),
                sum(len(cell.group) == several for cell in self.in_the_open if cell in sizes),
            )
            for several in {len(cell.group) for cell in sizes & set(self.in_the_open)}
        }

    @property
    def exact(self) -> int:
        """How many hidden counts were recovered exactly."""
        return sum(low == high for low, high in self.pinned.values())

    @property
    def succeeded(self) -> bool:
        """Whether the edition must not be published."""
        return bool(self.pinned or self.in_the_open or self.not_understood)


def attack(site: Path, rules: Rules, solved: Solved | None = None) -> Attack:
    """Attack a built site; of the rules only the smallest count and the width judge, all else is what the site says itself.

    The whole site is read each time. A quarter of which exactly the same was told before, that is in `solved`, need not be
    bounded again.

    Raises:
        ContradictionError: the published figures cannot all be true.
    """
    reading = read_site(site)
    facts = reading.facts
    said = Rules(
        minimum_count=int(facts.get("minimum_count", 0)),
        rounded_to=int(facts.get("rounded_to", 1)),
    )
    pinned: dict[Cell, Interval] = {}
    hidden: set[Cell] = set()
    by_quarter: dict[str, list[Figure]] = {}
    for figure in reading.figures:
        by_quarter.setdefault(figure.cell.quarter, []).append(figure)
    for quarter, figures in sorted(by_quarter.items()):
        told = sorted(set(figures), key=repr)
        targets = sorted({figure.cell for figure in told if figure.count is None and figure.share is None})
        if targets:
            means = sorted({mean for mean in reading.means if mean.quarter == quarter}, key=repr)
            pinned |= _pinned(targets, told, means, reading.schemes(), said, rules.minimum_width, solved or Solved())
            hidden.update(targets)
    in_the_open = {
        figure.cell: figure.count
        for figure in reading.figures
        if figure.count is not None and 0 < figure.count < rules.minimum_count
    }
    return Attack(
        numbers_read=reading.numbers_read,
        figures=reading.figures,
        hidden=len(hidden),
        pinned=pinned,
        in_the_open=in_the_open,
        not_understood=tuple(reading.strange),
    )


def _pinned(
    targets: Sequence[Cell],
    told: Sequence[Figure],
    means: Sequence[Mean],
    schemes: Mapping[str, Scheme],
    said: Rules,
    width: int,
    solved: Solved,
) -> dict[Cell, Interval]:
    """Those of a quarter's hidden counts that all that is told of it bounds in an interval narrower than the width."""

    def bound() -> list[tuple[int, float, float]]:
        bounds = _bounds(told, means, schemes, said)
        bounds.explore(targets)
        found = bounds.pinned(targets, width)
        return [(at, *found[cell]) for at, cell in enumerate(targets) if cell in found]

    question = "attack", told, means, sorted(schemes.items()), said, width
    return {targets[at]: (low, high) for at, low, high in solved.answer(question, bound)}


def _bounds(told: Iterable[Figure], means: Iterable[Mean], schemes: Mapping[str, Scheme], said: Rules) -> Bounds:
    counts: dict[Cell, set[int]] = {}
    shares: dict[Cell, set[Interval]] = {}
    for figure in told:
        counts.setdefault(figure.cell, set())
        counts.setdefault(figure.cell.total, set())
        if figure.count is not None:
            counts[figure.cell].add(figure.count)
        if figure.share is not None:
            shares.setdefault(figure.cell, set()).add(figure.share)
    known = {cell: _intersection(interval_of(count, said) for count in seen) for cell, seen in counts.items()}
    relations: list[Relation] = structure(known, schemes)
    for cell, seen in shares.items():
        for share in sorted(seen):
            if not _follows(share, counts[cell], counts[cell.total]):
                relations += share_relations(cell, share)
    for mean in means:
        if mean.measure in schemes:
            relations += mean_relations(mean, known, schemes[mean.measure])
    return Bounds(known, relations)


def _follows(share: Interval, counts: set[int], totals: set[int]) -> bool:
    """Whether a percentage is that of the published counts, so that it says nothing more."""
    return any(share[0] <= 100 * count / total <= share[1] for count in counts for total in totals if total)


def _intersection(intervals: Iterable[Interval]) -> Interval:
    low, high = UNKNOWN
    for some_low, some_high in intervals:
        low, high = max(low, some_low), min(high, some_high)
    return low, high
