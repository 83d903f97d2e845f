"""Bound hidden counts by linear programming over everything published together: the same for builder and attacker."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, floor, inf
from typing import Any

from orchestration.core.disclosure import Cell, Interval, Relation
from orchestration.core.errors import QuarterdeckError

_TOLERANCE = 1e-6
# What is known of a cell of which nothing is known.
UNKNOWN: Interval = (0.0, inf)


class ContradictionError(QuarterdeckError):
    """The published figures cannot all be true."""


class Bounds:
    """The linear programme of one quarter: a variable a cell, a row a relation, solved by HiGHS.

    Only the objective changes between two questions, so each starts from the last one's solution. Every solution is a
    possible truth: the values it gives to all cells are kept, and a cell that was seen far enough apart needs no
    programme of its own. Widening (`release`) keeps all of them possible.
    """

    def __init__(self, known: Mapping[Cell, Interval], relations: Sequence[Relation]) -> None:
        # Imported here because only publishing and the attack need the solver.
        import highspy
        import numpy as np

        self.cells = sorted(known)
        self.index = {cell: number for number, cell in enumerate(self.cells)}
        self.relations = list(relations)
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)
        self._go_on()
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._minimize, self._maximize = highspy.ObjSense.kMinimize, highspy.ObjSense.kMaximize
        # Far above every count there is, so that each programme has an end and no number is out of proportion.
        self._most = 10.0 * max([100.0, *(upper for _, upper in known.values() if upper < inf)])
        for cell in self.cells:
            lower, upper = known[cell]
            self._highs.addVar(lower, min(upper, self._most))
        for relation in self.relations:
            columns = np.array([self.index[cell] for cell, _ in relation.terms], dtype=np.int32)
            weights = np.array([weight for _, weight in relation.terms])
            self._highs.addRow(relation.lower, relation.upper, len(columns), columns, weights)
        self._lowest = np.full(len(self.cells), self._most)
        self._highest = np.zeros(len(self.cells))
        self._numpy = np

    def explore(self, cells: Sequence[Cell], rounds: int = 6) -> None:
        """Push all these cells up or down at once, in a few mixed ways: most of them need no programme of their own then."""
        columns = self._numpy.array([self.index[cell] for cell in cells], dtype=self._numpy.int32)
        mixed = self._numpy.random.default_rng(0)
        for _ in range(rounds if len(columns) else 0):
            costs = mixed.choice([-1.0, 1.0], len(columns))
            self._highs.changeColsCost(len(columns), columns, costs)
            for sense in (self._minimize, self._maximize):
                self._solve(sense, int(columns[0]))
        self._highs.changeColsCost(len(columns), columns, self._numpy.zeros(len(columns)))

    def release(self, cell: Cell) -> None:
        """Forget what was known of a cell by itself."""
        self._highs.changeColBounds(self.index[cell], 0.0, self._most)

    def drop(self, relation: Relation) -> None:
        """Forget a relation."""
        self._highs.changeRowBounds(self.relations.index(relation), -inf, inf)

    def interval(self, cell: Cell) -> Interval:
        """The whole numbers between which the cell must lie.

        Raises:
            ContradictionError: no numbers at all fit what is known.
        """
        column = self.index[cell]
        self._highs.changeColCost(column, 1.0)
        low, high = self._solve(self._minimize, column), self._solve(self._maximize, column)
        self._highs.changeColCost(column, 0.0)
        return ceil(low - _TOLERANCE), floor(high + _TOLERANCE)

    def is_at_least(self, cell: Cell, width: int) -> bool:
        """Whether the cell's interval has at least this width; often known without solving."""
        column = self.index[cell]
        if floor(self._highest[column] + _TOLERANCE) - ceil(self._lowest[column] - _TOLERANCE) >= width:
            return True
        low, high = self.interval(cell)
        return high - low >= width

    def binding(self, cell: Cell) -> tuple[list[Cell], list[Relation]]:
        """The cells and relations by whose own bounds the cell's interval ends: those with a price in either programme."""
        column = self.index[cell]
        cells: set[int] = set()
        relations: set[int] = set()
        self._highs.changeColCost(column, 1.0)
        for sense in (self._minimize, self._maximize):
            self._solve(sense, column)
            solution = self._highs.getSolution()
            cells |= {at for at, price in enumerate(solution.col_dual) if abs(price) > _TOLERANCE}
            relations |= {at for at, price in enumerate(solution.row_dual) if abs(price) > _TOLERANCE}
        self._highs.changeColCost(column, 0.0)
        return [self.cells[at] for at in sorted(cells)], [self.relations[at] for at in sorted(relations)]

    def pinned(self, cells: Collection[Cell], width: int) -> dict[Cell, Interval]:
        """Those of the cells that can be bounded in an interval narrower than the width, with it."""
        return {cell: self.interval(cell) for cell in sorted(cells) if not self.is_at_least(cell, width)}

    def _go_on(self) -> None:
        """With a new objective the last solution stays possible, which is what the primal simplex method begins with."""
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("simplex_strategy", 4)

    def _begin_anew(self) -> None:
        self._highs.clearSolver()
        self._highs.setOptionValue("presolve", "on")
        self._highs.setOptionValue("simplex_strategy", 1)

    def _solve(self, sense: Any, column: int) -> float:
        self._highs.changeObjectiveSense(sense)
        self._highs.run()
        if self._highs.getModelStatus() != self._optimal:
            # Going on can end in numerical trouble that the other method, from nothing, does not meet.
            self._begin_anew()
            self._highs.run()
            self._go_on()
        status = self._highs.getModelStatus()
        if status != self._optimal:
            words = self._highs.modelStatusToString(status)
            cell = self.cells[column]
            raise ContradictionError(
                f"The published figures of {cell.quarter} contradict each other (solver: {words}); "
                "at least one of them is wrong. Compare the pages and downloads of the edition."
            )
        values = self._numpy.asarray(self._highs.getSolution().col_value)
        self._numpy.minimum(self._lowest, values, out=self._lowest)
        self._numpy.maximum(self._highest, values, out=self._highest)
        return float(values[column])
