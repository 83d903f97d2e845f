"""Whole runs: a refused file changes nothing and ends with 1; a doubtful one is used, said loudly, and opens an alert."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.conftest import Command
from tests.e2e.marts import fingerprints

QUARTER = "2026Q3"
DOMAIN = ("--domain", "student_performance")


def changed(path: Path, name: str, change: Callable[[str, int], str], target: Path) -> Path:
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows):
        row[name] = change(row[name], number)
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return target


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(QUARTER, tmp_path_factory.mktemp("clean"), load_contract(), rows=400, with_faults=False)


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command], clean: Path) -> Command:
    """The command after two clean quarters."""
    made = new_command("faults")
    before = write_sample("2026Q2", clean.parent, load_contract(), rows=400, with_faults=False)
    made("run", *DOMAIN, "--source", str(before), "--quarter", "2026Q2")
    made("run", *DOMAIN, "--source", str(clean), "--quarter", QUARTER)
    return made


def pages(command: Command) -> dict[str, bytes]:
    """The pages of exam results; those on the platform tell of the refusal."""
    site = (command.home / "site").resolve()
    found = {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*.html")}
    return {name: content for name, content in found.items() if "/" not in name}


def file_alerts(command: Command) -> list[str]:
    rows = command.rows("select message from platform.alerts where kind = 'file' and closed_at is null")
    return [str(row["message"]) for row in rows]


def test_a_file_damaged_beyond_doubt_changes_nothing(command: Command, clean: Path, tmp_path: Path) -> None:
    damaged = changed(clean, "math score", lambda value, _: str(int(value) / 100), tmp_path / "damaged.csv")
    assert file_alerts(command) == []
    before, seen = fingerprints(command), pages(command)
    receipts = command.rows("select * from platform.landing_files order by source_file_id")
    result = command("run", *DOMAIN, "--source", str(damaged), "--quarter", QUARTER, check=False)
    assert result.returncode == 1
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert "damaged.csv: column math_score goes up to 1 only" in error
    assert "Traceback" not in result.stderr + result.stdout
    assert fingerprints(command) == before
    assert pages(command) == seen
    after = command.rows("select * from platform.landing_files order by source_file_id")
    assert [receipt for receipt in after if receipt["name"] != "damaged.csv"] == receipts


def test_a_doubtful_file_is_used_and_its_doubts_are_loud(command: Command, clean: Path, tmp_path: Path) -> None:
    others = fingerprints(command, f"quarter <> '{QUARTER}'")
    hostile = {3: "<script>alert(1)</script>", 4: "=cmd|' /C calc'!A0", 5: "[/red]"}
    doubtful = changed(clean, "lunch", lambda value, row: hostile.get(row, value), tmp_path / "doubtful.csv")
    header, rest = doubtful.read_text().split("\n", 1)
    swapped = header.replace("math score", "x").replace("writing score", "math score").replace("x", "writing score")
    doubtful.write_text(f"{swapped},[/red]\x1b[31m\n" + rest.replace("\n", ",\n"))
    result = command("run", *DOMAIN, "--source", str(doubtful), "--quarter", QUARTER)
    assert "Columns math_score and writing_score seem to be swapped" in result.stderr
    assert "\\x1b[31m" in result.stderr
    assert "\x1b[31m" not in result.stdout + result.stderr
    (message,) = file_alerts(command)
    assert message.startswith(f"{QUARTER}, doubtful.csv: Columns math_score and writing_score")
    everything = {path: path.read_text() for path in (command.home / "site").resolve().rglob("*.html")}
    assert [path for path, text in everything.items() if hostile[3] in text] == []
    monitoring = next(text for path, text in everything.items() if path.name == "monitoring.html")
    assert "seem to be swapped" in monitoring
    assert fingerprints(command, f"quarter <> '{QUARTER}'") == others
    command("run", *DOMAIN, "--source", str(clean), "--quarter", QUARTER)
    assert file_alerts(command) == []
