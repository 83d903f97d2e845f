"""The landing zone: every file as it came, immutable, named by its sha256, with a receipt in `platform.landing_files`.

What does not belong here: reading a file's rows (`delimited.py`) or knowing what they mean (a domain's `contract.py`).
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.storage import Storage, sha256_of

Source = Literal["kaggle", "file", "sample"]


@dataclass(frozen=True)
class LandedFile:
    """One received file: `source_file_id` is the first 16 hexadecimal digits of its sha256, `key` its place in storage."""

    source_file_id: str
    name: str
    sha256: str
    size: int
    source: Source
    storage: Storage
    key: str
    is_new: bool

    def local_copy(self) -> contextlib.AbstractContextManager[Path]:
        """The file on the local disk as long as the block lasts: itself, or a verified download from a store.

        Raises:
            QuarterdeckError: the store fails, or its file is another one than was received.
        """
        return self.storage.local_copy(self.key, sha256=self.sha256)


def received_key(domain: str, sha256: str) -> str:
    """Where the file with this sha256 lies."""
    return f"{domain}/received/{sha256}"


def incoming_prefix(domain: str) -> str:
    """Folder that people drop new files into; the sensor watches it."""
    return f"{domain}/incoming"


def land(
    connection: psycopg.Connection,
    landing: Storage,
    domain: str,
    path: Path,
    source: Source,
    *,
    name: str | None = None,
) -> LandedFile:
    """Keep `path` in the landing zone and record its receipt; a file that is there already is recognised by its hash.

    Raises:
        QuarterdeckError: the file cannot be read or stored, or somebody is still writing it.
    """
    sha256, size = sha256_of(path), path.stat().st_size
    key = received_key(domain, sha256)
    kept = landing.find(key)
    if kept is None or kept.size != size:
        landing.put(key, path, sha256)
    inserted = connection.execute(
        """
        insert into platform.landing_files (source_file_id, domain, name, sha256, bytes, source, received_at)
        values (%s, %s, %s, %s, %s, %s, now())
        on conflict (source_file_id) do nothing
        returning source_file_id
        """,
        (sha256[:16], domain, name or path.name, sha256, size, source),
    ).fetchone()
    return LandedFile(sha256[:16], name or path.name, sha256, size, source, landing, key, inserted is not None)


def assign(
    connection: psycopg.Connection, domain: str, quarter: Quarter, source_file_id: str, part: str = ""
) -> list[str]:
    """Make this file the one that the quarter, or a part of it, is made of; returns the other quarters made of the same file.

    part: what of the quarter the file tells, such as one day's report; empty where a quarter is made of one file.
    """
    connection.execute(
        """
        insert into platform.quarter_files (domain, quarter, part, source_file_id, assigned_at) values (%s, %s, %s, %s, now())
        on conflict (domain, quarter, part) do update
        set source_file_id = excluded.source_file_id, assigned_at = excluded.assigned_at
        where platform.quarter_files.source_file_id <> excluded.source_file_id
        """,
        (domain, str(quarter), part, source_file_id),
    )
    rows = connection.execute(
        """
        select distinct quarter from platform.quarter_files
        where domain = %s and source_file_id = %s and quarter <> %s order by 1
        """,
        (domain, source_file_id, str(quarter)),
    ).fetchall()
    return [row[0] for row in rows]


def assigned_file(connection: psycopg.Connection, landing: Storage, domain: str, quarter: Quarter) -> LandedFile:
    """The one file that the quarter is made of.

    Raises:
        QuarterdeckError: none was received yet, or it is gone from the landing zone or was changed there.
    """
    [landed] = assigned_files(connection, landing, domain, quarter).values()
    return landed


def assigned_files(
    connection: psycopg.Connection, landing: Storage, domain: str, quarter: Quarter
) -> dict[str, LandedFile]:
    """The files that the quarter is made of, by the part that each tells.

    Raises:
        QuarterdeckError: none was received yet, or one is gone from the landing zone or was changed there.
    """
    rows: list[tuple[str, str, str, str, int, Source]] = connection.execute(
        """
        select part, source_file_id, name, sha256, bytes, source
        from platform.quarter_files join platform.landing_files using (source_file_id)
        where quarter_files.domain = %s and quarter = %s
        order by part
        """,
        (domain, str(quarter)),
    ).fetchall()
    if not rows:
        raise QuarterdeckError(
            f"No file was received for {quarter} yet. "
            f"Run `quarterdeck run --domain {domain} --quarter {quarter} --source FILE`."
        )
    found = {}
    for part, source_file_id, name, sha256, size, source in rows:
        key = received_key(domain, sha256)
        kept = landing.find(key)
        if kept is None or kept.size != size:
            raise QuarterdeckError(
                f"{name}: the received file {landing.location(key)} is missing or was changed. "
                "Restore it, or load the quarter's file again."
            )
        found[part] = LandedFile(source_file_id, name, sha256, size, source, landing, key, False)
    return found
