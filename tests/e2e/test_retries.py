"""What is tried again within a run, and what is not: faults that the database really makes, and a refused file."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.core.postgres import open_database
from orchestration.core.settings import Settings
from tests.conftest import Command

QUARTER = "2026Q2"
# Sequences are not rolled back, so each fault happens once, however often the statement is repeated.
FAULTS = """
    create schema faults;
    create sequence faults.lost_connection;
    create sequence faults.deadlock;
    create function faults.lose_connection() returns trigger language plpgsql as $$
    begin
        if nextval('faults.lost_connection') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if;
        return new;
    end $$;
    create function faults.deadlock() returns trigger language plpgsql as $$
    begin
        if nextval('faults.deadlock') = 1 then raise exception 'deadlock detected' using errcode = 'deadlock_detected'; end if;
        return new;
    end $$;
    grant usage on schema faults to public;
    grant usage on all sequences in schema faults to public;
    create trigger lose_connection before insert on platform.row_accounts
        for each row execute function faults.lose_connection();
    create trigger deadlock before insert on student_performance_marts.rpt_quarters
        for each row execute function faults.deadlock();
"""


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    """The command on a database with one quarter."""
    command = new_command("retries")
    command.environment |= {"QUARTERDECK_SAMPLE_QUARTERS": "1", "QUARTERDECK_SAMPLE_ROWS": "300"}
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", QUARTER)
    return command


def tries(command: Command) -> Counter[str]:
    """How often each step of the last run was begun."""
    rows = command.rows(
        """
        select step_key from dagster.event_logs
        where dagster_event_type in ('STEP_START', 'STEP_RESTARTED')
            and run_id = (select run_id from dagster.runs order by id desc limit 1)
        """
    )
    return Counter(str(row["step_key"]) for row in rows)


def test_a_lost_connection_and_a_deadlock_pass_at_the_second_try(command: Command) -> None:
    with open_database(Settings(home=command.home)).connect() as connection:
        connection.execute(FAULTS)
    command("reset", "--quarter", QUARTER, "--yes")  # otherwise nothing has changed, and nothing is done
    result = command("run", "--domain", "student_performance", "--source", "sample", "--quarter", QUARTER)
    assert result.stderr.count("is tried again in") == 2
    repeated = {step: count for step, count in tries(command).items() if count > 1}
    assert len(repeated) == 2
    assert repeated["student_performance__row_accounts"] == 2
    assert set(repeated.values()) == {2}
    assert {row["status"] for row in command.rows("select status from platform.stage_status")} == {"succeeded"}


def test_a_refused_file_is_tried_once(command: Command, tmp_path: Path) -> None:
    (tmp_path / "page.csv").write_text("<!doctype html><html><body>Sign in</body></html>")
    result = command("run", "--source", str(tmp_path / "page.csv"), "--quarter", QUARTER, check=False)
    assert result.returncode == 1
    assert "tried again" not in result.stderr
    assert tries(command) == {"student_performance__landing_files": 1}
