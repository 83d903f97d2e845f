"""Profiles of received files in `platform.file_profiles`, each compared with the delivery of its kind before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import dagster as dg
import psycopg
from psycopg.types.json import Jsonb

from orchestration.core.profile import FORM, ColumnProfile, Profile
from orchestration.core.profile_compare import compare
from orchestration.core.site_format import MISSING, count, decimal, percent

FIRST_DELIVERY = "The first delivery of its kind: there is nothing to compare it with."
SHOWN_VALUES = 6
SHOWN_DELIVERIES = 12


@dataclass(frozen=True)
class Delivery:
    """A received file of one kind, the quarter that it is for, its profile, and sentences on what differs from the last."""

    kind: str
    quarter: str
    source_file_id: str
    file_name: str
    received_at: datetime
    profile: Profile
    sentences: Sequence[str] = (FIRST_DELIVERY,)
    compared_with: str | None = None


def record_profile(
    connection: psycopg.Connection, domain: str, kind: str, quarter: str, source_file_id: str, profile: Profile
) -> None:
    """Keep the profile of a file received for the quarter; `kind` names the files that it is compared with."""
    connection.execute(
        """
        insert into platform.file_profiles (domain, kind, quarter, source_file_id, profile, profiled_at)
        values (%s, %s, %s, %s, %s, now())
        on conflict (domain, kind, quarter, source_file_id) do update
        set profile = excluded.profile, profiled_at = excluded.profiled_at
        """,
        (domain, kind, quarter, source_file_id, Jsonb(profile.as_json())),
    )


def record_doubts(
    connection: psycopg.Connection, domain: str, quarter: str, source_file_id: str, doubts: Sequence[str]
) -> None:
    """Keep what a person should look at in a quarter's file, in the place of what was said of it before."""
    connection.execute(
        "delete from platform.file_doubts where domain = %s and quarter = %s and source_file_id = %s",
        (domain, quarter, source_file_id),
    )
    connection.cursor().executemany(
        "insert into platform.file_doubts (domain, quarter, source_file_id, place, doubt) values (%s, %s, %s, %s, %s)",
        [(domain, quarter, source_file_id, place, doubt) for place, doubt in enumerate(doubts)],
    )


def file_doubts(connection: psycopg.Connection, domain: str) -> list[tuple[str, str, int, str]]:
    """Quarter, file, place and sentence of what a person should look at in the files that the domain's quarters are made of."""
    rows = connection.execute(
        """
        select quarter, name, place, doubt
        from platform.file_doubts
        inner join platform.landing_files using (domain, source_file_id)
        where exists (
            select from platform.quarter_files
            where quarter_files.domain = file_doubts.domain and quarter_files.quarter = file_doubts.quarter
                and quarter_files.source_file_id = file_doubts.source_file_id
        ) and domain = %s
        order by quarter, name, place
        """,
        (domain,),
    ).fetchall()
    return [(quarter, name, place, doubt) for quarter, name, place, doubt in rows]


def deliveries(connection: psycopg.Connection, domain: str) -> list[Delivery]:
    """The domain's profiled files, oldest first, each compared with the one of its kind before it.

    The order is that of the quarters, and within a quarter that of arrival: so the order of backfills cannot matter.
    Profiles of an older form are left out.
    """
    rows = connection.execute(
        """
        select kind, quarter, source_file_id, name, received_at, profile
        from platform.file_profiles join platform.landing_files using (domain, source_file_id)
        where domain = %s and profile -> 'form' = %s order by kind, quarter, received_at, name, source_file_id
        """,
        (domain, Jsonb(FORM)),
    ).fetchall()
    found = [Delivery(row[0], row[1], row[2], row[3], row[4], Profile.from_json(row[5])) for row in rows]
    return compared(found)


def compared(found: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries, in the order in which they are given, each compared with the one of its kind before it."""
    return [
        replace(now, sentences=compare(last.profile, now.profile), compared_with=f"{last.file_name} ({last.quarter})")
        if last is not None and last.kind == now.kind
        else now
        for last, now in pairwise([None, *found])
        if now is not None
    ]


def arrival_metadata(
    connection: psycopg.Connection,
    domain: str,
    quarters: Collection[str],
    say: Callable[[str], object],
    kinds: Collection[str] | None = None,
) -> dict[str, dg.MetadataValue[Any]]:
    """Say how each quarter's newest file of each kind differs from the last delivery; Dagster's metadata of the newest of them.

    kinds: those whose first word is one of these. Nothing where no such file came.
    """
    arrived = [
        one
        for one in deliveries(connection, domain)
        if one.quarter in quarters and (not kinds or one.kind.split(" ")[0] in kinds)
    ]
    if not arrived:
        return {}
    # They are in the order of their arrival.
    for one in {(one.kind, one.quarter): one for one in arrived}.values():
        written = [f"It is written in {one.profile.written}."] if one.profile.written else []
        for sentence in [*written, *one.sentences]:
            say(f"{one.quarter}, {one.file_name}: {sentence}")
    newest = max(arrived, key=lambda one: (one.quarter, one.received_at))
    return {
        "compared_with_the_last_delivery": dg.MetadataValue.md("\n".join(f"- {one}" for one in newest.sentences)),
        "profile": dg.MetadataValue.md(profile_markdown(newest.profile)),
    }


def profile_rows(profile: Profile) -> list[dict[str, str]]:
    """A profile as rows of a table for people: column, type, missing, distinct, range, values, personal data."""
    return [
        {
            "column": column.name,
            "type": column.type + (f" ({count(column.misfits)} are not)" if column.misfits else ""),
            "missing": f"{count(column.missing)} ({percent(_pct(column.missing, profile.row_count))})",
            "distinct": ("about " if column.is_estimate else "") + count(column.distinct),
            "range": _range(column),
            "values": _values(column, profile.row_count),
            "personal": f"{column.personal.personal.replace('_', ' ')}: {column.personal.reason}"
            if column.personal
            else MISSING,
        }
        for column in profile.columns
    ]


def delivery_views(found: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The newest file of each kind and quarter for a page, the newest first: what differs from the one before, and its columns."""
    newest = {(one.kind, one.quarter): one for one in sorted(found, key=lambda one: one.received_at)}.values()
    return [
        {
            "quarter": delivery.quarter,
            "file_name": delivery.file_name,
            "compared_with": delivery.compared_with,
            "sentences": [_marked(sentence) for sentence in delivery.sentences],
            "columns": profile_rows(delivery.profile),
        }
        for delivery in sorted(newest, key=lambda one: (one.quarter, one.received_at), reverse=True)[:SHOWN_DELIVERIES]
    ]


def _marked(sentence: str) -> list[tuple[bool, str]]:
    """Pieces of a sentence, each with whether it is a column's name, which stands between backticks."""
    return [(bool(place % 2), piece) for place, piece in enumerate(sentence.split("`")) if piece]


HEADINGS = {
    "column": "Column",
    "type": "Type",
    "missing": "Missing",
    "distinct": "Distinct",
    "range": "Range",
    "values": "Most frequent values, or distribution",
    "personal": "Likely personal data",
}


def profile_markdown(profile: Profile) -> str:
    """The same rows as a Markdown table."""
    rows = [list(HEADINGS.values()), ["---"] * len(HEADINGS)]
    rows += [list(row.values()) for row in profile_rows(profile)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _pct(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _range(column: ColumnProfile) -> str:
    if column.minimum is None:
        return f"up to {count(column.longest)} characters" if column.longest else MISSING
    return f"{_shown(column.minimum)} to {_shown(column.maximum)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else decimal(value, 0 if float(value).is_integer() else 2)


def _values(column: ColumnProfile, row_count: int) -> str:
    if column.quantiles is not None:
        low, middle, high = (column.quantiles[place] for place in (5, 10, 15))
        return f"quarters at {_shown(low)}, {_shown(middle)}, {_shown(high)}; mean {decimal(column.mean, 1)}"
    if column.values is None:
        return MISSING
    shown = [f"{value} {percent(_pct(rows, row_count))}" for value, rows in list(column.values.items())[:SHOWN_VALUES]]
    more = len(column.values) - SHOWN_VALUES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
