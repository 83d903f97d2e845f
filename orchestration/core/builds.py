"""What each step's rows of a quarter were made from, in `platform.quarter_builds`, so that nothing is built twice.

A step's fingerprint is a hash of everything that its result depends on: the fingerprint of the step before, and its own
code and settings. The record is taken away before the step changes a table and written after it succeeded: a step that was
killed in between has none, and works again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database

# What a record is of that belongs to no quarter.
ALL_QUARTERS = "all"


def fingerprint_of(*parts: Any) -> str | None:
    """Hash of the parts; None where one is None, that is, not known: then there is nothing to compare."""
    if any(part is None for part in parts):
        return None
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def code_fingerprint(*places: Path) -> str:
    """Hash of the source files at these places, folders with all that is in them."""
    files = sorted({path for place in places for path in ([place] if place.is_file() else place.rglob("*"))})
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def recorded(
    database: Database, domain: str, quarters: Sequence[Quarter], step: str
) -> dict[Quarter, tuple[str, datetime]]:
    """Fingerprint and time of the step's last success, for those of the quarters whose rows stand as it left them."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select quarter, fingerprint, built_at from platform.quarter_builds
            where domain = %s and quarter = any(%s) and step = %s
            """,
            (domain, [str(quarter) for quarter in quarters], step),
        ).fetchall()
    return {Quarter.parse(quarter): (fingerprint, built_at) for quarter, fingerprint, built_at in rows}


def recorded_of_all(database: Database, domain: str, step: str) -> str | None:
    """Fingerprint of the last success of a step that belongs to no quarter."""
    with database.connect() as connection:
        row = connection.execute(
            "select fingerprint from platform.quarter_builds where (domain, quarter, step) = (%s, %s, %s)",
            (domain, ALL_QUARTERS, step),
        ).fetchone()
    return None if row is None else str(row[0])


def following(
    database: Database, domain: str, quarters: Sequence[Quarter], step_before: str, *parts: Any
) -> dict[Quarter, str | None]:
    """Fingerprints of a step that depends on the step before it and on `parts`; None where that one has no record."""
    before = recorded(database, domain, quarters, step_before)
    return {quarter: fingerprint_of(before[quarter][0] if quarter in before else None, *parts) for quarter in quarters}


@contextmanager
def changed(
    database: Database,
    domain: str,
    step: str,
    fingerprints: Mapping[Quarter, str | None],
    say: Callable[[str], object],
) -> Iterator[list[Quarter]]:
    """Yield the quarters that the step must work on; the others are named in the log. An error in the block goes on up."""
    done = recorded(database, domain, list(fingerprints), step)
    todo = []
    for quarter, fingerprint in fingerprints.items():
        if fingerprint is not None and quarter in done and done[quarter][0] == fingerprint:
            say(
                f"{quarter}: unchanged since {done[quarter][1]:%Y-%m-%d %H:%M} UTC, nothing to do. "
                f"`quarterdeck reset --quarter {quarter}` forgets it, if it must be built again."
            )
        else:
            todo.append(quarter)
    forget(database, domain, [str(quarter) for quarter in todo], step)
    yield todo
    record(database, domain, {str(quarter): fingerprints[quarter] for quarter in todo}, step)


def forget(database: Database, domain: str, what: Sequence[str], step: str) -> None:
    """Take the records of these quarters' step away, before it changes their rows."""
    if what:
        with writing(database) as connection:
            connection.execute(
                "delete from platform.quarter_builds where domain = %s and quarter = any(%s) and step = %s",
                (domain, list(what), step),
            )


def record(database: Database, domain: str, fingerprints: Mapping[str, str | None], step: str) -> None:
    """Record that the step has succeeded; a quarter without a fingerprint gets no record, so that it is built again."""
    rows = [(domain, quarter, step, fingerprint) for quarter, fingerprint in fingerprints.items() if fingerprint]
    if rows:
        with writing(database) as connection:
            connection.cursor().executemany(
                """
                insert into platform.quarter_builds (domain, quarter, step, fingerprint, built_at)
                values (%s, %s, %s, %s, now())
                on conflict (domain, quarter, step) do update
                set fingerprint = excluded.fingerprint, built_at = excluded.built_at
                """,
                rows,
            )
