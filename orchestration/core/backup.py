"""One encrypted bundle of an installation: received files, database, configuration and lock; and how it comes back.

A bundle is a tar archive, encrypted like a received file (`encryption.py`) under the current key. Keys and other secrets are
never in it. What does not belong here: how a database is copied (`database_copy.py`), where keys are (`key_places.py`).
"""

import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, cast

from pydantic import SecretStr

from orchestration.core.database_copy import TRIES, DumpFailedError, dumped, load
from orchestration.core.encryption import content_size, decrypt, encrypt
from orchestration.core.errors import QuarterdeckError
from orchestration.core.key_places import open_keys
from orchestration.core.keys import Keys
from orchestration.core.landing import received_files
from orchestration.core.landing_storage import open_landing
from orchestration.core.postgres import Database, open_database
from orchestration.core.reset import drop_schemas, own_schemas
from orchestration.core.settings import PROJECT_ROOT, Settings
from orchestration.core.storage import CHUNK_BYTES, open_storage

FORMAT = 1
ABOUT, DUMP, LANDING, CONFIGURATION = "about.json", "database.dump", "landing", "configuration"
UNFINISHED = "restore-unfinished"
# What a person puts into an empty home before anything can be restored there.
KEYS = ("keys", "pseudonym.key")


@dataclass(frozen=True)
class About:
    """What a bundle says of itself: by which version, of which database and login, and the keys of its received files."""

    format: int
    quarterdeck: str
    made_at: str
    database: str
    login: str
    received_files: list[str]


def make_backup(settings: Settings, database: Database, domains: Sequence[str], target: Path) -> About:
    """Write a bundle of the installation as it is at one moment; runs may work meanwhile.

    The file appears under its name when it is whole, on the disk and was read back.

    Raises:
        QuarterdeckError: there is such a file, it cannot be written, or a received file does not open: a copy of a damaged file
            would be no backup.
    """
    if target.exists():
        raise QuarterdeckError(f"{target} is there already. Name another file; a backup is never written over.")
    keys = open_keys(settings)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
            dump = Path(folder) / "dump"
            _dump(database, domains, dump, keys)
            # After the snapshot: a file is in landing before the database tells of it, so none that it tells of is missing.
            received = _verified(settings)
            found = database.parameters
            about = About(
                FORMAT,
                version("quarterdeck"),
                datetime.now(UTC).isoformat(timespec="seconds"),
                found.get("dbname", ""),
                found.get("user", ""),
                received,
            )
            encrypt(_in_blocks(_archive(settings, about, dump, keys)), partial, keys)
        partial.chmod(0o600)
        _on_disk(partial)
        with opened(partial, keys) as members:
            names = [name for name, _, _ in members]
        assert names[-1] == DUMP, names
        os.link(partial, target)
        _on_disk(target.parent)
    except OSError as error:
        raise QuarterdeckError(f"{target} cannot be written ({error.strerror}). Name another file.") from None
    finally:
        partial.unlink(missing_ok=True)
    return about


def restore_backup(settings: Settings, domains: Sequence[str], bundle: Path) -> tuple[About, Database]:
    """Bring a bundle back into an empty home, where only keys may be. Killed in between, it can be run again.

    Raises:
        QuarterdeckError: the home, the database or the landing folder holds something; the bundle is none, is damaged, or its
            key or that of a received file is missing.
    """
    mark = settings.home / UNFINISHED
    if not bundle.is_file():
        raise QuarterdeckError(f"There is no file {bundle}. Name a file that `quarterdeck backup` wrote.")
    begun = mark.exists()
    if not begun:
        _require_empty(settings)
    keys = open_keys(settings)
    with opened(bundle, keys) as members:
        name, _, chunks = next(members)
        about = About(**json.loads(b"".join(chunks)))
        settings.home.mkdir(parents=True, exist_ok=True)
        mark.touch()
        database = open_database(settings)
        _require_same_database(database, about, is_begun=begun)
        files, landing = open_storage(settings.landing, settings), open_landing(settings)
        for name, _, chunks in members:
            place, _, rest = name.partition("/")
            if place == LANDING:
                with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
                    received = Path(folder) / "received"
                    files.put(rest, received, _written(received, chunks))
                for _ in landing.chunks(rest, sha256=rest.rpartition("/")[2]):
                    pass
            elif place == CONFIGURATION:
                path = settings.home / "restored" / Path(rest).name
                path.parent.mkdir(exist_ok=True)
                _written(path, chunks)
            elif name == DUMP:
                drop_schemas(database, domains)
                load(database, chunks)
    mark.unlink()
    return about, database


@contextmanager
def opened(bundle: Path, keys: Keys) -> Iterator[Iterator[tuple[str, int, Iterator[bytes]]]]:
    """The bundle's members in their order, each with its name, size and content; every byte is authenticated as it is read.

    Raises:
        QuarterdeckError: it is no bundle, it is damaged, or its key is missing.
    """
    with bundle.open("rb") as stream:
        try:
            # Reading from its start to its end, tarfile calls nothing but `read`.
            content = cast("IO[bytes]", _Stream(decrypt(stream, keys, str(bundle))))
            with tarfile.open(fileobj=content, mode="r|", bufsize=CHUNK_BYTES) as tar:
                yield _members(tar)
        except tarfile.TarError:
            raise QuarterdeckError(
                f"{bundle} is no backup of Quarterdeck. Name a file that `quarterdeck backup` wrote."
            ) from None


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    for member in tar:
        content = tar.extractfile(member)
        assert content is not None
        chunks = iter(lambda content=content: content.read(CHUNK_BYTES), b"")  # type: ignore[misc]
        yield member.name, member.size, chunks
        for _ in chunks:
            pass


def _dump(database: Database, domains: Sequence[str], target: Path, keys: Keys) -> None:
    for left in reversed(range(TRIES)):
        try:
            # Encrypted at once: the rows are in the clear on no disk.
            encrypt(_in_blocks(dumped(database, own_schemas(domains))), target, keys)
        except DumpFailedError:
            if not left:
                raise
            time.sleep(1)
        else:
            return


def _verified(settings: Settings) -> list[str]:
    landing = open_landing(settings)
    received = [file.key for file in received_files(landing)]
    for key in received:
        for _ in landing.chunks(key, sha256=key.rpartition("/")[2]):
            pass
    return received


def _archive(settings: Settings, about: About, dump: Path, keys: Keys) -> Iterator[bytes | memoryview]:
    yield from _member(ABOUT, json.dumps(asdict(about), indent=1).encode())
    yield from _member(f"{CONFIGURATION}/settings.env", _settings_text(settings).encode())
    for path in (PROJECT_ROOT / "requirements.lock", settings.contract, settings.aliases):
        if path is not None and path.is_file():
            yield from _member(f"{CONFIGURATION}/{path.name}", path.read_bytes())
    files = open_storage(settings.landing, settings)
    for key in about.received_files:
        with files.opened(key) as stream:
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            yield from _streamed(f"{LANDING}/{key}", size, iter(lambda: stream.read(CHUNK_BYTES), b""))
    with dump.open("rb") as stream:
        yield from _streamed(DUMP, content_size(stream, keys, str(dump)), decrypt(stream, keys, str(dump)))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, content: bytes) -> Iterator[bytes | memoryview]:
    yield from _streamed(name, len(content), [content])


def _streamed(name: str, size: int, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    yield header.tobuf(tarfile.PAX_FORMAT)
    written = 0
    for chunk in chunks:
        written += len(chunk)
        yield chunk
    assert written == size, (name, written, size)
    yield bytes(-size % tarfile.BLOCKSIZE)


def _in_blocks(chunks: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in blocks of a mebibyte, since an encrypted file has a limited number of them."""
    block = bytearray()
    for chunk in chunks:
        block += chunk
        while len(block) >= CHUNK_BYTES:
            yield bytes(block[:CHUNK_BYTES])
            del block[:CHUNK_BYTES]
    if block:
        yield bytes(block)


def _settings_text(settings: Settings) -> str:
    """The settings that differ from their defaults, as lines of a `.env` file, without secrets and without the home."""
    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "home" or value == field.default or isinstance(value, SecretStr):
            continue
        lines.append(f"{name.upper() if name.startswith('aws_') else f'QUARTERDECK_{name.upper()}'}={value}\n")
    return "".join(lines)


def _require_empty(settings: Settings) -> None:
    home = settings.home
    found = sorted(path.name for path in home.iterdir() if path.name not in KEYS) if home.is_dir() else []
    if found:
        raise QuarterdeckError(
            f"{home} is not empty ({found[0]}), and a backup is never restored over anything: "
            "set QUARTERDECK_HOME to a new folder, and put only the keys there."
        )
    if received_files(open_landing(settings)):
        raise QuarterdeckError(
            f"{settings.landing} holds received files already. Set QUARTERDECK_LANDING_DIR to an empty place."
        )


def _require_same_database(database: Database, about: About, *, is_begun: bool) -> None:
    found = database.parameters
    if (found.get("dbname", ""), found.get("user", "")) != (about.database, about.login):
        raise QuarterdeckError(
            f"The backup is of a database {about.database} with the login {about.login}, after which roles and owners are named; "
            f"this one is {database.place} with the login {found.get('user', '')}. Make one with those names."
        )
    with database.connect() as connection:
        if not is_begun and connection.execute("select 1 from platform.landing_files limit 1").fetchone():
            raise QuarterdeckError(f"{database.place} tells of received files already. Restore into an empty database.")


def _written(path: Path, chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for chunk in chunks:
            digest.update(chunk)
            stream.write(chunk)
    return digest.hexdigest()


def _on_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Stream:
    """Chunks as a file that can be read from its start to its end."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks, self._left = chunks, memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        while not self._left:
            following = next(self._chunks, None)
            if following is None:
                return b""
            self._left = following
        taken, self._left = self._left[:size], self._left[size:]
        return bytes(taken)
