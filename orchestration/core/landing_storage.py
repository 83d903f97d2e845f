"""The storage of received files: a local folder or a bucket in which their content is encrypted.

Files received before that are plain; they open too, and are found by their first and last bytes. Every file that is opened
is compared with its sha256. What does not belong here: how a file is encrypted (`encryption.py`).
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from orchestration.core.encryption import (
    UnreadableFileError,
    content_size,
    decrypt,
    encrypt,
    is_encrypted,
    wrapping_key_id,
)
from orchestration.core.errors import QuarterdeckError
from orchestration.core.key_places import open_keys
from orchestration.core.keys import Keys
from orchestration.core.settings import Settings
from orchestration.core.storage import CHUNK_BYTES, Storage, StoredFile, chunks_of, open_storage, sha256_of

IN_MEMORY_BYTES = 256 * 1024 * 1024
"""A file up to this size is decrypted into memory, a larger one into a file without a name in the temporary folder."""


class EncryptedStorage:
    """Files in another storage, encrypted there; its methods are those of `Storage`."""

    def __init__(self, files: Storage, keys: Keys) -> None:
        self._files = files
        self._keys = keys

    def location(self, key: str) -> str:
        """The absolute path or the URL."""
        return self._files.location(key)

    def find(self, key: str) -> StoredFile | None:
        """The file with the size of its content, or None where there is none.

        Raises:
            UnreadableFileError: it is there and does not open.
        """
        found = self._files.find(key)
        if found is None:
            return None
        with self._files.opened(key) as stream:
            if not is_encrypted(stream):
                return found
            return StoredFile(key, content_size(stream, self._keys, self.location(key)), found.version)

    def list_files(self, prefix: str) -> list[StoredFile]:
        """All files below the folder `prefix`, sorted by key; their sizes are those of what is stored."""
        return self._files.list_files(prefix)

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Encrypt the local file `path`, which has this sha256, and store it."""
        self._store(key, chunks_of(path, sha256))

    @contextlib.contextmanager
    def local_copy(self, key: str, *, sha256: str | None = None) -> Iterator[Path]:
        """The decrypted content, read-only, as long as the block lasts; no other user can read it."""
        found = self.find(key)
        if found is None:
            raise UnreadableFileError(
                f"{self.location(key)} is missing. Put it back from a backup, or load the file again."
            )
        with _private_file(key.rpartition("/")[2], found.size) as (path, stream):
            for chunk in self.chunks(key, sha256=sha256):
                stream.write(chunk)
            stream.flush()
            yield path

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[BinaryIO]:
        """The decrypted content as a stream."""
        with self.local_copy(key) as path, path.open("rb") as stream:
            yield stream

    def delete(self, prefix: str) -> None:
        """Delete everything below the folder `prefix`."""
        self._files.delete(prefix)

    def chunks(self, key: str, *, sha256: str | None = None) -> Iterator[memoryview]:
        """Stream the content; compared, at its end, with `sha256`.

        Raises:
            UnreadableFileError: the file does not open, was changed, or is another one.
        """
        digest, name = hashlib.sha256(), self.location(key)
        with self._files.opened(key) as stream:
            for chunk in decrypt(stream, self._keys, name) if is_encrypted(stream) else _plain(stream):
                digest.update(chunk)
                yield chunk
        if sha256 not in (None, digest.hexdigest()):
            raise UnreadableFileError(
                f"{name} is another file than was received. Put the right one back from a backup; "
                "or delete it there, and load the file again from where it came from."
            )

    def encrypt_again(self, key: str, *, sha256: str) -> None:
        """Replace the stored file by its content, encrypted under the current key; at any moment it opens."""
        self._store(key, self.chunks(key, sha256=sha256))

    def restore(self, key: str, target: Path, *, sha256: str) -> None:
        """Write the decrypted content to a new file, for this user only; it is whole and verified, or not there.

        Raises:
            QuarterdeckError: there is such a file already or it cannot be written, or the stored one does not open.
        """
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.writelines(self.chunks(key, sha256=sha256))
            # A link, and no rename, which would replace a file of that name.
            os.link(partial, target)
        except OSError as error:
            raise QuarterdeckError(f"{target} cannot be written ({error.strerror}). Name another file.") from None
        finally:
            partial.unlink(missing_ok=True)

    def wrapping_key_id(self, key: str) -> str | None:
        """Id of the key that the stored file is under, None for a plain file; the key itself is not needed.

        Raises:
            UnreadableFileError: the file was changed so that it says none.
        """
        with self._files.opened(key) as stream:
            return wrapping_key_id(stream, self.location(key)) if is_encrypted(stream) else None

    def _store(self, key: str, chunks: Iterable[bytes | memoryview]) -> None:
        with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
            encrypted = Path(folder) / "encrypted"
            encrypt(chunks, encrypted, self._keys)
            self._files.put(key, encrypted, sha256_of(encrypted))
        # Its key may have been revoked meanwhile: better said now than when the file is needed.
        self.find(key)


def open_landing(settings: Settings) -> EncryptedStorage:
    """The storage of received files. Nothing is asked of it yet.

    Raises:
        QuarterdeckError: a setting is wrong.
    """
    return EncryptedStorage(open_storage(settings.landing, settings), open_keys(settings))


def _plain(stream: BinaryIO) -> Iterator[memoryview]:
    stream.seek(0)
    while chunk := stream.read(CHUNK_BYTES):
        yield memoryview(chunk)


@contextlib.contextmanager
def _private_file(name: str, size: int) -> Iterator[tuple[Path, BinaryIO]]:
    """A file for what nobody else may read: its path, and a stream to fill it by.

    On Linux its content has no name on any disk, only a link in a private folder to this process's open file, so that
    nothing is left of it however the process ends.
    """
    with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder, contextlib.ExitStack() as opened:
        path = Path(folder) / name
        if sys.platform == "linux":
            stream: BinaryIO
            if size <= IN_MEMORY_BYTES:
                stream = opened.enter_context(os.fdopen(os.memfd_create("received file"), "wb"))
            else:
                stream = opened.enter_context(tempfile.TemporaryFile(dir=folder))
            path.symlink_to(f"/proc/{os.getpid()}/fd/{stream.fileno()}")
        else:
            stream = opened.enter_context(path.open("wb"))
        yield path, stream
