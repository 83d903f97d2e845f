"""What is kept of a file of attendance: its form, and nothing of anybody."""

import json

import pyarrow as pa

from orchestration.attendance.profiling import FileProfiler
from orchestration.attendance.student_files import CLASS_SHEET, MARKS


def marks(rows: int, schools: list[str]) -> pa.Table:
    return pa.table(
        {
            "source_line": pa.array(range(2, rows + 2)),
            "source_column": pa.nulls(rows, pa.string()),
            "student_id": pa.array(["A-007"] * rows),
            "student_name": pa.array(["Zoe Miller"] * rows),
            "school_code": pa.array([schools[place % len(schools)] for place in range(rows)]),
            "attendance_day": pa.array(["2026-09-30"] * rows),
            "mark": pa.array(["Present"] * rows),
            "absence_reason": pa.array(["court date"] * rows),
            "sheet_total": pa.nulls(rows, pa.string()),
            "line_problem": pa.nulls(rows, pa.string()),
        }
    )


def test_no_value_that_tells_of_a_person_is_kept() -> None:
    profiler = FileProfiler(MARKS)
    block = marks(40, ["HILL"])
    assert list(profiler.counted(iter([block]))) == [block]
    kept = json.dumps(profiler.profile().as_json())
    assert not any(word in kept for word in ("A-007", "Miller", "court"))
    columns = {column.name: column for column in profiler.profile().columns}
    assert set(columns) == {"student_id", "student_name", "school_code", "attendance_day", "mark", "absence_reason"}
    assert columns["mark"].values == {"Present": 40}
    assert columns["absence_reason"].distinct == 1


def test_a_file_of_one_school_is_compared_with_that_schools_last() -> None:
    for schools, kind in ((["HILL"], "class_sheet HILL"), (["HILL", "DALE"], "class_sheet")):
        profiler = FileProfiler(CLASS_SHEET)
        list(profiler.counted(iter([marks(4, schools)])))
        assert profiler.kind == kind


def test_a_daily_reports_day_is_a_date() -> None:
    profiler = FileProfiler("daily_report")
    list(profiler.counted(iter([pa.table({"day": pa.array(["20260930", "20260930"])})])))
    [day] = profiler.profile().columns
    assert (day.type, day.minimum) == ("date", "2026-09-30")
