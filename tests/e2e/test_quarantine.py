"""Quarantined rows are listed, repaired by a file of corrections, built again, and come back when the corrections are withdrawn."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Command

EXAM_HEADER = (
    "student id,gender,race/ethnicity,parental level of education,lunch,test preparation course,"
    "math score,reading score,writing score"
)
GOOD = "female,group A,some college,standard,none"
ACCOUNT = (
    "select rows_read, rows_trusted, rows_quarantined, corrected_lines from platform.row_accounts "
    "where domain = '{}' and rows_read > 0 order by rows_read desc limit 1"
)
MARTS = """
    select source_line, math_score, reading_score, writing_score, gender, student_id
    from student_performance_staging.stg_student_performance__exam_results order by source_line
"""


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    return new_command("quarantine")


def exam_file(folder: Path) -> Path:
    """Sixty-four lines that are right, and a line with each fault."""
    lines = [f"S{number:03d},{GOOD},{40 + number % 60},{30 + number % 50},{35 + number % 55}" for number in range(64)]
    lines += [
        f"S100,{GOOD},abc,50,60",
        "S101,robot,group A,some college,standard,none,50,,60",
        "S102,female,group A",
        f"S003,{GOOD},70,71,72",
    ]
    path = folder / "exams.csv"
    path.write_text("\n".join([EXAM_HEADER, *lines]) + "\n")
    return path


def form(command: Command, domain: str, folder: Path) -> list[dict[str, str]]:
    path = folder / f"{domain}-form.csv"
    path.unlink(missing_ok=True)
    command("quarantine", "list", "--domain", domain, "--to", str(path))
    assert path.stat().st_mode & 0o077 == 0
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def filled(rows: list[dict[str, str]], path: Path, values: Mapping[tuple[int, str], str]) -> Path:
    """Write the form with these values by line and column, adding rows for columns that it does not list."""
    by_line = {int(row["line"]): row for row in rows}
    decided = {"decided_by": "The registrar", "why": "the paper says so"}
    corrected = [
        {**by_line.get(line, rows[0]), "line": str(line), "column": column, "corrected_value": value, **decided}
        for (line, column), value in values.items()
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([*corrected, *rows])
    return path


def test_exam_lines_are_repaired_and_replayed(command: Command, tmp_path: Path) -> None:
    command("run", "--source", str(exam_file(tmp_path)), "--quarter", "2026Q3", QUARTERDECK_MAX_QUARANTINED_PCT="20")
    before, raw = (
        command.rows(MARTS),
        command.rows("select * from student_performance_raw.exam_results order by source_line"),
    )
    rows = form(command, "student_performance", tmp_path)
    assert {(int(row["line"]), row["reason"]) for row in rows} == {
        (66, "not_a_number"),
        (67, "missing_value"),
        (68, "wrong_field_count"),
        (69, "repeated_id"),
    }
    assert len([row for row in rows if row["line"] == "68"]) == 8
    line_68 = dict(
        zip((row["column"] for row in rows if row["line"] == "68"), [*GOOD.split(","), "80", "81", "82"], strict=True)
    )
    good = {
        (66, "math_score"): "77",
        (67, "reading_score"): "50",
        (67, "gender"): "MALE",
        (69, "student_id"): "S103",
        **{(68, column): value for column, value in line_68.items()},
    }
    places = {(2, "math_score"): "1", (999, "math_score"): "1", (66, "shoe_size"): "1"}
    for wrong, sentences in (
        (
            places,
            (
                "line 2, math_score: the row is not quarantined",
                "it has no line 999",
                "line 66, shoe_size: no such column can be corrected there",
            ),
        ),
        ({(66, "math_score"): "much"}, ("math_score is 'much', which is no number",)),
        ({(69, "student_id"): "S004"}, ("its student_id is another line's too",)),
    ):
        refused = command("quarantine", "repair", str(filled(rows, tmp_path / "wrong.csv", good | wrong)), check=False)
        assert refused.returncode == 1
        for sentence in (*sentences, "Nothing was corrected."):
            assert sentence in refused.stderr
    assert command.rows("select * from platform.corrections") == []
    assert command.rows("select * from platform.landing_files where name = 'wrong.csv'") == []

    corrections = filled(rows, tmp_path / "corrections.csv", good)
    repaired = command("quarantine", "repair", str(corrections))
    assert "4 corrected" in repaired.stdout
    assert command.rows(ACCOUNT.format("student_performance")) == [
        {"rows_read": 68, "rows_trusted": 68, "rows_quarantined": 0, "corrected_lines": 4}
    ]
    after = command.rows(MARTS)
    assert after[:64] == before
    assert [[row["math_score"], row["reading_score"], row["gender"]] for row in after[64:]] == [
        ["77", "50", "female"],
        ["50", "50", "male"],
        ["80", "81", "female"],
        ["70", "71", "female"],
    ]
    # Raw stays as it came; landing has the file of corrections, encrypted; the receipts name it.
    assert command.rows("select * from student_performance_raw.exam_results order by source_line") == raw
    [landed] = command.rows("select source_file_id, sha256 from platform.landing_files where name = 'corrections.csv'")
    kept = command.home / "landing" / "student_performance" / "received" / str(landed["sha256"])
    assert b"registrar" not in kept.read_bytes()
    receipts = command.rows(
        "select zone, corrected_by from platform.promotions join platform.landing_files using (source_file_id) "
        "where name = 'exams.csv'"
    )
    assert {str(row["zone"]): row["corrected_by"] for row in receipts} == {
        "landing": [],
        "raw": [],
        **{zone: [landed["source_file_id"]] for zone in ("trusted", "curated", "product")},
    }

    command("quarantine", "repair", str(corrections))
    assert command.rows(MARTS) == after
    assert len(command.rows("select * from platform.corrections")) == len(good)
    late = command(
        "quarantine", "repair", str(filled(rows, tmp_path / "late.csv", {(66, "math_score"): "78"})), check=False
    )
    assert f"the row is not quarantined since {landed['source_file_id']} corrected it" in late.stderr

    command("quarantine", "withdraw", str(landed["source_file_id"]), QUARTERDECK_MAX_QUARANTINED_PCT="20")
    assert command.rows(MARTS) == before
    assert command.rows(ACCOUNT.format("student_performance")) == [
        {"rows_read": 68, "rows_trusted": 64, "rows_quarantined": 4, "corrected_lines": 0}
    ]


def test_rows_of_attendance_are_repaired_and_replayed(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "attendance"
    folder.mkdir()
    long = [f"L{number:03d},2026-07-{day:02d},Present" for number in range(30) for day in (1, 2, 3)]
    long[0], long[1] = "L000,2026-07-01,nonsense", "L000,2026-13-02,Present"
    (folder / "long.csv").write_text("\n".join(["Student ID,Date,Status", *long]) + "\n")
    days = ",".join(f"Day {day}" for day in range(1, 6))
    sheet = ["C001,Ann,HILL,2026Q3,1,1,1,0,1,5", "C002,Bob,HILL,2026Q3,1,1,1,1,1,5"]
    (folder / "sheet.csv").write_text(
        f"Student ID,Name,School,Quarter,{days},Total Days Present\n" + "\n".join(sheet) + "\n"
    )
    command("run", "--domain", "attendance", "--source", str(folder), QUARTERDECK_MAX_QUARANTINED_PCT="20")
    marks = "select source_line, source_column, student_id, status, reason from attendance_staging.stg_attendance__student_marks"
    before = command.rows(f"{marks} order by 1, 2, 3, 4")
    rows = form(command, "attendance", tmp_path)
    sheet_rows, long_rows = ([row for row in rows if row["file_name"] == name] for name in ("sheet.csv", "long.csv"))
    assert {row["column"] for row in sheet_rows} == {*days.split(","), "sheet_total"}
    assert {(row["line"], row["column"], row["value"]) for row in long_rows} == {
        ("2", "mark", "nonsense"),
        ("3", "attendance_day", "2026-13-02"),
    }
    wrong = filled(sheet_rows, tmp_path / "wrong.csv", {(2, "sheet_total"): "3"})
    refused = command("quarantine", "repair", str(wrong), check=False)
    assert "it would be set aside again, as total disagrees" in refused.stderr

    file = {row["file_name"]: row for row in rows}
    both = tmp_path / "corrections.csv"
    with both.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        for name, line, column, value in (
            ("long.csv", "2", "mark", "Late"),
            ("long.csv", "3", "attendance_day", "2026-07-02"),
            ("sheet.csv", "2", "Day 4", "1"),
        ):
            decided = {"corrected_value": value, "decided_by": "The registrar", "why": "the paper says so"}
            writer.writerow({**file[name], "line": line, "column": column, **decided})
    repaired = command("quarantine", "repair", str(both))
    assert "3 lines corrected" in repaired.stdout
    after = command.rows(f"{marks} where reason is not null")
    assert after == []
    late = command.rows(f"{marks} where source_line = 2 and source_column is null")
    assert [row["status"] for row in late] == ["late"]
    [total] = command.rows(ACCOUNT.format("attendance"))
    assert (total["rows_quarantined"], total["corrected_lines"]) == (0, 2)
    [landed] = command.rows(
        "select source_file_id from platform.landing_files where name = 'corrections.csv' and domain = 'attendance'"
    )
    command("quarantine", "withdraw", str(landed["source_file_id"]), QUARTERDECK_MAX_QUARANTINED_PCT="20")
    assert command.rows(f"{marks} order by 1, 2, 3, 4") == before
    nobody = command("quarantine", "withdraw", "0123456789abcdef", check=False)
    assert "No corrections of a file 0123456789abcdef are in force" in nobody.stderr
