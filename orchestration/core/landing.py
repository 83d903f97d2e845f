"""The landing zone: every file as it came, immutable, named by its sha256, with a receipt in `platform.landing_files`.

What does not belong here: reading a file's rows (`delimited.py`) or knowing what they mean (a domain's `contract.py`).
"""

import hashlib
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import psycopg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter

Source = Literal["kaggle", "file", "sample"]


@dataclass(frozen=True)
class LandedFile:
    """One received file: `source_file_id` is the first 16 hexadecimal digits of its sha256."""

    source_file_id: str
    name: str
    sha256: str
    size: int
    source: Source
    path: Path
    is_new: bool


def received_path(landing: Path, domain: str, sha256: str) -> Path:
    """Where the file with this sha256 lies."""
    return landing / domain / "received" / sha256


def incoming_dir(landing: Path, domain: str) -> Path:
    """Folder that people drop new files into; the sensor watches it."""
    return landing / domain / "incoming"


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


def land(
    connection: psycopg.Connection, landing: Path, domain: str, path: Path, source: Source, *, name: str | None = None
) -> LandedFile:
    """Keep `path` in the landing zone and record its receipt; a file that is there already is recognised by its hash.

    The copy is written beside its final name and renamed, so a file in `received/` is always whole.

    Raises:
        QuarterdeckError: the file cannot be read.
    """
    sha256 = sha256_of(path)
    target = received_path(landing, domain, sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        partial = target.with_name(f".{sha256}.{uuid.uuid4().hex}.partial")
        try:
            shutil.copyfile(path, partial)
            partial.chmod(0o440)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    size = target.stat().st_size
    inserted = connection.execute(
        """
        insert into platform.landing_files (source_file_id, domain, name, sha256, bytes, source, received_at)
        values (%s, %s, %s, %s, %s, %s, now())
        on conflict (source_file_id) do nothing
        returning source_file_id
        """,
        (sha256[:16], domain, name or path.name, sha256, size, source),
    ).fetchone()
    return LandedFile(sha256[:16], name or path.name, sha256, size, source, target, inserted is not None)


def assign(connection: psycopg.Connection, domain: str, quarter: Quarter, source_file_id: str) -> list[str]:
    """Make this file the one that the quarter is made of; returns the other quarters made of the same file."""
    connection.execute(
        """
        insert into platform.quarter_files (domain, quarter, source_file_id, assigned_at) values (%s, %s, %s, now())
        on conflict (domain, quarter) do update
        set source_file_id = excluded.source_file_id, assigned_at = excluded.assigned_at
        where platform.quarter_files.source_file_id <> excluded.source_file_id
        """,
        (domain, str(quarter), source_file_id),
    )
    rows = connection.execute(
        "select quarter from platform.quarter_files where domain = %s and source_file_id = %s and quarter <> %s order by 1",
        (domain, source_file_id, str(quarter)),
    ).fetchall()
    return [row[0] for row in rows]


def assigned_file(connection: psycopg.Connection, landing: Path, domain: str, quarter: Quarter) -> LandedFile:
    """The file that the quarter is made of.

    Raises:
        QuarterdeckError: none was received yet, or it is gone from the landing folder or was changed there.
    """
    row: tuple[str, str, str, int, Source, datetime] | None = connection.execute(
        """
        select source_file_id, name, sha256, bytes, source, received_at
        from platform.quarter_files join platform.landing_files using (source_file_id)
        where quarter_files.domain = %s and quarter = %s
        """,
        (domain, str(quarter)),
    ).fetchone()
    if row is None:
        raise QuarterdeckError(
            f"No file was received for {quarter} yet. Run `quarterdeck run --quarter {quarter} --source FILE`."
        )
    source_file_id, name, sha256, size, source, _ = row
    path = received_path(landing, domain, sha256)
    if not path.exists() or path.stat().st_size != size:
        raise QuarterdeckError(
            f"{name}: the received file {path} is missing or was changed. Restore it, or load the quarter's file again."
        )
    return LandedFile(source_file_id, name, sha256, size, source, path, False)
