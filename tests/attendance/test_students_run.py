"""Students' attendance by the command, on the sample: accounts, identities, transfers and the definitions lab."""

from collections.abc import Callable

import pytest

from tests.conftest import Command


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
    assert {row["id"]: row["status"] for row in states} == {"C-003": "decided", "C-004": "open"}
    known = command.rows(
        "select distinct student_id from attendance_marts.fct_student_days where student_id like 'C-00%'"
    )
    students = {row["student_id"] for row in known}
    assert {"C-003", "C-003-2"} <= students
    assert "C-004" not in students


def test_a_transfer_is_followed_and_days_after_it_are_kept_as_not_enrolled(command: Command) -> None:
    rows = command.rows("select * from attendance_marts.fct_student_attendance where student_id = 'A-005'")
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
    assert "A-000: 54 of 60 days, exactly 90.00 %" in output
    refused = command("lab", "chronic_absence", "--compare", "edu,nobody", check=False)
    assert refused.returncode == 1
    assert "There is no chronic_absence of 'nobody'" in refused.stdout + refused.stderr
