"""The one storage layer: files below a local folder, or below a URL of an S3-compatible store, addressed by keys.

A key is a path with `/` relative to the root. What does not belong here: knowing which keys there are (`landing.py`).
"""

import contextlib
import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A file in storage; `version` is another one whenever the file's content is another one."""

    key: str
    size: int
    version: str


class Storage(Protocol):
    """What a local folder and a bucket have in common. Every method raises QuarterdeckError where the storage fails."""

    def location(self, key: str) -> str:
        """The absolute path or the URL, for people and for run configurations."""

    def find(self, key: str) -> StoredFile | None:
        """The file, or None where there is none."""

    def list_files(self, prefix: str) -> list[StoredFile]:
        """All files below the folder `prefix`, sorted by key, without hidden ones (their names begin with a dot)."""

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Store the local file `path`, which has this sha256: at any moment the key names the whole file or none."""

    def local_copy(self, key: str, *, sha256: str | None = None) -> contextlib.AbstractContextManager[Path]:
        """The file on the local disk, read-only, as long as the block lasts; under the last part of its key as its name.

        What was copied from a store is compared with `sha256`, where that is given.
        """

    def opened(self, key: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """The file as a stream of bytes that can be read anywhere, of one version as long as the block lasts."""

    def delete(self, prefix: str) -> None:
        """Delete everything below the folder `prefix`."""


def open_storage(address: str, settings: Settings) -> Storage:
    """The storage at a local path or an `s3://bucket/prefix` URL. Nothing is asked of it yet.

    Raises:
        QuarterdeckError: the URL is none of an S3-compatible store.
    """
    if "://" not in address:
        return LocalFolder(Path(address).absolute())
    # Imported where it is needed: a local folder must not pay for the library of stores.
    from orchestration.core.bucket import Bucket

    bucket, prefix = split_s3_url(address)
    return Bucket(bucket, prefix, settings)


def open_file(address: str, settings: Settings) -> tuple[Storage, str]:
    """The storage and the key of a single file given by its path or URL; the file need not be there.

    Raises:
        QuarterdeckError: the URL is none of a file in an S3-compatible store.
    """
    if "://" not in address:
        path = Path(address).absolute()
        return LocalFolder(path.parent), path.name
    from orchestration.core.bucket import Bucket

    bucket, key = split_s3_url(address)
    if not key:
        raise QuarterdeckError(f"{address} names a bucket and no file in it. Say it as s3://bucket/key.csv.")
    return Bucket(bucket, "", settings), key


def split_s3_url(url: str) -> tuple[str, str]:
    """The bucket and the key (or prefix, without a slash at its end) of an `s3://` URL.

    Raises:
        QuarterdeckError: it is another kind of URL, holds no bucket's name, or has a key that is no clean path. Keys
            written into the URL are not repeated.
    """
    scheme, _, rest = url.partition("://")
    if scheme != "s3":
        raise QuarterdeckError(
            f"Files cannot be kept at or read from {scheme}:// URLs. Use a local path or s3://bucket/key."
        )
    bucket, _, key = rest.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", bucket):
        raise QuarterdeckError(
            "An s3:// URL begins with the name of a bucket, as in s3://bucket/key; "
            "access keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    key = key.removesuffix("/")
    if key and any(part in ("", ".", "..") or not part.isprintable() for part in key.split("/")):
        raise QuarterdeckError(f"s3://{bucket}/...: the key has an empty part, a dot part or a control character.")
    return bucket, key


class LocalFolder:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def location(self, key: str) -> str:
        """The absolute path."""
        return str(self._root / key)

    def find(self, key: str) -> StoredFile | None:
        """The file, or None where there is none."""
        path = self._root / key
        return self._stored(path) if path.is_file() else None

    def list_files(self, prefix: str) -> list[StoredFile]:
        """All files below the folder `prefix`, sorted by key, without hidden ones."""
        files = [path for path in (self._root / prefix).rglob("*") if path.is_file() and not path.name.startswith(".")]
        return [self._stored(path) for path in sorted(files)]

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Copy beside the final name and rename, so that the file is always whole."""
        target = self._root / key
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, partial)
            if sha256_of(partial) != sha256:
                raise changed_while_received(path)
            partial.chmod(0o440)
            partial.replace(target)
        except OSError as error:
            raise QuarterdeckError(
                f"{target} cannot be written ({error.strerror}). Check the folder and its rights."
            ) from None
        finally:
            partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def local_copy(self, key: str, *, sha256: str | None = None) -> Iterator[Path]:  # noqa: ARG002
        """The file itself: nothing is copied that could differ."""
        yield self._root / key

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[BinaryIO]:
        """The open file."""
        path = self._root / key
        try:
            stream = path.open("rb")
        except OSError as error:
            raise QuarterdeckError(
                f"{path} cannot be read ({error.strerror}). Check the file and its rights."
            ) from None
        with stream:
            yield stream

    def delete(self, prefix: str) -> None:
        """Delete the folder `prefix`."""
        shutil.rmtree(self._root / prefix, ignore_errors=True)

    def _stored(self, path: Path) -> StoredFile:
        status = path.stat()
        return StoredFile(
            path.relative_to(self._root).as_posix(), status.st_size, f"{status.st_size}-{status.st_mtime_ns}"
        )


def sha256_of(path: Path) -> str:
    """The file's sha256 in hexadecimal, read as a stream.

    Raises:
        QuarterdeckError: there is no such readable file.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise QuarterdeckError(f"{path}: the file cannot be read ({error.strerror}). Check the path.") from None


def chunks_of(path: Path, sha256: str) -> Iterator[bytes]:
    """The file in pieces.

    Raises:
        QuarterdeckError: at its end, where it is not what was hashed, so that nothing is stored then.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != sha256:
        raise changed_while_received(path)


def changed_while_received(path: Path) -> QuarterdeckError:
    """The error for a file that is no longer what was hashed: somebody is still writing it."""
    return QuarterdeckError(f"{path}: the file was changed while it was received. Load it again when it is complete.")
