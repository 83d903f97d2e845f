"""Choose what to hide of a quarter, so that nobody can bound a hidden count closely: greedy, checked by linear programming."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.core.disclosure import (
    STUDENTS,
    Cell,
    Figure,
    Interval,
    Mean,
    Rules,
    Scheme,
    interval_of,
    mean_relations,
    rounded,
    share_relations,
    structure,
)
from orchestration.core.disclosure_bounds import UNKNOWN, Bounds
from orchestration.core.disclosure_solved import Solved
from orchestration.core.errors import QuarterdeckError


class TooFewStudentsError(QuarterdeckError):
    """A quarter cannot be published at all."""


@dataclass(frozen=True)
class Protected:
    """What may be published of a quarter: a figure for every cell, the means that may stay, and what was hidden for others."""

    figures: Mapping[Cell, Figure]
    means: Sequence[Mean]
    complementary: frozenset[Cell]


def primary(counts: Mapping[Cell, int], rules: Rules) -> dict[Cell, Figure]:
    """A figure for every cell by its own count alone: small ones hidden, shares at the ends blurred, the others rounded."""
    return {cell: _figure(cell, count, counts, rules) for cell, count in counts.items()}


def _figure(cell: Cell, count: int, counts: Mapping[Cell, int], rules: Rules) -> Figure:
    if count < rules.minimum_count:
        return Figure(cell)
    size = counts[cell.total]
    if cell.measure != STUDENTS and 100 * count > rules.high_pct * size:
        return Figure(cell, share=(rules.high_pct, 100))
    if cell.measure != STUDENTS and 100 * count < rules.low_pct * size:
        return Figure(cell, share=(0, rules.low_pct))
    return Figure(cell, count=rounded(count, rules.rounded_to))


def protect(
    counts: Mapping[Cell, int],
    means: Sequence[Mean],
    schemes: Mapping[str, Scheme],
    rules: Rules,
    solved: Solved | None = None,
) -> Protected:
    """Hide small counts of one quarter, then the fewest students' worth of others until each hidden one is protected.

    counts: every cell of the quarter with its number of students. The order of cells and means does not matter. solved: what
    was found out before.

    Raises:
        TooFewStudentsError: hiding everything would not protect a count.
    """
    cells, given = sorted(counts), sorted(set(means), key=repr)

    def choose() -> dict[str, list[int]]:
        chosen = _Suppression(counts, means, schemes, rules).run()
        return {
            "complementary": [at for at, cell in enumerate(cells) if cell in chosen.complementary],
            "means": [at for at, mean in enumerate(given) if mean in chosen.means],
        }

    question = "protect", [(cell, counts[cell]) for cell in cells], given, sorted(schemes.items()), rules
    chosen = (solved or Solved()).answer(question, choose)
    complementary = frozenset(cells[at] for at in chosen["complementary"])
    figures = primary({cell: counts[cell] for cell in cells}, rules) | {cell: Figure(cell) for cell in complementary}
    return Protected(figures, [given[at] for at in chosen["means"]], complementary)


class _Suppression:
    def __init__(
        self, counts: Mapping[Cell, int], means: Sequence[Mean], schemes: Mapping[str, Scheme], rules: Rules
    ) -> None:
        self.counts, self.rules = counts, rules
        # In one order: of several equally good solutions of a programme, which one is found depends on the order of its rows.
        self.figures = primary(dict(sorted(counts.items())), rules)
        self.shares = {
            cell: share_relations(cell, figure.share)
            for cell, figure in self.figures.items()
            if figure.share is not None
        }
        self.means = {mean: mean_relations(mean, counts, schemes[mean.measure]) for mean in sorted(means, key=repr)}
        known = {cell: _known(figure, rules) for cell, figure in self.figures.items()}
        extra = [relation for some in (*self.shares.values(), *self.means.values()) for relation in some]
        self.bounds = Bounds(known, [*structure(counts, schemes), *extra])
        self.complementary: set[Cell] = set()

    def run(self) -> Protected:
        waiting = sorted(cell for cell, figure in self.figures.items() if figure.count is None)
        self.bounds.explore(waiting)
        while waiting:
            cell = waiting.pop(0)
            while not self.bounds.is_at_least(cell, self.rules.minimum_width):
                waiting += self._loosen(cell)
        return Protected(self.figures, list(self.means), frozenset(self.complementary))

    def _loosen(self, cell: Cell) -> list[Cell]:
        """Take away one thing that bounds the cell; return the cells hidden by that, which need protection too.

        The smallest count or blurred share goes first, sizes of groups come after those, means last.
        """
        cells, relations = self.bounds.binding(cell)
        blurred = [other for other, some in self.shares.items() if not set(some).isdisjoint(relations)]
        shown = [other for other in cells if self.figures[other].count is not None]
        if blurred or shown:
            near = min({*blurred, *shown}, key=self._worth)
            for relation in self.shares.pop(near, []):
                self.bounds.drop(relation)
            self.figures[near] = Figure(near)
            self.bounds.release(near)
            self.complementary.add(near)
            return [near]
        for mean in sorted(self.means, key=repr):
            if not set(self.means[mean]).isdisjoint(relations):
                for relation in self.means.pop(mean):
                    self.bounds.drop(relation)
                return []
        raise TooFewStudentsError(
            f"{cell.quarter} has too few students for the external edition: hiding everything would not protect "
            f"{cell.measure} {cell.category} of {dict(cell.group) or 'everybody'}."
        )

    def _worth(self, cell: Cell) -> tuple[bool, int, Cell]:
        return cell.measure == STUDENTS, self.counts[cell], cell


def _known(figure: Figure, rules: Rules) -> Interval:
    return UNKNOWN if figure.count is None else interval_of(figure.count, rules)
