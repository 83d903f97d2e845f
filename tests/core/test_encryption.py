"""A file comes back byte by byte, or not at all; and nothing of it can be read without its key."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.encryption import (
    CHUNKS_AT_ONCE,
    UnreadableFileError,
    _open,
    content_size,
    decrypt,
    encrypt,
    is_encrypted,
    wrapping_key_id,
)
from orchestration.core.key_places import KeysInEnvironment
from orchestration.core.keys import Keys
from tests.core.keys import new_key

KEYS = Keys([KeysInEnvironment(f"first:{new_key()}")])
OTHER_KEYS = Keys([KeysInEnvironment(f"other:{new_key()}")])
SAME_ID = Keys([KeysInEnvironment(f"first:{new_key()}")])
LINE = b"female,group B,bachelor's degree,standard,none,72,72,74\n"


def encrypted(chunks: list[bytes], folder: Path) -> bytes:
    target = folder / "encrypted"
    encrypt(chunks, target, KEYS)
    return target.read_bytes()


def decrypted(content: bytes, keys: Keys = KEYS) -> bytes:
    return b"".join(decrypt(io.BytesIO(content), keys, "the file"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encryption")


@given(st.lists(st.binary(max_size=50), max_size=3 * CHUNKS_AT_ONCE))
@settings(deadline=None)
def test_any_chunks_come_back(folder: Path, chunks: list[bytes]) -> None:
    content = encrypted(chunks, folder)
    assert is_encrypted(io.BytesIO(content))
    assert decrypted(content) == b"".join(chunks)
    assert content_size(io.BytesIO(content), KEYS, "the file") == len(b"".join(chunks))
    assert wrapping_key_id(io.BytesIO(content), "the file") == "first"


@given(st.binary(max_size=100), st.booleans())
def test_other_content_is_not_taken_for_encrypted(content: bytes, begins: bool) -> None:
    assert not is_encrypted(io.BytesIO(b"PARE"[: 4 * begins] + content + b"\n"))


def test_nothing_of_the_content_is_in_the_file(folder: Path) -> None:
    content = encrypted([LINE * 20_000], folder)
    for word in (b"female", b"bachelor", b"standard", b"72,74", b"content"):
        assert word not in content


def test_the_same_file_is_never_encrypted_alike(folder: Path) -> None:
    assert encrypted([LINE], folder) != encrypted([LINE], folder)


def test_a_changed_byte_is_noticed_wherever_it_is(folder: Path) -> None:
    content = encrypted([os.urandom(40), LINE], folder)
    plain, harmless = decrypted(content), 0
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        try:
            # What still opens must be the file: some bytes of the frame mean nothing.
            assert decrypted(bytes(changed)) == plain
            harmless += 1
        except UnreadableFileError:
            pass
    assert harmless < 40


def test_a_cut_or_longer_file_is_refused(folder: Path) -> None:
    content = encrypted([LINE] * 20, folder)
    for changed in (b"", content[:4], content[: len(content) // 2], content[:-1], content[4:], content + content[:100]):
        with pytest.raises(UnreadableFileError, match="was changed since it was received, or is damaged"):
            decrypted(changed)


def test_parts_of_a_file_cannot_change_places(folder: Path) -> None:
    """Each part is authenticated with its place, so that two of the same size, whole and of the same key, are refused."""
    content = encrypted([os.urandom(100) for _ in range(2 * CHUNKS_AT_ONCE)], folder)
    start = len(b"PARE")
    footer = content.index(b'{"keyMaterialType"')
    with _open(io.BytesIO(content), KEYS.unwrap) as file:
        sizes = [file.metadata.row_group(group).column(0).total_compressed_size for group in range(2)]
    assert sizes[0] == sizes[1]
    assert start + sum(sizes) <= footer
    first, second = content[start : start + sizes[0]], content[start + sizes[0] : start + sum(sizes)]
    with pytest.raises(UnreadableFileError):
        decrypted(content[:start] + second + first + content[start + sum(sizes) :])


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (OTHER_KEYS, "cannot be opened: its key first is not among the keys here"),
        (SAME_ID, "cannot be opened: the key first here is another one"),
    ],
    ids=["missing", "wrong"],
)
def test_without_the_right_key_it_does_not_open(folder: Path, keys: Keys, sentence: str) -> None:
    content = encrypted([LINE], folder)
    for action in (lambda: decrypted(content, keys), lambda: content_size(io.BytesIO(content), keys, "the file")):
        with pytest.raises(UnreadableFileError, match=sentence) as caught:
            action()
        assert "\n" not in str(caught.value)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A gigabyte of zeros more or less, in a process of its own: the peak of Arrow's memory is the same."""
    program = """
import sys; from pathlib import Path
import pyarrow as pa
from orchestration.core.encryption import encrypt, decrypt
from tests.core.test_encryption import KEYS
import os
target = Path(sys.argv[1]); chunk = os.urandom(1024 * 1024)
encrypt((chunk for _ in range(int(sys.argv[2]))), target, KEYS)
with target.open("rb") as stream:
    assert sum(len(part) for part in decrypt(stream, KEYS, "x")) == int(sys.argv[2]) * len(chunk)
print(pa.default_memory_pool().max_memory())
"""

    def peak(chunks: int) -> int:
        command = [sys.executable, "-c", program, tmp_path / "encrypted", str(chunks)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak(160) < 1.2 * peak(32)


def test_an_error_of_whoever_gives_the_chunks_is_not_hidden(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield LINE
        raise TimeoutError

    with pytest.raises(TimeoutError):
        encrypt(failing(), tmp_path / "encrypted", KEYS)
