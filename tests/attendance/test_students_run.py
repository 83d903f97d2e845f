"""Students' attendance by the command, on the sample: accounts, identities, transfers and the definitions lab."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orchestration.attendance.student_sample import write_student_sample
from orchestration.core.partitions import Quarter
from orchestration.core.pseudonyms import Pseudonyms
from tests.conftest import Command

# The key that the tests' commands are given; seed identity_decisions names students under it.
PSEUDONYMS = Pseudonyms(b"one key for the students of all tests")


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    command = new_command("students")
    command(
        "run", "--domain", "attendance", "--source", "sample", "--quarter", "2026Q3", QUARTERDECK_FIRST_QUARTER="2026Q3"
    )
    return command


def test_every_mark_is_trusted_or_set_aside(command: Command) -> None:
    [sums] = command.rows(
        """
        select (select count(*) from attendance_raw.student_marks) as raw,
            (select count(*) from attendance_staging.stg_attendance__student_marks) as judged,
            (select sum(rows_read - rows_trusted - rows_quarantined) from platform.row_accounts) as missing
        """
    )
    assert sums["raw"] == sums["judged"]
    assert int(str(sums["missing"])) == 0
    reasons = command.rows("select distinct reason from attendance_staging.stg_attendance__student_marks order by 1")
    assert {row["reason"] for row in reasons} == {
        None,
        "conflicting_marks",
        "identity_conflict",
        "no_instructional_day",
        "repeated_mark",
        "total_disagrees",
        "unknown_mark",
    }


def test_no_mart_joins_across_an_open_conflict_and_a_decision_is_replayed(command: Command) -> None:
    states = command.rows(
        "select distinct source_student_id as id, status from attendance_staging.stg_attendance__identity_conflicts"
    )
    assert {row["id"]: row["status"] for row in states} == {
        PSEUDONYMS.of("C-003"): "decided",
        PSEUDONYMS.of("C-004"): "open",
    }
    known = command.rows("select distinct student_id from attendance_marts.fct_student_days")
    students = {row["student_id"] for row in known}
    assert {PSEUDONYMS.of("C-003"), PSEUDONYMS.of("C-003") + "-2"} <= students
    assert PSEUDONYMS.of("C-004") not in students


def test_a_transfer_is_followed_and_days_after_it_are_kept_as_not_enrolled(command: Command) -> None:
    rows = command.rows(
        f"select * from attendance_marts.fct_student_attendance where student_id = '{PSEUDONYMS.of('A-005')}'"
    )
    by_school = {row["school_code"]: row for row in rows}
    assert by_school["ALPHA"]["not_enrolled_days"] > 0  # type: ignore[operator]
    assert float(str(by_school["CHARLIE"]["attendance_pct"])) == 0
    assert by_school["all"]["enrolled_days"] == sum(
        int(str(by_school[school]["enrolled_days"])) for school in ("ALPHA", "CHARLIE")
    )


def test_the_lab_prints_who_flips_at_exactly_ninety_percent(command: Command) -> None:
    output = command("lab", "chronic_absence", "--compare", "edu@1,edu@2", "--quarter", "2026Q3").stdout
    assert "1 differ so" in output
    assert "edu@1: not_chronic, by >= 90 %" in output
    assert "edu@2: chronic, by >= 0 % and <= 90 %" in output
    assert f"{PSEUDONYMS.of('A-000')[:8]}: 54 of 60 days, exactly 90.00 %" in output
    refused = command("lab", "chronic_absence", "--compare", "edu,nobody", check=False)
    assert refused.returncode == 1
    assert "There is no chronic_absence of 'nobody'" in refused.stdout + refused.stderr


def test_no_table_holds_an_id_and_no_mart_a_name(command: Command) -> None:
    tables = command.rows(
        """
        select table_schema, table_name from information_schema.tables
        where table_schema like 'attendance%' or table_schema = 'platform'
        """
    )
    assert {"student_marks", "enrolments", "absence_reasons"} <= {str(table["table_name"]) for table in tables}
    looks = [
        f"select '{table['table_schema']}.{table['table_name']}' as name, "
        "count(*) filter (where line::text ~ '[ABC]-0[0-9]{2}([^0-9]|$)') as ids, "
        "count(*) filter (where line::text ~* '(zoe miller|ben dyer|court date)') as names "
        f"from {table['table_schema']}.{table['table_name']} as line"
        for table in tables
    ]
    found = command.rows(" union all ".join(looks))
    assert [row["name"] for row in found if row["ids"]] == []
    with_names = {str(row["name"]).split(".")[0] for row in found if row["names"]}
    assert with_names == {"attendance_raw", "attendance_staging"}


def test_a_quarter_with_files_about_students_alone_is_published(
    new_command: Callable[[str], Command], tmp_path: Path
) -> None:
    command = new_command("students-alone")
    folder = tmp_path / "files"
    folder.mkdir()
    write_student_sample(Quarter(2026, 3), folder, 1, date(2026, 9, 30))
    command("run", "--domain", "attendance", "--source", str(folder))
    page = (command.home / "site" / "attendance" / "index.html").read_text()
    assert "No daily report of this quarter was received" in page
    receipts = command.rows("select distinct zone from platform.promotions")
    assert "product" in {row["zone"] for row in receipts}
    bad = tmp_path / "bad.csv"
    bad.write_text("Student ID,Date,Status\n" + "".join(f"X{number},2026-09-02,nonsense\n" for number in range(2000)))
    refused = command("run", "--domain", "attendance", "--source", str(bad), check=False)
    assert refused.returncode == 1
    assert "student marks" in refused.stderr
    assert "more than the limit of 5 %" in refused.stderr
    assert (command.home / "site" / "attendance" / "index.html").read_text() == page
