"""Files in a bucket of an S3-compatible store; `storage.py` says what a storage does, and opens one."""

import contextlib
import hashlib
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from obstore.exceptions import BaseError, InvalidPathError, PreconditionError
from obstore.store import S3Store
from pydantic import SecretStr

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings
from orchestration.core.storage import StoredFile, chunks_of

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Config

CONNECT_TIMEOUT = timedelta(seconds=5)
# For one request of at most a part's size, retries included.
REQUEST_TIMEOUT = timedelta(seconds=60)
# The smallest part that S3 takes; an upload has at most 10,000 parts.
PART_BYTES = 5 * 1024 * 1024
MAXIMUM_PARTS = 9_000
PARTS_AT_ONCE = 4


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
            self._client.put(key, chunks_of(path, sha256), chunk_size=part, max_concurrency=PARTS_AT_ONCE)

    @contextlib.contextmanager
    def local_copy(self, key: str, *, sha256: str | None = None) -> Iterator[Path]:
        """A temporary download of one version of the object, compared with `sha256`."""
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            digest = self._download(key, path)
            if sha256 not in (None, digest):
                raise QuarterdeckError(
                    f"{self.location(key)} was changed in the store. Restore it, or load the file again."
                )
            yield path

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[BinaryIO]:
        """One version of the object, of which the store is asked for what is read."""
        with self._said():
            found = self._client.head(key)
            yield cast(BinaryIO, _Object(self._client, key, found["size"], found["e_tag"]))

    def delete(self, prefix: str) -> None:
        """Delete the objects below `prefix`."""
        with self._said():
            for batch in self._client.list(prefix):
                self._client.delete([found["path"] for found in batch])

    def _download(self, key: str, path: Path) -> str:
        """Write the object to `path` part by part, so that memory and each request's time are bounded; its sha256."""
        digest = hashlib.sha256()
        with path.open("wb") as target, self.opened(key) as stream:
            while part := stream.read(PART_BYTES):
                digest.update(part)
                target.write(part)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say a failure of the store as a sentence with what to do."""
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise QuarterdeckError(f"{self._root} at {self._endpoint}: {_reason(error)}") from None


class _Object(io.RawIOBase):
    """An object as a file: each read is a request for that range, and fails where the object is another one by then."""

    def __init__(self, client: S3Store, key: str, size: int, version: str | None) -> None:
        super().__init__()
        self._client, self._key, self._size, self._version = client, key, size, version
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        if end <= self._position:
            return b""
        options: GetOptions = {"range": (self._position, end), "if_match": self._version}
        content = self._client.get(self._key, options=options).buffer().to_bytes()
        self._position = end
        return content


def _client(bucket: str, prefix: str, settings: Settings) -> S3Store:
    """A client with the settings' keys; without keys the library looks for a role of the machine or the container."""
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
