"""The witness of attendance on rows by hand: what each figure is made of, and which of them a changed mark breaks."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from orchestration.attendance.kinds import RAW_TABLES
from orchestration.attendance.witness import TABLES, Witness

QUARTER = "2026Q3"
# July to September; the first Monday is the 6th of July.
DAYS = [f"2026-07-{day:02}" for day in (6, 7, 8, 9, 10)]


def rows(raw_table: str, *given: dict[str, Any]) -> pa.Table:
    """Rows of a file, with nothing where nothing is given."""
    columns = RAW_TABLES[raw_table].columns
    lines = [{"source_file_id": "file", "source_line": place, **row} for place, row in enumerate(given, start=2)]
    types = {"text": pa.string(), "bigint": pa.int64()}
    return pa.table({name: pa.array([row.get(name) for row in lines], types[kind]) for name, kind in columns.items()})


def marks(student: str, statuses: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"student_id": student, "school_code": "ALPHA", "attendance_day": day, "mark": mark}
        for day, mark in zip(DAYS, statuses, strict=True)
    ]


def witness(*given: dict[str, Any]) -> Witness:
    made = Witness(academic_year_start_month=1)
    made.take("student_marks", QUARTER, rows("student_marks", *given))
    return made


def test_days_streaks_and_rates_are_those_of_the_marks() -> None:
    made = witness(
        *marks("s1", ["present", "absent", "absent", "present", "half day"]),
        *marks("s2", ["present"] * 5),
        {"student_id": "s3", "school_code": "ALPHA", "attendance_day": DAYS[0], "mark": "present"},
        {"student_id": "s3", "school_code": "ALPHA", "attendance_day": DAYS[0], "mark": "absent"},
    )
    assert made.figures("student_attendance")[QUARTER, "ALPHA"] == {
        "student_count": 2,
        "transfer_student_count": 0,
        "day_count": 5,
        "enrolled_days": 10,
        "present_days": 7.5,
        "average_daily_attendance": 1.5,
        "attendance_pct": 75,
    }
    assert made.figures("streaks") == {(QUARTER, "2"): {"streak_count": 1, "student_count": 1}}


def test_a_changed_mark_breaks_the_figures_that_rest_on_it() -> None:
    sound = [*marks("s1", ["present", "absent", "absent", "present", "present"]), *marks("s2", ["present"] * 5)]
    flipped = [
        {**row, "mark": "present"} if row["mark"] == "absent" and row["attendance_day"] == DAYS[1] else row
        for row in sound
    ]
    before, after = witness(*sound), witness(*flipped)
    broken = {
        (table, *key, column)
        for table in TABLES
        for key, columns in {**before.figures(table), **after.figures(table)}.items()
        for column in columns
        if before.figures(table).get(key, {}).get(column) != after.figures(table).get(key, {}).get(column)
    }
    assert {(table, column) for table, *_, column in broken} == {
        ("student_attendance", "present_days"),
        ("student_attendance", "average_daily_attendance"),
        ("student_attendance", "attendance_pct"),
        ("streaks", "streak_count"),
        ("streaks", "student_count"),
        ("streak_ranges", "streak_count"),
        ("streak_ranges", "student_count"),
        ("longest_streaks", "day_count"),
        ("school_sums", "present_days"),
        # One absence less puts the student exactly on a bound.
        ("bound_cases", "bound_pct"),
        ("bound_cases", "present_days"),
        ("bound_cases", "enrolled_days"),
        ("bound_counts", "student_count"),
    }


def test_the_lines_of_a_figure_are_those_of_its_students_and_of_the_days_off() -> None:
    made = witness(*marks("s1", ["present", "absent", "absent", "present", "present"]), *marks("s2", ["present"] * 5))
    made.take("holidays", QUARTER, rows("holidays", {"source_file_id": "days off", "holiday_date": "2026-07-04"}))
    day_off, first, second = [("days off", 2)], range(2, 7), range(7, 12)
    everybody = [*day_off, *(("file", line) for line in [*first, *second])]
    assert made.lines_of("student_attendance", [QUARTER, "all"]) == everybody
    assert made.lines_of("student_attendance", [QUARTER, "ALPHA"]) == everybody
    assert made.lines_of("streaks", [QUARTER, "2"]) == [*day_off, *(("file", line) for line in first)]
    assert made.lines_of("lab_outcomes", [QUARTER, "attendance_tier", "kipp@1", "not_enough_days"]) == everybody
    assert made.lines_of("streaks", [QUARTER, "3"]) == []


def test_every_figure_of_students_has_lines() -> None:
    made = witness(*marks("s1", ["present", "absent", "absent", "present", "half day"]), *marks("s2", ["present"] * 5))
    for table in TABLES:
        for key in made.figures(table):
            assert made.lines_of(table, list(key)), (table, key)


def test_reports_without_a_percentage_are_no_zero_and_the_total_is_no_school() -> None:
    made = Witness(academic_year_start_month=1)
    report = {"day": "20260706"}
    made.take(
        "school_days",
        QUARTER,
        rows(
            "school_days",
            {**report, "school_code": "A", "attendance_pct": "90.55"},
            {**report, "school_code": "B", "attendance_pct": "80"},
            {**report, "school_code": "C", "attendance_pct": "NS"},
            {**report, "school_code": "A", "attendance_pct": "10"},
            {**report, "school_code": "TOTAL", "attendance_pct": "85.1"},
        ),
    )
    assert made.figures("days")[QUARTER, "2026-07-06"] == {
        "school_count": 3,
        "reporting_school_count": 2,
        "mean_attendance_pct": 85.28,
        "median_attendance_pct": 85.28,
        "official_total_pct": 85.1,
    }
    assert made.figures("schools")[QUARTER, "C"]["reported_day_count"] == 0
    assert made.lines_of("days", [QUARTER, "2026-07-06"]) == [("file", line) for line in (2, 3, 4, 6)]
    assert made.lines_of("schools", [QUARTER, "A"]) == [("file", 2)]
    assert made.figures("overview")[QUARTER,] == {
        "day_count": 1,
        "comparable_day_count": 1,
        "school_count": 3,
        "reporting_school_count": 2,
        "school_below_90_count": 1,
        "lowest_attendance_pct": 80,
        "mean_attendance_pct": 85.275,
        "median_attendance_pct": 85.275,
        "missing_report_count": 1,
    }
    assert made.figures("school_ranges") == {(QUARTER, "80"): {"school_count": 1}, (QUARTER, "90"): {"school_count": 1}}
