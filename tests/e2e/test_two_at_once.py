"""Two runs of one quarter at the same time: one works, the other is told so or takes its turn."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Command

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
