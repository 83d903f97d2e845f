"""Received files in a local folder and on a real S3 server: encrypted there, whole and private where they are used."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core import landing_storage, storage
from orchestration.core.encryption import CHUNKS_AT_ONCE, UnreadableFileError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import received_file
from orchestration.core.landing_storage import EncryptedStorage, open_landing
from orchestration.core.settings import Settings
from orchestration.core.storage import CHUNK_BYTES, Storage, open_storage
from tests.storage_server import StorageServer

LINE = b"female,group B,bachelor's degree,standard,none,72,72,74\n"


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty local folder, and an empty prefix of a bucket."""
    if request.param == "folder":
        return Settings(home=tmp_path / "home")
    server: StorageServer = request.getfixturevalue("storage_server")
    url = f"s3://{server.new_bucket()}/some/prefix"
    return Settings(home=tmp_path / "home", landing_dir=url, **server.environment)


@pytest.fixture
def landing(place: Settings) -> EncryptedStorage:
    return open_landing(place)


@pytest.fixture
def files(place: Settings) -> Storage:
    """The same place as it is: what an onlooker sees."""
    return open_storage(place.landing, place)


def put(files: Storage, content: bytes, folder: Path, key: str = "") -> tuple[str, str]:
    """Store the content; its key and its sha256."""
    path, sha256 = folder / "source.csv", hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    key = key or f"domain/received/{sha256}"
    files.put(key, path, sha256 if key.endswith(sha256) else hashlib.sha256(content).hexdigest())
    return key, sha256


def stored(files: Storage, key: str) -> bytes:
    with files.opened(key) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        CHUNKS_AT_ONCE * CHUNK_BYTES,
        CHUNKS_AT_ONCE * CHUNK_BYTES + 1,
    ],
)
def test_a_file_of_any_size_comes_back(landing: EncryptedStorage, files: Storage, tmp_path: Path, size: int) -> None:
    content = (LINE * (size // len(LINE) + 1))[:size]
    key, sha256 = put(landing, content, tmp_path)
    found = landing.find(key)
    assert found is not None
    assert found.size == size
    assert LINE.strip() not in stored(files, key)
    with landing.local_copy(key, sha256=sha256) as path:
        assert path.name == sha256
        assert path.read_bytes() == content
        assert path.stat().st_size == size
    with landing.opened(key) as stream:
        assert stream.read() == content
    landing.restore(key, tmp_path / "restored.csv", sha256=sha256)
    assert (tmp_path / "restored.csv").read_bytes() == content


@given(st.binary(max_size=200), st.integers(1, 60), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_size_of_chunks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, chunk_bytes: int, in_memory: bool
) -> None:
    monkeypatch.setattr(storage, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(landing_storage, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(landing_storage, "IN_MEMORY_BYTES", 1000 if in_memory else -1)
    landing = open_landing(Settings(home=tmp_path / "home"))
    key, sha256 = put(landing, content, tmp_path)
    with landing.local_copy(key, sha256=sha256) as path:
        assert path.read_bytes() == content


def test_a_file_from_before_encryption_opens_until_it_is_encrypted_too(
    landing: EncryptedStorage, files: Storage, tmp_path: Path
) -> None:
    key, sha256 = put(files, LINE * 3, tmp_path)
    found = landing.find(key)
    assert found is not None
    assert found.size == 3 * len(LINE)
    assert landing.wrapping_key_id(key) is None
    for _ in range(2):
        with landing.local_copy(key, sha256=sha256) as path:
            assert path.read_bytes() == LINE * 3
        landing.encrypt_again(key, sha256=sha256)
    assert LINE.strip() not in stored(files, key)
    assert landing.wrapping_key_id(key) is not None


def refused(landing: EncryptedStorage, key: str, sha256: str, sentence: str) -> None:
    with pytest.raises(UnreadableFileError, match=sentence), landing.local_copy(key, sha256=sha256):
        pytest.fail("A changed file was given out.")


def test_a_changed_byte_is_refused(landing: EncryptedStorage, files: Storage, tmp_path: Path) -> None:
    key, sha256 = put(landing, LINE * 100, tmp_path)
    content = bytearray(stored(files, key))
    content[len(content) // 4] ^= 1
    put(files, bytes(content), tmp_path, key)
    refused(landing, key, sha256, "was changed since it was received, or is damaged")


def test_plain_content_is_compared_with_its_hash(landing: EncryptedStorage, files: Storage, tmp_path: Path) -> None:
    """Who may write there but has no key cannot give a file of theirs for a received one."""
    key, sha256 = put(landing, LINE, tmp_path)
    put(files, LINE.replace(b"72", b"99"), tmp_path, key)
    refused(landing, key, sha256, "is another file than was received")
    with pytest.raises(UnreadableFileError):
        landing.encrypt_again(key, sha256=sha256)
    assert stored(files, key) == LINE.replace(b"72", b"99")


def test_files_cannot_change_places(landing: EncryptedStorage, files: Storage, tmp_path: Path) -> None:
    key, sha256 = put(landing, LINE, tmp_path)
    other, _ = put(landing, LINE * 2, tmp_path)
    put(files, stored(files, other), tmp_path, key)
    refused(landing, key, sha256, "is another file than was received")


def test_a_missing_file_is_said(landing: EncryptedStorage) -> None:
    assert landing.find("domain/received/x") is None
    refused(landing, "domain/received/x", "", "is missing")


def test_nobody_else_reads_the_copy_and_nothing_is_left_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    landing = open_landing(Settings(home=tmp_path / "home"))
    key, sha256 = put(landing, LINE, tmp_path)
    for limit in (0, 1000):
        monkeypatch.setattr(landing_storage, "IN_MEMORY_BYTES", limit)
        with landing.local_copy(key, sha256=sha256) as path:
            assert path.read_bytes() == LINE
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert path.parent.parent == tmp_path / "temporary"
        assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a killed process leaves the copy in its private folder")
@pytest.mark.parametrize("limit", [0, 1000], ids=["temporary folder", "memory"])
def test_a_killed_process_leaves_no_plain_text(tmp_path: Path, limit: int) -> None:
    landing = open_landing(Settings(home=tmp_path / "home"))
    key, _ = put(landing, LINE, tmp_path)
    program = (
        "import sys, time; from pathlib import Path; from orchestration.core import landing_storage; "
        "from orchestration.core.settings import Settings; "
        f"landing_storage.IN_MEMORY_BYTES = {limit}; "
        "landing = landing_storage.open_landing(Settings(home=Path(sys.argv[1]))); copy = landing.local_copy(sys.argv[2]); "
        "path = copy.__enter__(); print(path.read_text().strip(), flush=True); time.sleep(600)"
    )
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "home", key],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == LINE
    process.kill()
    process.wait()
    left = [path for path in (tmp_path / "temporary").rglob("*") if path.exists() and path.is_file()]
    assert [path for path in left if LINE.strip() in path.read_bytes()] == []


def test_a_file_that_changes_while_it_is_received_is_not_kept(landing: EncryptedStorage, tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(LINE)
    with pytest.raises(QuarterdeckError, match="changed while it was received"):
        landing.put("domain/received/x", path, hashlib.sha256(b"what it was").hexdigest())
    assert landing.find("domain/received/x") is None


def test_a_received_file_is_restored_by_its_id_and_replaces_nothing(landing: EncryptedStorage, tmp_path: Path) -> None:
    key, sha256 = put(landing, LINE, tmp_path)
    put(landing, LINE * 2, tmp_path)
    assert received_file(landing, sha256[:16]) == received_file(landing, sha256) == key
    with pytest.raises(QuarterdeckError, match="No received file begins with 0000"):
        received_file(landing, "0000")
    with pytest.raises(QuarterdeckError, match="More than one received file begins"):
        received_file(landing, "")
    target = tmp_path / "there.csv"
    target.write_text("mine")
    with pytest.raises(QuarterdeckError, match="cannot be written"):
        landing.restore(key, target, sha256=sha256)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["source.csv", "there.csv"]
    landing.restore(key, tmp_path / "new.csv", sha256=sha256)
    assert (tmp_path / "new.csv").read_bytes() == LINE
    assert (tmp_path / "new.csv").stat().st_mode & 0o777 == 0o600
