"""The platform's status page: every stage of every quarter, of all domains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from orchestration.core.promotions import ZONES
from orchestration.core.site import SiteBuilder
from orchestration.core.site_format import count, duration, moment, quarter_label
from orchestration.core.status import STAGES

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing

MOST_FILES = 40
_PROMOTIONS = """
    select promotions.*, name, sha256, count(*) filter (where zone = 'landing') over () as file_count
    from platform.promotions
    inner join platform.landing_files using (source_file_id)
    order by quarter desc, received_at desc, name, source_file_id
"""
STAGE_LABELS = {"etl": "Load and check", "ml": "Find segments", "publish": "Publish pages"}


def prepare_status(publishing: Publishing) -> Callable[[SiteBuilder], object]:
    """Read `platform.stage_status`; the stage that builds these pages is shown as succeeded, since nobody sees them else."""
    with publishing.platform.database.connect() as connection:
        rows = connection.cursor(row_factory=dict_row).execute("select * from platform.stage_states").fetchall()
        promotions = connection.cursor(row_factory=dict_row).execute(_PROMOTIONS).fetchall()
    for row in rows:
        if row["stage"] == "publish" and row["run_id"] == publishing.run_id:
            row |= {"status": "succeeded", "finished_at": publishing.built_at}
    context = {**status_context(rows, publishing.platform.domains), **promotions_context(promotions)}
    return lambda builder: builder.page("status.html", **context)


def status_context(rows: Sequence[Mapping[str, Any]], domains: Mapping[str, str]) -> dict[str, Any]:
    """What the template shows.

    Args:
        rows: those of `platform.stage_status`.
        domains: names with their labels, in the order to show them.
    """
    by_domain = []
    for domain, label in domains.items():
        own = {(row["quarter"], row["stage"]): row for row in rows if row["domain"] == domain}
        quarters = sorted({quarter for quarter, _ in own}, reverse=True)
        stages = [stage for stage in STAGES if any(found == stage for _, found in own)]
        by_domain.append(
            {
                "label": label,
                "stage_labels": [STAGE_LABELS[stage] for stage in stages],
                "quarters": [
                    {"quarter": quarter, "stages": [_stage(own.get((quarter, stage))) for stage in stages]}
                    for quarter in quarters
                ],
            }
        )
    failed = [row for row in rows if row["status"] == "failed"]
    named = [
        f"{STAGE_LABELS[row['stage']]} of {domains.get(row['domain'], row['domain'])}, {quarter_label(row['quarter'])}"
        for row in failed
    ]
    quarter_count = sum(len(domain["quarters"]) for domain in by_domain)
    return {
        "headline": f"{len(failed)} {'stage has' if len(failed) == 1 else 'stages have'} failed"
        if failed
        else "No stage has failed",
        "standfirst": f"{'; '.join(named)}. The reason stands beside each; pages keep the last good state."
        if failed
        else f"From the files to these pages: {len(domains)} areas, {quarter_count} quarters.",
        "domains": by_domain,
    }


def promotions_context(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The way of the newest files: a row a file and quarter, with what is known of each zone.

    Args:
        rows: those of `_PROMOTIONS`, one a file, quarter and zone.
    """
    files: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        found = files.setdefault(
            (row["quarter"], row["source_file_id"]),
            {"name": row["name"], "sha256": row["sha256"], "quarter": row["quarter"], "zones": dict.fromkeys(ZONES)},
        )
        found["zones"][row["zone"]] = row
    shown = list(files.values())[:MOST_FILES]
    return {"zones": ZONES, "files": shown, "file_count": rows[0]["file_count"] if rows else 0}


def _stage(row: Mapping[str, Any] | None) -> dict[str, Any]:
    if row is None or row["status"] == "pending":
        return {"status": "pending", "note": "not started", "error": None, "started": None, "run_id": None}
    started: datetime | None = row["started_at"]
    finished: datetime | None = row["finished_at"]
    parts = []
    if row["rows_in"] is not None or row["rows_out"] is not None:
        parts.append(f"{count(row['rows_in'])} rows in, {count(row['rows_out'])} out")
    if started and finished:
        parts.append(duration(max(0.0, (finished - started).total_seconds())))
    if since := row.get("no_sign_of_life_since"):
        parts.append(f"no sign of life since {moment(since)}; the next run takes it over")
    return {
        "status": row["status"],
        "note": " · ".join(parts),
        "error": row["error"],
        "started": started,
        "run_id": row["run_id"],
    }
