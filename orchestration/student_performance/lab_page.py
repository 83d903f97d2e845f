"""What the page of the definitions lab shows of exams: the counts of `rpt_exam_outcomes`, as `quarterdeck lab` has them."""

import csv
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from itertools import combinations
from typing import Any

from orchestration.core.dbt import PROJECT_DIR
from orchestration.core.figures import FigureId, marked, sentence
from orchestration.core.lab_page import BoundaryCase, Flip, LabResult
from orchestration.core.site_format import count, decimal
from orchestration.student_performance.figures import figure_of
from orchestration.student_performance.lab import clause
from orchestration.student_performance.pages_input import LabVersions, PagesData

SEED = PROJECT_DIR / "seeds/student_performance/exam_definitions.csv"
TITLES = {"pass": "Passing", "grade": "Grades", "score_range": "Ranges of the mean score"}


def read_versions() -> LabVersions:
    """Each version's outcomes from the lowest range up, with the clause that decides on them."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: Decimal(row["lower_bound"] or 0)):
        typed: dict[str, Any] = {
            **row,
            "subject_minimum": row["subject_minimum"] and Decimal(row["subject_minimum"]),
            "lower_bound": Decimal(row["lower_bound"] or 0),
            "upper_bound": Decimal(row["upper_bound"] or 0),
            "includes_lower": row["includes_lower"] == "true",
            "includes_upper": row["includes_upper"] == "true",
        }
        versions = found.setdefault(str(row["definition"]), {})
        versions.setdefault(f"{row['authority']}@{row['version']}", {})[str(row["outcome"])] = clause(typed)
    return found


def lab_results(data: PagesData, quarter: str) -> list[LabResult]:
    """Every definition that has an outcome in the quarter."""
    shown = set(data.exam_outcomes.loc[data.exam_outcomes["quarter"] == quarter, "definition"])
    return [_result(data, quarter, name, title) for name, title in TITLES.items() if name in shown]


def _result(data: PagesData, quarter: str, name: str, title: str) -> LabResult:
    frame = data.exam_outcomes
    rows = frame[(frame["quarter"] == quarter) & (frame["definition"] == name)].to_dict("records")
    clauses = data.lab_versions[name]
    judged = [(dict(part.split("=", 1) for part in row["outcomes"].split(", ")), row) for row in rows]
    counts = {version: dict.fromkeys(outcomes, 0) for version, outcomes in clauses.items()}
    for outcomes, row in judged:
        for version, outcome in outcomes.items():
            counts[version][outcome] += row["student_count"]
    on_bound = sorted(
        (one for one in judged if one[1]["is_on_bound"]),
        key=lambda one: (one[1]["lowest_mean_score"], one[1]["outcomes"]),
    )
    return LabResult(
        name=name,
        title=title,
        counts=counts,
        outcomes={version: list(outcomes) for version, outcomes in clauses.items()},
        flips=_flips(judged, clauses, quarter, name),
        boundary_cases=[_case(outcomes, row) for outcomes, row in on_bound],
        boundary_count=sum(row["student_count"] for _, row in on_bound),
        shown_count=sum(row["student_count"] for _, row in on_bound),
        compared_by="Outcomes are compared by their names; authorities that have no name in common are not compared",
        noted="Their mean score",
        told_by="Students",
        not_compared=frozenset(
            frozenset(pair) for pair in combinations(clauses, 2) if not set(clauses[pair[0]]) & set(clauses[pair[1]])
        ),
    )


def _flips(
    judged: list[tuple[dict[str, str], dict[Any, Any]]],
    clauses: Mapping[str, Mapping[str, str]],
    quarter: str,
    definition: str,
) -> list[Flip]:
    by_outcomes: dict[tuple[str, str, str, str], list[dict[Any, Any]]] = {}
    for outcomes, row in judged:
        for one, other in combinations(sorted(outcomes), 2):
            if outcomes[one] != outcomes[other] and set(clauses[one]) & set(clauses[other]):
                by_outcomes.setdefault((one, other, outcomes[one], outcomes[other]), []).append(row)
    return [
        Flip(
            one,
            other,
            outcome,
            other_outcome,
            clauses[one][outcome],
            clauses[other][other_outcome],
            sum(row["student_count"] for row in rows),
            _span(
                min(row["lowest_mean_score"] for row in rows),
                max(row["highest_mean_score"] for row in rows),
                2,
                partial(_flip_figure, quarter, definition, key),
            ),
        )
        for key, rows in by_outcomes.items()
        for one, other, outcome, other_outcome in [key]
    ]


def _flip_figure(quarter: str, definition: str, key: tuple[str, str, str, str], end: str) -> FigureId:
    return figure_of("lab_flips", quarter, f"{end}_mean_score", definition, *key)


def _case(outcomes: Mapping[str, str], row: Mapping[Any, Any]) -> BoundaryCase:
    def figure(column: str) -> FigureId:
        return figure_of("exam_outcomes", row["quarter"], column, row["definition"], row["outcomes"], True)

    def span(measure: str, places: int) -> str:
        low, high = row[f"lowest_{measure}"], row[f"highest_{measure}"]
        return _span(low, high, places, lambda end: figure(f"{end}_{measure}"))

    return BoundaryCase(
        marked(count(row["student_count"]), figure("student_count")),
        sentence("mean {}, lowest subject {}", span("mean_score", 2), span("subject_score", 1)),
        outcomes,
    )


def _span(low: float, high: float, places: int, figure: Callable[[str], FigureId]) -> str:
    """From the lowest to the highest; `figure` gives the id of either end."""
    lowest = marked(decimal(low, places), figure("lowest"))
    return (
        sentence("{}", lowest)
        if low == high
        else sentence("{} to {}", lowest, marked(decimal(high, places), figure("highest")))
    )
