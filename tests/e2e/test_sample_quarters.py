"""The built-in sample over several quarters: said loudly, appended, followed, the same in series and in parallel."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.e2e.marts import fingerprints


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    """The command after a first run on the sample: eight quarters up to 2026Q2, in one go."""
    command = new_command("sample")
    result = command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q2")
    assert "SAMPLE DATA" in result.stdout
    return command


def quarters(command: Command) -> list[object]:
    return [
        row["quarter"] for row in command.rows("select quarter from student_performance_marts.rpt_quarters order by 1")
    ]


def test_first_run_brings_eight_quarters_that_say_they_are_the_sample(command: Command) -> None:
    assert quarters(command) == ["2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2"]
    assert command.rows("select distinct source from student_performance_marts.rpt_quarters") == [{"source": "sample"}]
    for page in (command.home / "site").glob("*.html"):
        assert "sample data" in page.read_text().lower(), page.name


def test_sample_has_rows_to_quarantine_and_accounts_for_them(command: Command) -> None:
    accounts = command.rows(
        "select rows_read, rows_trusted, rows_quarantined from platform.row_accounts order by quarter"
    )
    assert len(accounts) == 8
    # Each quarter's status tells of its own rows, not of all that the run read.
    status = command.rows("select rows_in, rows_out from platform.stage_status where stage = 'etl' order by quarter")
    assert status == [{"rows_in": a["rows_read"], "rows_out": a["rows_trusted"]} for a in accounts]
    assert all(a["rows_read"] == a["rows_trusted"] + a["rows_quarantined"] for a in accounts)  # type: ignore[operator]
    assert all(0 < a["rows_quarantined"] < 50 for a in accounts)  # type: ignore[operator]


def test_further_quarters_append_and_moves_are_followed(command: Command) -> None:
    old = "quarter < '2026Q3'"
    before = fingerprints(command, old)
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q3")
    assert quarters(command)[-1] == "2026Q3"
    assert len(quarters(command)) == 9
    assert fingerprints(command, old) == before
    moves = {
        row["move"]: row["n"]
        for row in command.rows(
            "select move, count(*) as n from student_performance_marts.fct_segment_moves where quarter = '2026Q3' group by 1"
        )
    }
    assert set(moves) == {"stayed", "moved", "joined", "left"}
    assert moves["stayed"] > moves["joined"]  # type: ignore[operator]
    assert "2026Q3" in (command.home / "site" / "segments.html").read_text()


def test_quarters_run_at_once_give_the_same_tables_as_one_after_the_other(
    command: Command, new_command: Callable[[str], Command]
) -> None:
    parallel = new_command("parallel")
    parallel("status")
    script = Path(sys.executable).parent / "quarterdeck"
    # The first of them creates the tables; the others must neither collide with it nor with one another.
    running = [
        subprocess.Popen(
            [script, "stage", "etl", "--domain", "student_performance", "--source", "sample", "--quarter", quarter],
            env={**parallel.environment, "QUARTERDECK_SAMPLE_QUARTERS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for quarter in ("2026Q2", "2026Q1", "2026Q3")
    ]
    for process in running:
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
    running = [
        subprocess.Popen(
            [script, "stage", "ml", "--domain", "student_performance", "--quarter", quarter],
            env=parallel.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for quarter in ("2026Q3", "2026Q1", "2026Q2")
    ]
    for process in running:
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
    shared = "quarter in ('2026Q2', '2026Q3')"
    left_out = ("rpt_quarters",)  # holds the time of receipt
    serial = {name: value for name, value in fingerprints(command, shared).items() if not name.endswith(left_out)}
    found = {name: value for name, value in fingerprints(parallel, shared).items() if not name.endswith(left_out)}
    assert found == serial


def test_a_stage_refuses_to_overtake_the_one_before(new_command: Callable[[str], Command]) -> None:
    command = new_command("stages")
    impatient = {"QUARTERDECK_STAGE_TIMEOUT_SECONDS": "0"}
    for stage, previous in (("ml", "etl"), ("publish", "ml")):
        result = command(
            "stage", stage, "--domain", "student_performance", "--quarter", "2026Q2", check=False, **impatient
        )
        assert result.returncode == 1
        assert f"stage {previous} is" in result.stderr
    command(
        "stage",
        "etl",
        "--domain",
        "student_performance",
        "--source",
        "sample",
        "--quarter",
        "2026Q2",
        QUARTERDECK_SAMPLE_QUARTERS="1",
    )
    result = command(
        "stage", "publish", "--domain", "student_performance", "--quarter", "2026Q2", check=False, **impatient
    )
    assert result.returncode == 1
    assert "stage ml is pending" in result.stderr
    command("stage", "ml", "--domain", "student_performance", "--quarter", "2026Q2")
    command("stage", "publish", "--domain", "student_performance", "--quarter", "2026Q2")
    assert (command.home / "site" / "index.html").exists()
    assert {row["status"] for row in command.rows("select status from platform.stage_status")} == {"succeeded"}
