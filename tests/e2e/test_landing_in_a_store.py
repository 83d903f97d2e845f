"""A whole quarter whose files lie in an S3-compatible store: the same as from a folder, again and again, and after failures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.core.settings import Settings
from orchestration.core.storage import Storage, open_storage, sha256_of
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.conftest import Command
from tests.e2e.marts import fingerprints
from tests.storage_server import StorageServer

QUARTER = "2026Q3"


@pytest.fixture(scope="module")
def store(storage_server: StorageServer) -> tuple[str, Storage]:
    """An empty bucket's URL, and the bucket."""
    url = f"s3://{storage_server.new_bucket()}"
    return url, open_storage(url, Settings(**storage_server.environment))


@pytest.fixture(scope="module")
def command(
    new_command: Callable[[str], Command],
    storage_server: StorageServer,
    store: tuple[str, Storage],
    tmp_path_factory: pytest.TempPathFactory,
) -> Command:
    """The command after one quarter whose file was dropped into the bucket."""
    command = new_command("store")
    url, bucket = store
    command.environment |= {**storage_server.environment, "QUARTERDECK_LANDING_DIR": f"{url}/landing"}
    path = write_sample(QUARTER, tmp_path_factory.mktemp("sample"), load_contract(), rows=1000)
    bucket.put("dropped/results.csv", path, sha256_of(path))
    command("run", "--source", f"{url}/dropped/results.csv", "--quarter", QUARTER)
    return command


def test_the_file_is_kept_in_the_store_and_nowhere_else(command: Command, store: tuple[str, Storage]) -> None:
    bucket = store[1]
    receipts = command.rows("select name, sha256, source from platform.landing_files")
    assert [(row["name"], row["source"]) for row in receipts] == [("results.csv", "file")]
    kept = bucket.list_files("landing")
    key = f"landing/student_performance/received/{receipts[0]['sha256']}"
    assert [file.key for file in kept] == [key]
    assert not (command.home / "landing").exists()


def test_a_second_run_from_a_local_folder_gives_the_same(
    command: Command, store: tuple[str, Storage], tmp_path: Path
) -> None:
    bucket = store[1]
    before, kept = fingerprints(command), bucket.list_files("landing")
    with bucket.local_copy("dropped/results.csv") as path:
        copy = tmp_path / "results.csv"
        copy.write_bytes(path.read_bytes())
    command("run", "--source", str(copy), "--quarter", QUARTER)
    assert fingerprints(command) == before
    assert bucket.list_files("landing") == kept


def test_wrong_keys_are_one_sentence_and_change_nothing(command: Command, tmp_path: Path) -> None:
    before = fingerprints(command)
    path = write_sample(QUARTER, tmp_path, load_contract(), rows=50)
    result = command(
        "run", "--source", str(path), "--quarter", QUARTER, check=False, AWS_SECRET_ACCESS_KEY="not-the-secret"
    )
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert "access was refused" in errors[0]
    output = result.stdout + result.stderr
    assert "Traceback" not in output
    assert "not-the-secret" not in output
    assert command.environment["AWS_SECRET_ACCESS_KEY"] not in output
    assert fingerprints(command) == before
    assert command.rows("select count(*) as n from platform.landing_files") == [{"n": 1}]


def test_a_source_that_is_not_there_is_said(command: Command, store: tuple[str, Storage]) -> None:
    result = command("run", "--source", f"{store[0]}/no/such.csv", check=False)
    assert result.returncode == 1
    assert "there is no such file" in result.stderr


def test_reset_deletes_the_domains_files_in_the_store_and_no_others(
    command: Command, store: tuple[str, Storage]
) -> None:
    bucket = store[1]
    failed = command("reset", "--yes", check=False, AWS_SECRET_ACCESS_KEY="not-the-secret")
    assert failed.returncode == 1
    assert command.rows("select count(*) as n from platform.landing_files") == [{"n": 1}]
    command("reset", "--yes")
    assert [file.key for file in bucket.list_files("")] == ["dropped/results.csv"]
    assert not (command.home / "postgres").exists()
