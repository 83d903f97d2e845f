"""The one storage layer: files below a local folder, or below a URL of an S3-compatible store, addressed by keys.

A key is a path with `/` relative to the root. What does not belong here: knowing which keys there are (`landing.py`).
"""

import contextlib
import hashlib
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

CONNECT_TIMEOUT = timedelta(seconds=5)
# For one request of at most a part's size, retries included.
REQUEST_TIMEOUT = timedelta(seconds=60)
# The smallest part that S3 takes; an upload has at most 10,000 parts.
PART_BYTES = 5 * 1024 * 1024
MAXIMUM_PARTS = 9_000
PARTS_AT_ONCE = 4
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

    def delete(self, prefix: str) -> None:
        """Delete everything below the folder `prefix`."""


def open_storage(address: str, settings: Settings) -> Storage:
    """The storage at a local path or an `s3://bucket/prefix` URL. Nothing is asked of it yet.

    Raises:
        QuarterdeckError: the URL is none of an S3-compatible store.
    """
    if "://" not in address:
        return LocalFolder(Path(address).absolute())
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
            with partial.open("wb") as stream:
                stream.writelines(_chunks(path, sha256))
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

    def delete(self, prefix: str) -> None:
        """Delete the folder `prefix`."""
        shutil.rmtree(self._root / prefix, ignore_errors=True)

    def _stored(self, path: Path) -> StoredFile:
        status = path.stat()
        return StoredFile(
            path.relative_to(self._root).as_posix(), status.st_size, f"{status.st_size}-{status.st_mtime_ns}"
        )


class Bucket:
    """Objects below a prefix of a bucket in an S3-compatible store."""

    def __init__(self, bucket: str, prefix: str, settings: Settings) -> None:
        self._bucket = bucket
        self._root = f"s3://{bucket}/{prefix}".removesuffix("/")
        self._endpoint = settings.aws_endpoint_url or "Amazon S3"
        self._client = _client(bucket, prefix, settings)

    def location(self, key: str) -> str:
        """The `s3://` URL."""
        return f"{self._root}/{key}"

    def find(self, key: str) -> StoredFile | None:
        """The object, or None where there is none."""
        with self._said(), contextlib.suppress(FileNotFoundError):
            found = self._client.head(key)
            return StoredFile(key, found["size"], found["e_tag"] or str(found["last_modified"]))
        return None

    def list_files(self, prefix: str) -> list[StoredFile]:
        """All objects below `prefix`, sorted by key, without hidden and empty ones (consoles mark folders by those)."""
        with self._said():
            return sorted(
                (
                    StoredFile(found["path"], found["size"], found["e_tag"] or str(found["last_modified"]))
                    for batch in self._client.list(prefix)
                    for found in batch
                    if found["size"] and not found["path"].rpartition("/")[2].startswith(".")
                ),
                key=lambda file: file.key,
            )

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Upload in parts, which the store makes visible as one object when the last has arrived."""
        part = max(PART_BYTES, path.stat().st_size // MAXIMUM_PARTS)
        with self._said():
            self._client.put(key, _chunks(path, sha256), chunk_size=part, max_concurrency=PARTS_AT_ONCE)

    @contextlib.contextmanager
    def local_copy(self, key: str, *, sha256: str | None = None) -> Iterator[Path]:
        """A temporary download of one version of the object, compared with `sha256`."""
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            with self._said():
                digest = self._download(key, path)
            if sha256 not in (None, digest):
                raise QuarterdeckError(
                    f"{self.location(key)} was changed in the store. Restore it, or load the file again."
                )
            yield path

    def delete(self, prefix: str) -> None:
        """Delete the objects below `prefix`."""
        with self._said():
            for batch in self._client.list(prefix):
                self._client.delete([found["path"] for found in batch])

    def _download(self, key: str, path: Path) -> str:
        """Write the object to `path` part by part, so that memory and each request's time are bounded; its sha256."""
        found = self._client.head(key)
        digest = hashlib.sha256()
        with path.open("wb") as stream:
            for start in range(0, found["size"], PART_BYTES):
                end = min(start + PART_BYTES, found["size"])
                part = self._client.get(key, options={"range": (start, end), "if_match": found["e_tag"]}).buffer()
                digest.update(part)
                stream.write(part)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say a failure of the store as a sentence with what to do."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise QuarterdeckError(f"{self._root} at {self._endpoint}: {_reason(error)}") from None


def _chunks(path: Path, sha256: str) -> Iterator[bytes]:
    """The file in pieces; an error instead of its end where it is not what was hashed, so that nothing is stored then."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != sha256:
        raise QuarterdeckError(
            f"{path}: the file was changed while it was received. Load it again when it is complete."
        )


def _client(bucket: str, prefix: str, settings: Settings) -> "S3Store":
    """A client with the settings' keys; without keys the library looks for a role of the machine or the container."""
    from obstore.store import S3Store

    values: dict[str, str | SecretStr | None] = {
        "endpoint": settings.aws_endpoint_url,
        "region": settings.aws_region,
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": settings.aws_secret_access_key,
        "session_token": settings.aws_session_token,
    }
    config: S3Config = {}
    for name, value in values.items():
        if value:
            config[name] = value.get_secret_value() if isinstance(value, SecretStr) else value  # type: ignore[literal-required]
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": str(settings.aws_endpoint_url).startswith("http://"),
            "connect_timeout": CONNECT_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        },
        retry_config={"max_retries": 3, "retry_timeout": REQUEST_TIMEOUT},
    )


def _reason(error: Exception) -> str:
    """What is wrong and what to do, from the library's message; the S3 error code is named, its body is not repeated."""
    from obstore.exceptions import InvalidPathError, PreconditionError

    message = str(error).partition("\n\nDebug source")[0]
    found = re.search(r"<Code>(\w+)</Code>", message)
    code = found.group(1) if found else ""
    if code == "NoSuchBucket":
        return "there is no such bucket. Create it, or mend the URL."
    if isinstance(error, PreconditionError):
        return "a file was changed there while it was read. Run again."
    if isinstance(error, InvalidPathError):
        return "it holds a name with an empty part or a control character. Rename that file."
    if isinstance(error, FileNotFoundError):
        return "there is no such file. Check the bucket and the key."
    if "/latest/" in message or "credential" in message.lower():
        return "there are no access keys. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if re.search(r"40[13] (Forbidden|Unauthorized)", message):
        return (
            f"access was refused ({code or 'forbidden'}). Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that "
            "they may list, read, write and delete there."
        )
    if "redirect" in message:
        return "the bucket is in another region. Set AWS_REGION."
    if "error sending request" in message or "timed out" in message:
        return "the store does not answer. Check AWS_ENDPOINT_URL and the network, then run again."
    return f"the store failed ({code or type(error).__name__}). Run again, or ask whoever runs the store."
