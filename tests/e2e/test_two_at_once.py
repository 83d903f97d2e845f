"""Two runs of one quarter at the same time: one works, the other is told so or takes its turn."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.e2e.dagster_ui import dagster_ui

SETTINGS = {"QUARTERDECK_SAMPLE_ROWS": "120", "QUARTERDECK_SAMPLE_QUARTERS": "1"}


def twice(command: Command, *arguments: str) -> list[tuple[int, str]]:
    """Start the same command twice; exit code and output of each."""
    script = Path(sys.executable).parent / "quarterdeck"
    running = [
        subprocess.Popen(
            [script, *arguments, "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q2"],
            env={**command.environment, **SETTINGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    ended = []
    for process in running:
        output, _ = process.communicate(timeout=600)
        ended.append((process.returncode, output))
    return ended


def test_of_two_runs_one_works_and_the_other_says_who_does(new_command: Callable[[str], Command]) -> None:
    command = new_command("two_runs")
    command("status")
    (good, _), (bad, told) = sorted(twice(command, "run"), key=lambda ended: ended[0])
    assert (good, bad) == (0, 1), told
    assert re.search(
        r"2026Q2 of student_performance is already running, since 20[\d: -]+ UTC, by `quarterdeck run` \(process \d+ on",
        told,
    ), told
    assert {row["status"] for row in command.rows("select status from platform.stage_status")} == {"succeeded"}
    counts = (
        "select count(*) as n, count(distinct student_id) as students from student_performance_marts.fct_exam_results"
    )
    [row] = command.rows(counts)
    assert row["n"] == row["students"]
    # A stage of a person's, a schedule or a sensor waits for its turn instead, and finds nothing left to do.
    ended = twice(command, "stage", "etl")
    assert [code for code, _ in ended] == [0, 0], ended


@pytest.mark.exam
def test_the_schedule_fires_beside_runs_by_hand(new_command: Callable[[str], Command]) -> None:
    command = new_command("schedule")
    # Kaggle is asked first, and here refuses at once. The two bring other files, so that neither finds nothing to do.
    command.environment |= {**SETTINGS, "KAGGLE_API_ENVIRONMENT": "TEST"}
    by_hand = ("run", "--domain", "student_performance", "--source", "sample")
    ended_by_schedule = """
        select status from dagster.runs where status in ('SUCCESS', 'FAILURE') and pipeline_name = 'student_performance_refresh'
        and run_body::json -> 'tags' ->> 'dagster/schedule_name' is not null
    """
    outcomes = []
    with dagster_ui(command, QUARTERDECK_MODE="test"):  # in which the schedule fires every minute
        deadline = time.monotonic() + 500
        for students in cycle(("150", "180")):
            assert time.monotonic() < deadline, outcomes
            outcomes.append(command(*by_hand, check=False, QUARTERDECK_SAMPLE_ROWS=students))
            by_schedule = [row["status"] for row in command.rows(ended_by_schedule)]
            if len(by_schedule) >= 2 and {outcome.returncode for outcome in outcomes} == {0, 1}:
                break
    assert set(by_schedule) == {"SUCCESS"}
    told = [outcome.stderr for outcome in outcomes if outcome.returncode]
    print(f"{len(outcomes)} by hand, {len(told)} of which were told; {len(by_schedule)} by the schedule")
    for sentence in told:
        assert re.search(r"is already running, since .* by the\s+schedule student_performance_quarterly", sentence), (
            sentence
        )
    # Whatever the order was, the marts are what the last file gives. A run that the schedule began outlives the UI.
    while "already running" in command(*by_hand, check=False).stderr:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert re.search(r"(\d+) of \1 equal", command("verify").stdout)
