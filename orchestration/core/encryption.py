"""How a received file is encrypted: as Parquet with Parquet's own modular encryption, written and read by Arrow.

The file's bytes are one binary column, a mebibyte a row. Each file has a data key of its own (AES-256-GCM), which lies in
the file wrapped by a key of the platform, beside that key's id. Format: https://parquet.apache.org/docs/file-format/data-pages/encryption/

What does not belong here: whose keys wrap the data keys (`keys.py`), where files lie (`landing_storage.py`).
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption as parquet_encryption

from orchestration.core.errors import QuarterdeckError

CHUNKS_AT_ONCE = 8
"""Chunks in a row group, which is what is held in memory. Encrypted Parquet has at most 32,767 groups: 256 GiB."""

_MAGIC = b"PARE"
_SCHEMA = pa.schema([pa.field("content", pa.binary(), nullable=False)])


class KeyRefusedError(QuarterdeckError):
    """A wrapping key is missing, was revoked, or is another one than its id says."""


class UnreadableFileError(QuarterdeckError):
    """A stored file does not open: it was changed, or its key is not to be had."""


class WrappingKeys(Protocol):
    """What encrypting and opening a file asks of the platform's keys."""

    def current(self) -> str:
        """Id of the key that new files are encrypted under."""

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key, encrypted under this key, as text."""

    def unwrap(self, wrapped: str, key_id: str) -> bytes:
        """The data key.

        Raises:
            KeyRefusedError: this key does not open it.
        """


def is_encrypted(stream: BinaryIO) -> bool:
    """Whether the stream's first and last bytes are those of an encrypted Parquet file."""
    size = stream.seek(0, os.SEEK_END)
    if size < 2 * len(_MAGIC):
        return False
    stream.seek(0)
    if stream.read(len(_MAGIC)) != _MAGIC:
        return False
    stream.seek(-len(_MAGIC), os.SEEK_END)
    return stream.read(len(_MAGIC)) == _MAGIC


def encrypt(chunks: Iterable[bytes | memoryview], target: Path, keys: WrappingKeys) -> None:
    """Write the chunks to `target`, encrypted under the current key."""
    configuration = parquet_encryption.EncryptionConfiguration(
        footer_key=keys.current(),
        uniform_encryption=True,
        plaintext_footer=False,
        # Each file has one data key, so a key between it and the platform's would only cost a step.
        double_wrapping=False,
        data_key_length_bits=256,
    )
    factory = parquet_encryption.CryptoFactory(lambda _: _Client(keys.wrap, keys.unwrap))
    properties = factory.file_encryption_properties(parquet_encryption.KmsConnectionConfig(), configuration)
    size, remaining = 0, iter(chunks)
    with pq.ParquetWriter(
        target,
        _SCHEMA,
        encryption_properties=properties,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    ) as writer:
        while group := list(islice(remaining, CHUNKS_AT_ONCE)):
            size += sum(map(len, group))
            writer.write_batch(pa.record_batch([pa.array(group, pa.binary())], schema=_SCHEMA))
        writer.add_key_value_metadata({"bytes": str(size)})


def content_size(stream: BinaryIO, keys: WrappingKeys, name: str) -> int:
    """Size in bytes of what an encrypted file holds, from its footer; `name` is what messages call it.

    Raises:
        UnreadableFileError: its key is not to be had, or the footer was changed.
    """
    with _reading(name), _open(stream, keys.unwrap) as file:
        return int(file.metadata.metadata[b"bytes"])


def decrypt(stream: BinaryIO, keys: WrappingKeys, name: str) -> Iterator[memoryview]:
    """Stream what an encrypted file holds.

    Raises:
        UnreadableFileError: its key is not to be had, or a byte of it was changed.
    """
    with _reading(name):
        file = _open(stream, keys.unwrap)
    with file:
        for group in range(file.num_row_groups):
            with _reading(name):
                content = file.read_row_group(group, use_threads=False)["content"]
            for chunk in content:
                yield memoryview(chunk.as_buffer())


def wrapping_key_id(stream: BinaryIO, name: str) -> str:
    """Id of the key that an encrypted file is under; the key itself is not needed.

    Raises:
        UnreadableFileError: the file was changed so that it says none.
    """

    def tell(_: str, key_id: str) -> bytes:
        raise _KeyIsNamed(key_id)

    try:
        with _reading(name), _open(stream, tell):
            pass
    except _KeyIsNamed as named:
        return named.key_id
    raise _changed(name)


class _Client(parquet_encryption.KmsClient):  # type: ignore[misc]
    """What Parquet calls a client of a key management service, made of two functions."""

    def __init__(self, wrap: Callable[[bytes, str], str] | None, unwrap: Callable[[str, str], bytes]) -> None:
        super().__init__()
        self._wrap, self._unwrap = wrap, unwrap

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        assert self._wrap is not None
        return self._wrap(key_bytes, master_key_identifier)

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return self._unwrap(wrapped_key, master_key_identifier)


class _KeyIsNamed(Exception):  # noqa: N818
    """Ends the opening of a file as soon as it has said which key it asks for."""

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id


def _open(stream: BinaryIO, unwrap: Callable[[str, str], bytes]) -> Any:
    stream.seek(0)
    # A factory for each file: one that lives longer keeps keys for ten minutes, and with them revoked ones.
    factory = parquet_encryption.CryptoFactory(lambda _: _Client(None, unwrap))
    properties = factory.file_decryption_properties(parquet_encryption.KmsConnectionConfig())
    return pq.ParquetFile(stream, decryption_properties=properties, pre_buffer=False)


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say what Parquet's reader stumbles over as a sentence."""
    try:
        yield
    except KeyRefusedError as error:
        raise UnreadableFileError(f"{name} cannot be opened: {error}") from None
    except (pa.ArrowException, OSError) as error:
        # The reader's own errors carry no number of the operating system's; a failing disk's do.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _changed(name) from None


def _changed(name: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"{name} was changed since it was received, or is damaged. "
        "Put it back from a backup; or delete it there, and load the file again from where it came from."
    )
