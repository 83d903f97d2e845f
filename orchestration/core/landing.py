"""The landing zone: every file as it came, encrypted, named by its sha256, with a receipt in `platform.landing_files`.

What does not belong here: reading a file's rows (`delimited.py`) or knowing what they mean (a domain's `contract.py`).
"""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from orchestration.core.encryption import UnreadableFileError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing_storage import EncryptedStorage
from orchestration.core.partitions import Quarter, current_quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings
from orchestration.core.storage import StoredFile, sha256_of

Source = Literal["kaggle", "file", "sample"]
CORRECTIONS_PART = "corrections:"
"""How the part of a quarter begins that is a file of corrections (`corrections.py`), and none of data."""


@dataclass(frozen=True)
class LandedFile:
    """One received file: `source_file_id` is the first 16 hexadecimal digits of its sha256, `key` its place in storage."""

    source_file_id: str
    name: str
    sha256: str
    size: int
    source: Source
    storage: EncryptedStorage
    key: str
    is_new: bool

    def local_copy(self) -> contextlib.AbstractContextManager[Path]:
        """The file, decrypted and verified, as long as the block lasts, for this user only.

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
    landing: EncryptedStorage,
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
    if not _is_kept(landing, key, size):
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


def _is_kept(landing: EncryptedStorage, key: str, size: int) -> bool:
    """Whether the file is there and opens: one that does not is stored anew, since it has just come again."""
    try:
        kept = landing.find(key)
    except UnreadableFileError:
        return False
    return kept is not None and kept.size == size


def received_files(landing: EncryptedStorage) -> list[StoredFile]:
    """All received files of all domains, sorted by key."""
    return [file for file in landing.list_files("") if re.fullmatch(r"[^/]+/received/[0-9a-f]{64}", file.key)]


def received_file(landing: EncryptedStorage, source_file_id: str) -> str:
    """The storage key of the received file with this id, or whose sha256 begins so.

    Raises:
        QuarterdeckError: there is none, or more than one.
    """
    found = [file.key for file in received_files(landing) if file.key.rpartition("/")[2].startswith(source_file_id)]
    if len({key.rpartition("/")[2] for key in found}) != 1:
        problem = "More than one received file begins" if found else "No received file begins"
        raise QuarterdeckError(f"{problem} with {source_file_id}. `quarterdeck landing list` shows their ids.")
    return found[0]


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


def sample_quarters(
    connection: psycopg.Connection, settings: Settings, domain: str, asked: Quarter | None, at_most: int
) -> list[Quarter]:
    """The sample's quarters to load: the one asked for, else the running one; at first up to `at_most`, for a story to tell.

    A first run that was killed is still the first: until something of the domain is published, and no other file has come.
    """
    quarter = asked or current_quarter(settings)
    row = connection.execute(
        """
        select
            exists (
                select from platform.quarter_files inner join platform.landing_files using (source_file_id)
                where quarter_files.domain = %(domain)s and source <> 'sample'
            )
            or exists (
                select from platform.stage_status
                where domain = %(domain)s and stage = 'publish' and status = 'succeeded'
            )
        """,
        {"domain": domain},
    ).fetchone()
    if row == (True,):
        return [quarter]
    first = Quarter.parse(settings.first_quarter)
    wanted = [quarter.plus(-back) for back in range(min(at_most, settings.sample_quarters))]
    return sorted(candidate for candidate in wanted if candidate >= first)


def files_of_quarters(database: Database, domain: str) -> dict[str, list[tuple[str, str]]]:
    """By quarter: part and id of each file that it is made of, those of corrections among them."""
    with database.connect() as connection:
        return dict(
            connection.execute(
                """
                select quarter, jsonb_agg(jsonb_build_array(part, source_file_id) order by part)
                from platform.quarter_files where domain = %s group by quarter
                """,
                (domain,),
            ).fetchall()
        )


def assigned_file(
    connection: psycopg.Connection, landing: EncryptedStorage, domain: str, quarter: Quarter
) -> LandedFile:
    """The one file that the quarter is made of.

    Raises:
        QuarterdeckError: none was received yet, or it is gone from the landing zone or was changed there.
    """
    [landed] = assigned_files(connection, landing, domain, quarter).values()
    return landed


def assigned_files(
    connection: psycopg.Connection, landing: EncryptedStorage, domain: str, quarter: Quarter
) -> dict[str, LandedFile]:
    """The files that the quarter is made of, by the part that each tells.

    Raises:
        QuarterdeckError: none was received yet, or one is gone from the landing zone or was changed there.
    """
    found = _assigned(connection, landing, domain, quarter, corrections=False)
    if not found:
        raise QuarterdeckError(
            f"No file was received for {quarter} yet. "
            f"Run `quarterdeck run --domain {domain} --quarter {quarter} --source FILE`."
        )
    return found


def assigned_corrections(
    connection: psycopg.Connection, landing: EncryptedStorage, domain: str, quarter: Quarter
) -> list[LandedFile]:
    """The files of corrections that the quarter is made of, beside those of data.

    Raises:
        QuarterdeckError: one is gone from the landing zone or was changed there.
    """
    return list(_assigned(connection, landing, domain, quarter, corrections=True).values())


def _assigned(
    connection: psycopg.Connection, landing: EncryptedStorage, domain: str, quarter: Quarter, *, corrections: bool
) -> dict[str, LandedFile]:
    rows: list[tuple[str, str, str, str, int, Source]] = connection.execute(
        """
        select part, source_file_id, name, sha256, bytes, source
        from platform.quarter_files join platform.landing_files using (source_file_id)
        where quarter_files.domain = %s and quarter = %s and starts_with(part, %s) = %s
        order by part
        """,
        (domain, str(quarter), CORRECTIONS_PART, corrections),
    ).fetchall()
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
