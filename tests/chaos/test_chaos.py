"""The crash exam in short, against ours and against a naive status table, which it must catch."""

import subprocess
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def exam(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)


def test_a_killed_and_a_paused_run_leave_all_as_if_nothing_had_happened() -> None:
    result = exam("--short")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 strikes, 2 of which ended or paused the run: 2 equal, 0 not" in result.stdout


def test_the_exam_catches_a_naive_status_table() -> None:
    result = exam("--short", "--naive")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "it went on and succeeded" in result.stdout
    assert "is missing" in result.stdout
