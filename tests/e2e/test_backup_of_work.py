"""Backups that are made while a run works: each is of one moment, from which the installation goes on."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.core.keys import new_key
from tests.e2e.test_witness import beside

RUN = ("run", "--domain", "student_performance", "--source", "sample")
# The delivery that the run brings, after one of 300 rows a quarter.
NEXT = {"QUARTERDECK_SAMPLE_ROWS": "500"}
STATES = "select distinct stage || ' ' || status as state from platform.stage_status where status <> 'succeeded'"


def verified(command: Command) -> tuple[int, bool]:
    """How many tables by quarter `verify` finds equal without a network, which must be all, and whether it left some out."""
    said = command.without_network("verify")
    found = re.search(r"(\d+) of (\d+) equal", said)
    assert found is not None, said
    assert found[1] == found[2], said
    return int(found[1]), "Left out" in said


@pytest.mark.exam
@pytest.mark.namespace
def test_a_backup_made_while_a_run_works_is_of_one_moment(
    new_command: Callable[[str], Command], tmp_path: Path
) -> None:
    command = new_command("working")
    command.environment |= {
        "QUARTERDECK_LANDING_KEYS": f"2026a:{new_key()}",
        "QUARTERDECK_SAMPLE_QUARTERS": "2",
        "QUARTERDECK_SAMPLE_ROWS": "300",
    }
    command(*RUN)
    bundles: list[Path] = []
    script = Path(sys.executable).parent / "quarterdeck"
    with subprocess.Popen([script, *RUN], env={**command.environment, **NEXT}, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None:
            bundles.append(tmp_path / f"{len(bundles)}.backup")
            command("backup", "--to", str(bundles[-1]))
    assert run.returncode == 0
    of_work = []
    for bundle in bundles:
        restored = beside(command, bundle.stem)
        restored.without_network("restore", str(bundle))
        if states := sorted(str(row["state"]) for row in restored.rows(STATES)):
            of_work.append(restored)
            equal, left_out = verified(restored)
            print(f"{bundle.name}: {', '.join(states)}; {equal} equal{', quarters at work left out' * left_out}")
    assert of_work, "No backup was made while the run worked."
    # The run that was at work is nowhere any more: the next one takes its place and finishes what it had begun.
    of_work[-1](*RUN, **NEXT)
    assert verified(of_work[-1]) == (verified(command)[0], False)
