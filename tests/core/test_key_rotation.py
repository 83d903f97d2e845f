"""The drill: a new key, old files open all the time, a revoked key opens none; killed anywhere, the next run finishes it."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.core.encryption import UnreadableFileError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.key_places import open_keys
from orchestration.core.key_rotation import key_use, revoke, rotate
from orchestration.core.keys import KeyState
from orchestration.core.landing_storage import EncryptedStorage, open_landing
from orchestration.core.settings import Settings
from orchestration.core.storage import open_storage
from tests.core.keys import new_key
from tests.storage_server import StorageServer

CONTENTS = [b"", b"a,b\n1,2\n", b"female,group B,72,72,74\n" * 1000]
PLAIN = b"received before encryption\n"


def key_of(content: bytes) -> str:
    return f"domain/received/{hashlib.sha256(content).hexdigest()}"


def silent(done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture(params=["folder", "store"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation with some encrypted files, and a plain one from before."""
    settings = Settings(home=tmp_path / "home")
    if request.param == "store":
        server: StorageServer = request.getfixturevalue("storage_server")
        url = f"s3://{server.new_bucket()}/landing"
        settings = Settings(home=tmp_path / "home", landing_dir=url, **server.environment)
    fill(settings, tmp_path)
    return settings


def fill(settings: Settings, folder: Path) -> None:
    path = folder / "source.csv"
    for content in [*CONTENTS, PLAIN]:
        files = open_storage(settings.landing, settings) if content == PLAIN else open_landing(settings)
        path.write_bytes(content)
        files.put(key_of(content), path, hashlib.sha256(content).hexdigest())


def opened(landing: EncryptedStorage) -> list[bytes]:
    """Every file as it comes back."""
    return [
        b"".join(landing.chunks(key_of(content), sha256=hashlib.sha256(content).hexdigest()))
        for content in [*CONTENTS, PLAIN]
    ]


def test_the_drill(settings: Settings) -> None:
    landing, keys = open_landing(settings), open_keys(settings)
    first = keys.current()
    assert {key: len(files) for key, files in key_use(landing).by_key.items()} == {first: 3, None: 1}
    files = open_storage(settings.landing, settings)
    with files.opened(key_of(CONTENTS[1])) as stream:
        before = stream.read()

    # Old files open under a new key before any of them is moved.
    keys.add()
    assert keys.current() != first
    assert opened(landing) == [*CONTENTS, PLAIN]
    keys = open_keys(settings)
    with pytest.raises(QuarterdeckError, match=f"{first} is still needed by 3 received files"):
        revoke(landing, keys, first, force=False)

    done = rotate(landing, keys, silent)
    assert (done.is_new, done.moved, done.problems) == (False, 4, [])
    second = keys.current()
    assert key_use(landing).by_key == {second: sorted(map(key_of, [*CONTENTS, PLAIN]))}
    assert opened(landing) == [*CONTENTS, PLAIN]

    assert revoke(landing, keys, first, force=False) == 0
    assert opened(landing) == [*CONTENTS, PLAIN]
    # The old file, from a backup of the landing zone, is of no use any more, and can be received again.
    path = settings.home / "old"
    path.write_bytes(before)
    files.put(key_of(CONTENTS[1]), path, hashlib.sha256(before).hexdigest())
    with pytest.raises(UnreadableFileError, match=f"its key {first} was revoked"):
        opened(landing)
    done = rotate(landing, keys, silent)
    assert done.is_new
    assert done.moved == 3
    assert len(done.problems) == 1
    assert "was revoked" in done.problems[0]


def test_each_rotation_makes_a_key_and_leaves_no_old_file(settings: Settings) -> None:
    landing, keys = open_landing(settings), open_keys(settings)
    for count in (2, 3):
        done = rotate(landing, keys, silent)
        assert done.is_new
        assert len(keys.known()) == count
        assert list(key_use(landing).by_key) == [keys.current()] == [done.key_id]
    assert opened(landing) == [*CONTENTS, PLAIN]


def test_revoking_by_force_loses_the_files_and_says_how_many(settings: Settings) -> None:
    landing, keys = open_landing(settings), open_keys(settings)
    first = keys.current()
    keys.add()
    assert revoke(landing, keys, first, force=True) == 3
    with pytest.raises(UnreadableFileError, match="was revoked"):
        opened(landing)
    # They cannot be moved, so they do not keep a rotation open for ever.
    assert rotate(landing, keys, silent).is_new


def test_keys_of_the_environment_rotate_by_a_new_first_one(tmp_path: Path) -> None:
    old, new = f"2025:{new_key()}", f"2026:{new_key()}"
    before = Settings(home=tmp_path / "home", landing_keys=old)
    fill(before, tmp_path)
    both = Settings(home=tmp_path / "home", landing_keys=f"{new},{old}")
    assert opened(open_landing(both)) == [*CONTENTS, PLAIN]
    assert rotate(open_landing(both), open_keys(both), silent).key_id == "2026"
    after = Settings(home=tmp_path / "home", landing_keys=new)
    assert opened(open_landing(after)) == [*CONTENTS, PLAIN]
    with pytest.raises(UnreadableFileError, match="its key 2026 is not among the keys here"):
        opened(open_landing(before))


# Where the rotating process is killed: the n-th call of this function, before its work or after it.
STEPS = [
    ("key_places.KeyFile._write", 1, "before"),
    ("key_places.KeyFile._write", 1, "after"),
    *[("landing_storage.EncryptedStorage._store", count, "after") for count in (1, 2, 3, 4)],
    ("storage.sha256_of", 2, "after"),  # the copy beside the second file is written and not yet renamed
]


@pytest.mark.parametrize(("function", "count", "when"), STEPS, ids=lambda value: str(value))
def test_killed_anywhere_the_next_run_finishes_it(tmp_path: Path, function: str, count: int, when: str) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings, tmp_path)
    first = open_keys(settings).current()
    program = f"""
import os, signal, sys
from pathlib import Path
from orchestration.core import key_places, key_rotation, landing_storage, storage
from orchestration.core.settings import Settings
original, calls = {function}, []
def deadly(*arguments, **named):
    calls.append(1)
    if len(calls) == {count} and {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **named)
    if len(calls) == {count}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
{function} = deadly
settings = Settings(home=Path(sys.argv[1]))
key_rotation.rotate(landing_storage.open_landing(settings), key_places.open_keys(settings), lambda *_: None)
"""
    process = subprocess.run(
        [sys.executable, "-c", program, settings.home], capture_output=True, text=True, check=False
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    landing, keys = open_landing(settings), open_keys(settings)
    assert opened(landing) == [*CONTENTS, PLAIN]
    finished = key_use(landing).by_key.keys() == {keys.current()}
    if not finished:
        rotate(landing, keys, silent)
    assert [key.state for key in keys.known()] == [KeyState.OLD, KeyState.CURRENT]
    assert key_use(landing).by_key == {keys.current(): sorted(map(key_of, [*CONTENTS, PLAIN]))}
    assert opened(landing) == [*CONTENTS, PLAIN]
    revoke(landing, keys, first, force=False)
    assert opened(landing) == [*CONTENTS, PLAIN]
    kept = {path.name for path in (settings.home / "landing").rglob("*") if path.is_file() and path.name[0] != "."}
    assert kept == {key_of(content).rpartition("/")[2] for content in [*CONTENTS, PLAIN]}
