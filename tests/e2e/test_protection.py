"""A whole quarter with encrypted received files, and the drill with the command: rotate, revoke, restore."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.conftest import Command
from tests.core.keys import new_key
from tests.e2e.marts import fingerprints

QUARTER = "2026Q3"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(QUARTER, tmp_path_factory.mktemp("sample"), load_contract(), rows=1000)


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command], source: Path) -> Command:
    """The command after one quarter, whose key is in the environment."""
    command = new_command("protection")
    command.environment["QUARTERDECK_LANDING_KEYS"] = f"2026a:{new_key()}"
    command("run", "--source", str(source), "--quarter", QUARTER)
    return command


def secret_of(command: Command) -> str:
    return command.environment["QUARTERDECK_LANDING_KEYS"].partition(":")[2]


def test_no_line_of_a_student_is_anywhere_in_landing(command: Command, source: Path) -> None:
    lines = source.read_bytes().splitlines()
    assert len(lines) > 1000
    files = [path for path in (command.home / "landing").rglob("*") if path.is_file()]
    assert len(files) == 1
    content = files[0].read_bytes()
    assert [line for line in lines if line in content] == []
    for word in (b"female", b"group", b"standard", b"lunch", source.name.encode()):
        assert word not in content


def test_the_key_is_in_no_log_page_or_message(command: Command) -> None:
    key = secret_of(command).encode()
    listed = command("keys", "list")
    assert key not in (listed.stdout + listed.stderr).encode()
    places = [path for path in command.home.rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert len(places) > 20
    assert [path for path in places if key in path.read_bytes()] == []
    assert not (command.home / "keys").exists()


def test_a_file_is_restored_as_it_came(command: Command, source: Path, tmp_path: Path) -> None:
    (receipt,) = command.rows("select source_file_id, name from platform.landing_files")
    listed = command("landing", "list").stdout
    assert receipt["source_file_id"] in listed
    assert "kept" in listed
    target = tmp_path / "back.csv"
    command("landing", "restore", str(receipt["source_file_id"]), "--to", str(target))
    assert target.read_bytes() == source.read_bytes()
    again = command("landing", "restore", str(receipt["source_file_id"]), "--to", str(target), check=False)
    assert again.returncode == 1
    assert "cannot be written" in again.stderr


def test_a_second_run_recognises_the_encrypted_file(command: Command, source: Path) -> None:
    before = fingerprints(command)
    (stored,) = [path for path in (command.home / "landing").rglob("*") if path.is_file()]
    content = stored.read_bytes()
    command("run", "--source", str(source), "--quarter", QUARTER)
    assert stored.read_bytes() == content
    assert fingerprints(command) == before


def test_the_drill_of_rotation(new_command: Callable[[str], Command], source: Path, tmp_path: Path) -> None:
    """With the key file that is made on first use."""
    command = new_command("drill")
    command("run", "--source", str(source), "--quarter", QUARTER)
    path = command.home / "keys" / "landing.json"
    assert path.stat().st_mode & 0o777 == 0o600
    first = json.loads(path.read_text())["current"]
    (stored,) = [path for path in (command.home / "landing").rglob("*") if path.is_file()]
    old = stored.read_bytes()
    assert command("keys", "revoke", first, check=False).returncode == 1

    rotated = command("keys", "rotate").stdout
    second = json.loads(path.read_text())["current"]
    assert second != first
    assert second in rotated
    assert stored.read_bytes() != old
    listed = [line for line in command("keys", "list").stdout.splitlines() if "│" in line]
    assert [line.split("│")[1:4] for line in listed] == [
        [f" {first} ", " old     ", " 0     "],
        [f" {second} ", " current ", " 1     "],
    ]
    command("keys", "revoke", first)
    before = fingerprints(command)
    command("reset", "--quarter", QUARTER, "--yes")
    command("run", "--source", str(source), "--quarter", QUARTER)
    assert fingerprints(command) == before

    # A copy from before the rotation, put back: its key is gone.
    stored.chmod(0o640)
    stored.write_bytes(old)
    refused = command("landing", "restore", stored.name, "--to", str(tmp_path / "old.csv"), check=False)
    assert refused.returncode == 1
    errors = [line for line in refused.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert f"its key {first} was revoked" in errors[0]
    assert not (tmp_path / "old.csv").exists()
    # The same file, received again, is stored anew.
    command("run", "--source", str(source), "--quarter", QUARTER)
    command("landing", "restore", stored.name, "--to", str(tmp_path / "new.csv"))
    assert (tmp_path / "new.csv").read_bytes() == source.read_bytes()
    material = [entry["key"] for entry in json.loads(path.read_text())["keys"].values() if "key" in entry]
    assert len(material) == 1
    for text in (rotated, refused.stderr, command("keys", "list").stdout):
        assert material[0] not in text
