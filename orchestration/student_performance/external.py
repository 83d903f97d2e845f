"""What the external edition tells: per quarter, counts by one demographic at a time, protected before they leave here.

No combination of demographics, no lowest or highest score, no moves between segments, no quarantined line, and no
quarter with few students: what is not published needs no protection.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any

import pandas as pd

from orchestration.core.disclosure import ALL, STUDENTS, Cell, Figure, Group, Mean, Rules, Scheme
from orchestration.core.disclosure_solved import Solved
from orchestration.core.disclosure_suppression import Protected, TooFewStudentsError, protect
from orchestration.core.external_figures import note, share_pct
from orchestration.core.site_format import plain
from orchestration.student_performance.pages_input import PagesData
from orchestration.student_performance.payloads import NOT_GIVEN

GRADE, SEGMENT, PASSED = "grade", "segment", "passed"
RANGE_SCHEME, GRADE_SCHEME = "us_letter", "kaggle_grade"
# A quarter with fewer times the smallest shown count is left out: nearly all of it would be hidden.
SMALLEST_QUARTER = 10


@dataclass(frozen=True)
class QuarterCounts:
    """The true counts of a quarter's cells. schemes, categories (in the order to show them) and bounds are by measure.

    bounds: a category's lowest and highest score as text for the tables; the grades have no highest, since one failed
    subject makes the lowest grade of any mean.
    """

    counts: dict[Cell, int]
    schemes: dict[str, Scheme]
    categories: dict[str, list[str]]
    bounds: dict[tuple[str, str], tuple[float, float | None]]


@dataclass(frozen=True)
class ExternalQuarter:
    """A quarter of the external edition: what may be said of it, and what it is about."""

    quarter: str
    protected: Protected
    about: QuarterCounts

    def figure(self, group: Group, measure: str, category: str) -> Figure:
        """The figure that is published of a cell."""
        return self.protected.figures[Cell(self.quarter, group, measure, category)]

    def mean(self, group: Group, subject: str) -> int | None:
        """The mean score of a group to the nearest whole, None where it has none."""
        return self._means.get((group, subject))

    @cached_property
    def _means(self) -> dict[tuple[Group, str], int]:
        return {(mean.group, mean.measure): round(sum(mean.bounds) / 2) for mean in self.protected.means}


def external_quarters(data: PagesData, rules: Rules, solved: Solved | None = None) -> list[ExternalQuarter]:
    """Every quarter with enough students, protected; oldest first. solved: as in `protect`."""
    smallest = SMALLEST_QUARTER * rules.minimum_count
    made = []
    for quarter in sorted(data.quarters.loc[data.quarters["student_count"] >= smallest, "quarter"]):
        about = quarter_counts(data, quarter)
        try:
            protected = protect(about.counts, means_of(data, quarter, rules), about.schemes, rules, solved)
        except TooFewStudentsError:
            continue
        made.append(ExternalQuarter(quarter, protected, about))
    return made


def quarter_counts(data: PagesData, quarter: str) -> QuarterCounts:
    """The true count of every cell that the edition has: sizes of groups, ranges by subject, grades and segments."""
    about = QuarterCounts({}, {}, {}, {})
    wanted = [(subject.name, subject.name, RANGE_SCHEME) for subject in data.subjects]
    ranges = _ranges(data, quarter)
    for measure, subject, scheme in [*wanted, (GRADE, "overall", GRADE_SCHEME)]:
        _add_ranges(about, quarter, measure, ranges.get((subject, scheme), []))
    _add_passed(about, quarter)
    segments = data.segments[data.segments["quarter"] == quarter].sort_values("cluster_id")
    labels = dict(zip(segments["cluster_id"], segments["cluster_label"], strict=True))
    about.categories[SEGMENT] = list(dict.fromkeys(labels.values()))
    about.schemes[SEGMENT] = Scheme({}, {})
    cube = data.segment_cube[data.segment_cube["quarter"] == quarter]
    for group, (clusters, sizes) in _groups(data, cube, ["cluster_id", "student_count"]):
        about.counts[Cell(quarter, group, STUDENTS, ALL)] = int(sum(sizes))
        counts = dict.fromkeys(about.categories[SEGMENT], 0)
        for cluster, size in zip(clusters, sizes, strict=True):
            if cluster in labels:  # else students without a segment
                counts[labels[cluster]] += int(size)
        about.counts.update({Cell(quarter, group, SEGMENT, label): count for label, count in counts.items()})
    return about


def _ranges(data: PagesData, quarter: str) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The rows of every subject and scheme: label, bounds, dimension, its value, students; in the order of the ranges."""
    own = data.score_ranges[data.score_ranges["quarter"] == quarter].sort_values("range_order")
    columns = ("range_label", "lower_bound", "upper_bound", "dimension", "dimension_value", "student_count")
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for subject, scheme, *row in zip(
        *(own[name].tolist() for name in ("subject", "range_scheme", *columns)), strict=True
    ):
        found.setdefault((subject, scheme), []).append(tuple(row))
    return found


def _add_ranges(about: QuarterCounts, quarter: str, measure: str, ranges: Sequence[tuple[Any, ...]]) -> None:
    scores = {}
    for label, lower, upper, dimension, value, count in ranges:
        low, high = float(lower), float(upper)
        group: Group = () if dimension == ALL else ((str(dimension), _value(value)),)
        about.counts[Cell(quarter, group, measure, str(label))] = int(count)
        about.bounds[measure, str(label)] = (low, None if measure == GRADE else high)
        scores[str(label)] = (low, high)
    about.categories[measure] = list(scores)
    about.schemes[measure] = Scheme({}, {} if measure == GRADE else scores)


def _add_passed(about: QuarterCounts, quarter: str) -> None:
    """The lowest grade is that of those who do not pass, and of nobody else: all others together have passed."""
    passing = about.categories[GRADE][1:]
    about.schemes[GRADE] = Scheme({PASSED: passing}, {})
    for group in {cell.group for cell in about.counts}:
        about.counts[Cell(quarter, group, GRADE, PASSED)] = sum(
            about.counts[Cell(quarter, group, GRADE, grade)] for grade in passing
        )


def _value(value: Any) -> str:
    known = plain(value)
    return NOT_GIVEN if known is None or known == "" else str(known)


def _groups(data: PagesData, frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Group, list[list[Any]]]]:
    """Each group, everybody first, with the values of these columns in its rows, a list a column."""
    rows = list(zip(*(frame[column].tolist() for column in columns), strict=True))
    yield (), [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]
    for demographic in data.demographics:
        parts: dict[str, list[Any]] = {}
        for value, row in zip(frame[demographic.name].tolist(), rows, strict=True):
            parts.setdefault(_value(value), []).append(row)
        for value, part in sorted(parts.items()):
            yield ((demographic.name, value),), [list(column) for column in zip(*part, strict=True)]


def means_of(data: PagesData, quarter: str, rules: Rules) -> list[Mean]:
    """Mean scores by group and subject, to the nearest whole, as the interval that it stands for; none of a small group."""
    cube = data.exam_cube[data.exam_cube["quarter"] == quarter]
    sums = [f"{subject.name}_score_sum" for subject in data.subjects]
    made = []
    for group, (sizes, *scores) in _groups(data, cube, ["student_count", *sums]):
        students = int(sum(sizes))
        if students < max(rules.smallest_mean_group, rules.minimum_count):
            continue
        for subject, values in zip(data.subjects, scores, strict=True):
            mean = round(fsum(values) / students)
            made.append(Mean(quarter, group, subject.name, (mean - 0.5, mean + 0.5)))
    return made


def results_table(quarters: Sequence[ExternalQuarter]) -> pd.DataFrame:
    """The download of counts: one row a quarter, group, measure and category, hidden ones with a note and no count."""
    rows = []
    for one in quarters:
        for group in groups_of(one):
            for measure, categories in one.about.categories.items():
                sums = one.about.schemes[measure].sums
                for category in (*categories, *sums):
                    figure = one.figure(group, measure, category)
                    low, high = one.about.bounds.get((measure, category), (None, None))
                    rows.append(
                        {
                            **_place(one.quarter, group),
                            "measure": measure,
                            "category": category,
                            "sum_of": "; ".join(sums.get(category, ())),
                            "lower_bound": low,
                            "upper_bound": high,
                            "student_count": figure.count,
                            "student_pct": share_pct(one.protected, figure),
                            "note": note(figure),
                        }
                    )
    return pd.DataFrame(rows).astype({"student_count": "Int64", "student_pct": "Int64"})


def groups_table(quarters: Sequence[ExternalQuarter], subjects: Sequence[str]) -> pd.DataFrame:
    """The download of groups: one row a quarter and group, with its size and mean scores."""
    rows = [
        {
            **_place(one.quarter, group),
            "student_count": one.figure(group, STUDENTS, ALL).count,
            **{f"{subject}_mean_score": one.mean(group, subject) for subject in subjects},
            "note": note(one.figure(group, STUDENTS, ALL)),
        }
        for one in quarters
        for group in groups_of(one)
    ]
    return pd.DataFrame(rows).astype({"student_count": "Int64", **{f"{name}_mean_score": "Int64" for name in subjects}})


def groups_of(one: ExternalQuarter) -> list[Group]:
    """The groups of a quarter, everybody first."""
    return sorted({cell.group for cell in one.protected.figures})


def _place(quarter: str, group: Group) -> dict[str, str]:
    dimension, value = group[0] if group else (ALL, ALL)
    return {"quarter": quarter, "dimension": dimension, "dimension_value": value}
