"""Take one table out of a zip archive that came from outside, without trusting what the archive says of itself."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from orchestration.core.errors import QuarterdeckError

HARMLESS_BYTES = 100_000_000
MOST_TIMES = 100
"""Tables of texts and numbers shrink to a tenth or a thirtieth; a bomb to a thousandth, the most that a zip can."""

_CHUNK_BYTES = 1024 * 1024


class NoWholeArchiveError(QuarterdeckError):
    """The bytes are no zip archive, or not all of one."""


def take_table(archive: Path, folder: Path, name: str) -> Path:
    """Unpack the archive's one CSV into `folder`, under its own name without folders; `name` is what messages call the archive.

    Nothing else is unpacked.

    Raises:
        NoWholeArchiveError: it is no zip archive, or was cut off or damaged.
        QuarterdeckError: a path leads out of the archive, the file is encrypted or unpacks to a suspicious size, or
        there is not
            exactly one CSV.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            files = [file for file in opened.infolist() if not file.is_dir()]
            for file in files:
                _refuse_climbing(file.filename, name)
            tables = [file for file in files if file.filename.lower().endswith(".csv")]
            if len(tables) != 1:
                names = ", ".join(_own_name(file) for file in (tables or files)[:10]) or "no file at all"
                raise QuarterdeckError(f"{name} should hold one CSV, but holds {len(tables)} ({names}).")
            _refuse_bomb(tables[0], name)
            target = folder / _own_name(tables[0])
            with opened.open(tables[0]) as source, target.open("wb") as unpacked:
                # No more is read than the archive has declared, which was judged above.
                shutil.copyfileobj(source, unpacked, _CHUNK_BYTES)
            return target
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError):
        raise NoWholeArchiveError(f"{name} is not a whole zip archive.") from None


def _own_name(file: zipfile.ZipInfo) -> str:
    return PurePosixPath(file.filename).name


def _refuse_climbing(path: str, name: str) -> None:
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise QuarterdeckError(
            f"{name} holds a file whose path leads out of the archive ({path[:60]!r}), as no honest archive does. "
            "Nothing was unpacked; do not open it elsewhere."
        )


def _refuse_bomb(file: zipfile.ZipInfo, name: str) -> None:
    if file.flag_bits & 1:
        raise QuarterdeckError(f"{name}: {_own_name(file)} is encrypted in it. Ask for the table without a password.")
    if file.file_size > HARMLESS_BYTES and file.file_size > MOST_TIMES * file.compress_size:
        raise QuarterdeckError(
            f"{name}: {_own_name(file)} would unpack from {file.compress_size:,} to {file.file_size:,} bytes, which "
            "no table does. Nothing was unpacked; do not open it elsewhere."
        )
