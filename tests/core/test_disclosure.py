"""Disclosure control: what is hidden cannot be bounded, judged by another solver than the one that chose it."""

import random
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from orchestration.core.disclosure import (
    ALL,
    STUDENTS,
    Cell,
    Figure,
    Mean,
    Relation,
    Rules,
    Scheme,
    interval_of,
    mean_relations,
    rounded,
    share_relations,
    structure,
)
from orchestration.core.disclosure_bounds import UNKNOWN, Bounds, ContradictionError
from orchestration.core.disclosure_suppression import Protected, TooFewStudentsError, primary, protect

QUARTER = "2026Q4"
SCHEMES = {
    "score": Scheme({}, {"low": (0, 50), "middle": (50, 80), "high": (80, 100)}),
    "grade": Scheme({"passed": ["A", "B"]}, {}),
}
EXACT = Rules(rounded_to=1, low_pct=0, high_pct=100)


def cells_of(students: list[tuple[str, str, int, str]]) -> dict[Cell, int]:
    """Counts of (colour, size, score, grade) students by one demographic at a time."""
    groups = {(): students}
    for position, name in ((0, "colour"), (1, "size")):
        for value in {student[position] for student in students}:
            groups[((name, value),)] = [student for student in students if student[position] == value]
    counts = {}
    for group, some in groups.items():
        counts[Cell(QUARTER, group, STUDENTS, ALL)] = len(some)
        for category, (low, high) in SCHEMES["score"].scores.items():
            counts[Cell(QUARTER, group, "score", category)] = sum(low <= s[2] < high for s in some)
        for grade in ("A", "B", "F"):
            counts[Cell(QUARTER, group, "grade", grade)] = sum(s[3] == grade for s in some)
        counts[Cell(QUARTER, group, "grade", "passed")] = sum(s[3] != "F" for s in some)
    return counts


def means_of(students: list[tuple[str, str, int, str]]) -> list[Mean]:
    mean = round(sum(student[2] for student in students) / len(students))
    return [Mean(QUARTER, (), "score", (mean - 0.5, mean + 0.5))]


@st.composite
def cohorts(draw: st.DrawFn) -> list[tuple[str, str, int, str]]:
    seed, size = draw(st.integers(0, 10_000)), draw(st.integers(100, 400))
    rare = draw(st.floats(0.005, 0.3))
    generator = random.Random(seed)
    return [
        (
            generator.choices(["red", "blue", "grey"], [1, 1, rare])[0],
            generator.choices(["small", "large"], [rare, 1])[0],
            min(99, max(0, round(generator.gauss(66, 12)))),
            generator.choices(["A", "B", "F"], [1, 1, rare])[0],
        )
        for _ in range(size)
    ]


def known_of(protected: Protected, rules: Rules) -> tuple[dict[Cell, tuple[float, float]], list[Relation]]:
    """All that a reader of the protected figures knows."""
    known = {
        cell: UNKNOWN if figure.count is None else interval_of(figure.count, rules)
        for cell, figure in protected.figures.items()
    }
    relations = structure(known, SCHEMES)
    for cell, figure in protected.figures.items():
        relations += share_relations(cell, figure.share) if figure.share else []
    for mean in protected.means:
        relations += mean_relations(mean, known, SCHEMES[mean.measure])
    return known, relations


def bounds_by_scipy(
    known: Mapping[Cell, tuple[float, float]], relations: list[Relation], target: Cell
) -> tuple[float, float]:
    cells = sorted(known)
    place = {cell: at for at, cell in enumerate(cells)}
    matrix, limits = [], []
    for relation in relations:
        row = np.zeros(len(cells))
        for cell, weight in relation.terms:
            row[place[cell]] = weight
        for sign, limit in ((1, relation.upper), (-1, -relation.lower)):
            if np.isfinite(limit):
                matrix.append(sign * row)
                limits.append(limit)
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(cells))
        cost[place[target]] = sign
        answer = linprog(cost, np.array(matrix), np.array(limits), bounds=[known[cell] for cell in cells])
        assert answer.status == 0
        ends.append(sign * answer.fun)
    return np.ceil(ends[0] - 1e-5), np.floor(ends[1] + 1e-5)


@settings(max_examples=25, deadline=None)
@given(cohorts(), st.sampled_from([Rules(), EXACT, Rules(minimum_count=5, minimum_width=10)]))
def test_no_hidden_count_can_be_bounded_closely_and_none_shown_is_small(
    students: list[tuple[str, str, int, str]], rules: Rules
) -> None:
    counts = cells_of(students)
    try:
        protected = protect(counts, means_of(students), SCHEMES, rules)
    except TooFewStudentsError:
        # Then even a reader who is told nothing but the structure could bound something: there is no honest edition.
        assert min(count for cell, count in counts.items() if cell.measure == STUDENTS) < 10 * rules.minimum_count
        return
    shown = {cell: figure.count for cell, figure in protected.figures.items() if figure.count is not None}
    assert all(counts[cell] >= rules.minimum_count for cell in shown)
    assert all(abs(counts[cell] - count) <= rules.rounded_to / 2 for cell, count in shown.items())
    known, relations = known_of(protected, rules)
    for cell, figure in protected.figures.items():
        if figure.count is None:
            low, high = bounds_by_scipy(known, relations, cell)
            assert low <= counts[cell] <= high
            assert high - low >= rules.minimum_width, cell


@settings(max_examples=10, deadline=None)
@given(cohorts(), st.integers(0, 1000))
def test_the_same_is_hidden_whatever_the_order(students: list[tuple[str, str, int, str]], seed: int) -> None:
    counts = list(cells_of(students).items())
    first = protect(dict(counts), means_of(students), SCHEMES, EXACT)
    random.Random(seed).shuffle(counts)
    assert protect(dict(counts), means_of(students), SCHEMES, EXACT).figures == first.figures


def test_hiding_small_counts_alone_is_undone_by_subtraction() -> None:
    students = [("red", "large", 60, "A")] * 60 + [("blue", "large", 60, "B")] * 60 + [("blue", "small", 90, "F")] * 3
    counts = cells_of(students)
    alone = Protected(primary(counts, EXACT), [], frozenset())
    small = Cell(QUARTER, (), "grade", "F")
    assert Bounds(*known_of(alone, EXACT)).interval(small) == (3, 3)
    protected = protect(counts, [], SCHEMES, EXACT)
    low, high = Bounds(*known_of(protected, EXACT)).interval(small)
    assert high - low >= EXACT.minimum_width
    assert protected.complementary


def test_zero_is_hidden_and_a_group_all_in_one_category_is_not_told() -> None:
    counts = cells_of([("red", "large", 60, "A")] * 70 + [("blue", "large", 90, "B")] * 70)
    red = (("colour", "red"),)
    figures = protect(counts, [], SCHEMES, Rules()).figures
    assert figures[Cell(QUARTER, red, "grade", "B")].count is None
    assert figures[Cell(QUARTER, red, "grade", "A")].count is None


def test_shares_at_the_ends_are_blurred_and_counts_rounded() -> None:
    counts = cells_of([("red", "large", 60, "A")] * 1966 + [("blue", "large", 60, "B")] * 34)
    figures = primary(counts, Rules())
    assert figures[Cell(QUARTER, (), "grade", "A")] == Figure(Cell(QUARTER, (), "grade", "A"), share=(95, 100))
    assert figures[Cell(QUARTER, (), "grade", "B")] == Figure(Cell(QUARTER, (), "grade", "B"), share=(0, 5))
    assert figures[Cell(QUARTER, (("colour", "red"),), STUDENTS, ALL)].count == 1965


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 5, 10]))
def test_a_rounded_count_stands_for_its_own(count: int, base: int) -> None:
    low, high = interval_of(rounded(count, base), Rules(minimum_count=0, rounded_to=base))
    assert low <= count <= high
    assert high - low < base


def test_a_mean_bounds_the_ranges_of_its_score() -> None:
    low, high = Cell(QUARTER, (), "score", "low"), Cell(QUARTER, (), "score", "high")
    known = {Cell(QUARTER, (), STUDENTS, ALL): (100.0, 100.0), low: UNKNOWN, high: UNKNOWN}
    scheme = Scheme({}, {"low": (0, 50), "high": (80, 100)})
    relations = structure(known, {"score": scheme})
    relations += mean_relations(Mean(QUARTER, (), "score", (98.5, 99.5)), known, scheme)
    # At most three of a hundred can have 50 or less when the mean is 98.5 or more.
    assert Bounds(known, relations).interval(low) == (0, 3)


def test_figures_that_cannot_all_be_true_are_refused() -> None:
    total, part = Cell(QUARTER, (), STUDENTS, ALL), Cell(QUARTER, (), "grade", "A")
    known = {total: (50.0, 50.0), part: (60.0, 60.0)}
    with pytest.raises(ContradictionError, match="contradict each other"):
        Bounds(known, structure(known, {})).interval(part)
