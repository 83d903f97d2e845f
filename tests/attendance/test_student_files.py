"""Files about students: recognised by their headers, turned long with everything kept."""

from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.attendance.student_files import StudentFile, look_through, raw_blocks, read_reasons, recognise
from orchestration.attendance.student_sample import write_student_sample
from orchestration.core.partitions import Quarter

QUARTER = Quarter(2026, 4)


def rows(file: StudentFile) -> list[dict[str, object]]:
    return [row for block in raw_blocks(file, QUARTER, 1) for row in block.to_pylist()]


def written(folder: Path, text: str) -> Path:
    path = folder / "anything.csv"
    path.write_text(text, encoding="utf-8")
    return path


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("01"), min_size=3, max_size=3), min_size=1, max_size=9),
    st.sampled_from(["Day", "Week"]),
)
def test_a_class_sheet_turned_long_keeps_every_mark_and_total(
    tmp_path_factory: object, sheet: list[list[str]], period: str
) -> None:
    header = f"Student ID,Year,{period} 1,{period} 2,{period} 3,Total {period}s Present"
    lines = [f"S{place},2026Q4,{','.join(marks)},{marks.count('1')}" for place, marks in enumerate(sheet)]
    path = written(tmp_path_factory.mktemp("sheet"), "\n".join([header, *lines]) + "\n")  # type: ignore[attr-defined]
    file = recognise(path)
    assert file is not None
    assert file.kind == "class_sheet"
    long = rows(file)
    assert len(long) == 3 * len(sheet)
    for line, marks in enumerate(sheet, start=2):
        own = [row for row in long if row["source_line"] == line]
        assert [row["mark"] for row in own] == marks
        assert [row["attendance_day"] for row in own] == [f"{period} {number}" for number in (1, 2, 3)]
        assert {row["sheet_total"] for row in own} == {str(sum(map(int, marks)))}


def test_kinds_are_told_by_their_headers(tmp_path: Path) -> None:
    kinds = [
        "class_sheet",
        "class_sheet",
        "student_marks",
        "enrolments",
        "holidays",
    ]
    paths = write_student_sample(QUARTER, tmp_path, 1, date(2026, 12, 31))
    files = [recognise(path) for path in paths[:-1]]
    assert [file and file.kind for file in files] == kinds
    assert all(file is not None and list(look_through(file, 1)[0]) == [QUARTER] for file in files)
    assert read_reasons(paths[-1])
    exam = written(tmp_path, "gender,math score\nfemale,70\n")
    assert recognise(exam) is None


def test_a_broken_line_is_kept_with_what_is_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, "Student ID,Date,Status\nS1,2026-10-05,Present\nS2,2026-10-05\n")
    file = recognise(path)
    assert file is not None
    assert [row["line_problem"] for row in rows(file)] == [None, "expected 3 fields, found 2"]


def test_a_broken_line_of_a_class_sheet_is_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, "Student ID,Year,Day 1,Day 2,Total\nS1,2026Q4,1,0,1\nS2,2026Q4,1\nS3,soon,1,1,2\n")
    file = recognise(path)
    assert file is not None
    found = [(row["source_line"], row["source_column"], row["line_problem"]) for row in rows(file)]
    invalid = "the sheet's period is no quarter and no year"
    assert sorted(found, key=str) == [
        (2, "Day 1", None),
        (2, "Day 2", None),
        (3, None, "expected 5 fields, found 3"),
        (4, "Day 1", invalid),
        (4, "Day 2", invalid),
    ]


def test_rows_go_to_their_quarter_and_those_without_a_day_to_the_first(tmp_path: Path) -> None:
    lines = ["Student ID,Date,Status", "S1,2026-10-05,Present", "S1,2027-01-05,Present", "S1,some day,Present"]
    file = recognise(written(tmp_path, "\n".join(lines) + "\n"))
    assert file is not None
    assert [row["source_line"] for row in rows(file)] == [2, 4]
    assert [row["source_line"] for block in raw_blocks(file, Quarter(2027, 1), 1) for row in block.to_pylist()] == [3]


def test_the_sample_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_student_sample(QUARTER, folder, 1, date(2026, 11, 22))
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
