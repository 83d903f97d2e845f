"""Data of attendance pages without a database: two quarters of made-up students, whose marts are counted here by hand."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from orchestration.attendance.pages_input import PagesData

QUARTERS = ("2026Q2", "2026Q3")
TIERS = ((80, "severe"), (90, "chronic"), (95, "at_risk"), (100, "satisfactory"))
KIPP = ((80, "tier_4"), (90, "tier_3"), (95, "tier_2"), (101, "tier_1"))
SCHEMAS = {
    "identity_conflicts": "quarter source_student_id name_count row_count person_count status",
    "reasons": "quarter absence_reason category is_mapped text_count mention_count student_count",
    "segments": "quarter authority version outcome outcome_rank cluster_id cluster_label has_exam_result student_count",
    "streaks": "quarter day_count streak_count student_count",
}


def outcomes_of(enrolled: int, present: int) -> Iterator[tuple[str, str, int, str, int]]:
    """What some versions say of a student: definition, authority, version, outcome, its place."""
    share, enough = 100 * present, enrolled >= 20
    for authority, version, is_chronic in (
        ("edfacts", 1, share <= 90 * enrolled),
        ("edu", 1, share < 90 * enrolled),
        ("edu", 2, share <= 90 * enrolled),
    ):
        if authority == "edu" and not enough:
            yield "chronic_absence", authority, version, "not_enough_days", 0
        else:
            yield (
                "chronic_absence",
                authority,
                version,
                "chronic" if is_chronic else "not_chronic",
                1 if is_chronic else 2,
            )
    edu = next(place for place, (bound, _) in enumerate(TIERS) if share <= bound * enrolled)
    yield "attendance_tier", "edu", 1, *((TIERS[edu][1], edu + 1) if enough else ("not_enough_days", 0))
    kipp = next(place for place, (bound, _) in enumerate(KIPP) if share < bound * enrolled)
    yield "attendance_tier", "kipp", 1, KIPP[kipp][1], kipp + 1


def students(quarter: str, schools: Sequence[int], seed: int = 0) -> list[tuple[str, str, int, int]]:
    """(pseudonym, school, days enrolled, days present) of as many students a school as are asked for; one is exactly at 90 %."""
    mixed = random.Random(f"{quarter} {seed}")
    made = [("e3aac9f7" + "0" * 24, "S01", 60, 54)]
    for school, number in enumerate(schools, 1):
        for student in range(number - (school == 1)):
            enrolled = mixed.choice([12, 60, 60, 60, 60, 60, 60, 60])
            absent = min(enrolled, int(mixed.expovariate(1) * enrolled * 0.07))
            made.append((f"{school:04d}{student:028d}", f"S{school:02d}", enrolled, enrolled - absent))
    return made


def pages_data(
    quarters: Sequence[str] = QUARTERS,
    schools: Sequence[int] = (60, 45, 12, 150),
    *,
    hostile: str = "Flu",
    days: int = 12,
) -> PagesData:
    """All that the pages are made from, for these quarters and numbers of students by school."""
    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "days",
            "schools",
            "student_attendance",
            "outcomes",
            "chronic_absence",
            "flips",
            "boundary_cases",
            *SCHEMAS,
        )
    }
    for quarter in quarters:
        everybody = students(quarter, schools)
        _add_reports(tables, quarter, days)
        for code in ("all", *sorted({school for _, school, _, _ in everybody})):
            own = [row for row in everybody if code in ("all", row[1])]
            enrolled, present = sum(row[2] for row in own), sum(row[3] for row in own)
            counts = Counter(key for *_, one, two in own for key in outcomes_of(one, two))
            tables["student_attendance"].append(
                {
                    "quarter": quarter,
                    "school_code": code,
                    "student_count": len(own),
                    "transfer_student_count": 0,
                    "day_count": 60,
                    "enrolled_days": enrolled,
                    "present_days": present,
                    "average_daily_attendance": present / 60,
                    "attendance_pct": 100 * present / enrolled,
                }
            )
            names = ("definition", "authority", "version", "outcome", "outcome_rank")
            tables["outcomes"] += [
                {"quarter": quarter, "school_code": code, **dict(zip(names, key, strict=True)), "student_count": number}
                for key, number in sorted(counts.items())
            ]
            chronic = counts["chronic_absence", "edfacts", 1, "chronic", 1]
            tables["chronic_absence"].append(
                {
                    "quarter": quarter,
                    "school_code": code,
                    "authority": "edfacts",
                    "version": 1,
                    "student_count": len(own),
                    "chronic_student_count": chronic,
                    "chronic_at_school_count": chronic,
                    "hidden_student_count": 0,
                }
            )
        _add_lab(tables, quarter, everybody)
        rows: dict[str, list[tuple[Any, ...]]] = {
            "identity_conflicts": [
                (quarter, "3f459a4f" + "0" * 24, 2, 66, 0, "open"),
                (quarter, "3f13b678" + "0" * 24, 2, 9, 2, "decided"),
            ],
            "reasons": [
                (quarter, hostile, "illness", True, 1, 40, 20),
                (quarter, "not_mapped", "not_mapped", False, 2, 9, 5),
            ],
            "streaks": [(quarter, 1, 90, 40), (quarter, 4, 3, 3), (quarter, 32, 1, 1)],
            "segments": [
                (quarter, "edu", 1, "severe", 1, 1, "Low", True, 12),
                (quarter, "edu", 1, "chronic", 2, 2, hostile, True, 3),
                (quarter, "edu", 1, "chronic", 2, None, None, False, 30),
            ]
            if quarter == QUARTERS[-1]
            else [],
        }
        for name, columns in SCHEMAS.items():
            tables[name] += [dict(zip(columns.split(), row, strict=True)) for row in rows[name]]
    return PagesData(
        **{name: pd.DataFrame(rows) for name, rows in tables.items()},
        row_accounts=pd.DataFrame(
            [
                {
                    "quarter": quarter,
                    "rows_read": 10,
                    "rows_trusted": 9,
                    "quarantined_by_reason": {"not_a_school": 1},
                    "corrected_lines": 0,
                }
                for quarter in quarters
            ]
        ),
        landing_files=pd.DataFrame(
            [{"name": "<b>marks</b>.csv", "sha256": "ab" * 32, "source": "sample", "source_file_id": "f1"}]
        ),
        run_id="a-run",
        built_at=datetime(2026, 10, 2, 8, 30, tzinfo=UTC),
    )


def _add_reports(tables: dict[str, list[dict[str, Any]]], quarter: str, days: int) -> None:
    month = {"Q2": 4, "Q3": 7}[quarter[4:]]
    for day in range(1, days + 1):
        tables["days"].append(
            {
                "quarter": quarter,
                "attendance_date": date(2026, month, day),
                "school_count": 3,
                "reporting_school_count": 3,
                "mean_attendance_pct": 91.25 + day / 8,
                "median_attendance_pct": 92.0,
                "official_total_pct": 90.5 + day / 8,
            }
        )
    for school in ("01M015", "01M019", "S01"):
        tables["schools"].append(
            {
                "quarter": quarter,
                "school_code": school,
                "school_name": f"School {school}",
                "borough": "M",
                "district": "01",
                "day_count": days,
                "reported_day_count": days,
                "mean_attendance_pct": 92.5,
                "lowest_attendance_pct": 80.25,
                "highest_attendance_pct": 99.0,
            }
        )


def _add_lab(
    tables: dict[str, list[dict[str, Any]]], quarter: str, everybody: Sequence[tuple[str, str, int, int]]
) -> None:
    found: dict[tuple[str, ...], list[float]] = {}
    for student, _, enrolled, present in everybody:
        said = [
            (name, f"{authority}@{version}", outcome, place)
            for name, authority, version, outcome, place in outcomes_of(enrolled, present)
        ]
        for name, one, outcome, place in said:
            if 100 * present in (90 * enrolled, *((80 * enrolled, 95 * enrolled) if name == "attendance_tier" else ())):
                tables["boundary_cases"].append(
                    {
                        "quarter": quarter,
                        "definition": name,
                        "student_id": student,
                        "version_name": one,
                        "bound_pct": 100 * present / enrolled,
                        "enrolled_days": enrolled,
                        "present_days": float(present),
                        "outcome": outcome,
                        "outcome_rank": place,
                        "clause": "a clause",
                    }
                )
            for other_name, two, other, other_place in said:
                if name == other_name and one < two and place != other_place:
                    found.setdefault((name, one, two, outcome, other), []).append(100 * present / enrolled)
    tables["flips"] += [
        {
            "quarter": quarter,
            "definition": name,
            "version_name": one,
            "other_version_name": two,
            "outcome": outcome,
            "other_outcome": other,
            "student_count": len(shares),
            "lowest_attendance_pct": min(shares),
            "highest_attendance_pct": max(shares),
            "clause": "<= 90 %",
            "other_clause": "< 90 %",
        }
        for (name, one, two, outcome, other), shares in sorted(found.items())
    ]
