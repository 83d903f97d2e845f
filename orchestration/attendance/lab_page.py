"""What the page of the definitions lab shows of attendance: the counts of the marts, as `quarterdeck lab` has them."""

from typing import Any

import pandas as pd

from orchestration.attendance.figures import figure_of
from orchestration.attendance.pages_input import PagesData
from orchestration.core.figures import marked, sentence
from orchestration.core.lab_page import BoundaryCase, Flip, LabResult
from orchestration.core.pseudonyms import shortened
from orchestration.core.site_format import count, decimal

TITLES = {"chronic_absence": "Chronic absence", "attendance_tier": "Attendance tiers"}
COMPARED_BY = (
    "Outcomes are compared by their place from the lowest range up; other names for the same place are no difference"
)
# Students exactly on a bound who are shown of a definition; `quarterdeck lab` shows all who flip.
SHOWN_CASES = 25


def lab_results(data: PagesData, quarter: str) -> list[LabResult]:
    """Every definition that has an outcome in the quarter."""
    return [_result(data, quarter, name, title) for name, title in TITLES.items() if _has(data.outcomes, quarter, name)]


def _has(frame: pd.DataFrame, quarter: str, name: str) -> bool:
    return bool(((frame["quarter"] == quarter) & (frame["definition"] == name)).any())


def _own(frame: pd.DataFrame, quarter: str, name: str) -> pd.DataFrame:
    return frame[(frame["quarter"] == quarter) & (frame["definition"] == name)]


def _result(data: PagesData, quarter: str, name: str, title: str) -> LabResult:
    everybody = _own(data.outcomes, quarter, name).query("school_code == 'all'")
    # Ranges from the lowest up, and whoever none of them is of as the last.
    everybody = everybody.sort_values("outcome_rank", key=lambda ranks: ranks.where(ranks > 0, ranks.max() + 1))
    counts: dict[str, dict[str, int]] = {}
    for row in everybody.to_dict("records"):
        counts.setdefault(f"{row['authority']}@{row['version']}", {})[row["outcome"]] = row["student_count"]
    cases = _own(data.boundary_cases, quarter, name).sort_values(["bound_pct", "student_id", "version_name"])
    by_student = [(student, rows) for student, rows in cases.groupby("student_id", sort=False)]
    return LabResult(
        name=name,
        title=title,
        counts=counts,
        outcomes={version: list(by_outcome) for version, by_outcome in counts.items()},
        flips=[_flip(row) for row in _own(data.flips, quarter, name).to_dict("records")],
        boundary_cases=[_case(str(student), rows) for student, rows in by_student[:SHOWN_CASES]],
        boundary_count=len(by_student),
        shown_count=min(len(by_student), SHOWN_CASES),
        compared_by=COMPARED_BY,
        noted="Their attendance",
        told_by="Pseudonym",
    )


def _flip(row: dict[Any, Any]) -> Flip:
    low, high = row["lowest_attendance_pct"], row["highest_attendance_pct"]
    key = [row[part] for part in ("definition", "version_name", "other_version_name", "outcome", "other_outcome")]
    lowest, highest = (
        marked(decimal(row[column], 2), figure_of("flips", row["quarter"], column, *key))
        for column in ("lowest_attendance_pct", "highest_attendance_pct")
    )
    return Flip(
        one=row["version_name"],
        other=row["other_version_name"],
        outcome=row["outcome"],
        other_outcome=row["other_outcome"],
        clause=row["clause"],
        other_clause=row["other_clause"],
        student_count=row["student_count"],
        note=sentence("{}%", lowest) if low == high else sentence("{}% to {}%", lowest, highest),
    )


def _case(student: str, rows: pd.DataFrame) -> BoundaryCase:
    row = rows.iloc[0]
    who = shortened(student)

    def figure(text: str, column: str) -> Any:
        return marked(text, figure_of("bound_cases", row["quarter"], column, row["definition"], who))

    return BoundaryCase(
        who=sentence("<code>{}</code>", who),
        figures=sentence(
            "{} of {} days, exactly {}%",
            figure(f"{row['present_days']:g}", "present_days"),
            figure(count(row["enrolled_days"]), "enrolled_days"),
            figure(f"{row['bound_pct']:g}", "bound_pct"),
        ),
        outcomes=dict(zip(rows["version_name"], rows["outcome"], strict=True)),
    )
