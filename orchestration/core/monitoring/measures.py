"""What a run needed and what is stored after it, taken from Dagster's own record of the run and from the database's sizes.

No row of a table is read: the work is the same for a thousand rows and for ten million.
"""

import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from orchestration.core.monitoring.rules import Prices
from orchestration.core.partitions import Quarter, from_partition_keys
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings
from orchestration.core.storage import open_storage

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
# Metadata in which assets say how many rows they hold or wrote; one that did nothing says "unchanged" instead.
ROW_COUNTS = ("rows_written", "dagster/row_count")
UNCHANGED = "unchanged"
DBT_SECONDS = "Execution Duration"
LAYER_ZONES = {"raw": "raw", "staging": "trusted", "marts": "curated", "ml": "curated"}
PLATFORM = "platform"

# By run and step: the process's highest memory up to the step's end.
_peak_memory: dict[tuple[str, str], int] = {}


@dataclass
class StepMeasure:
    """What one step of a run needed.

    outcome: None while it works. seconds: elapsed. assets: rows (None where not said) and seconds of each that changed.
    """

    step: str
    outcome: str | None = None
    started_at: float = 0.0
    seconds: float = 0.0
    assets: dict[str, tuple[int | None, float]] = field(default_factory=dict)

    @property
    def rows_written(self) -> int:
        """Rows of all its assets."""
        return sum(rows or 0 for rows, _ in self.assets.values())


def note_peak_memory() -> None:
    """Note the process's highest memory so far for the present step; outside of a step, nothing."""
    try:
        context = dg.AssetExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return
    unit = 1 if sys.platform == "darwin" else 1024
    step = context.op_execution_context.get_step_execution_context().step.key
    _peak_memory[context.run_id, step] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measured_steps(events: Iterable[dg.EventLogEntry]) -> list[StepMeasure]:
    """The steps of a run, in their order; a step that was tried again took as long as all its tries."""
    steps: dict[str, StepMeasure] = {}
    for entry in events:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            continue
        step = steps.setdefault(event.step_key, StepMeasure(event.step_key, started_at=entry.timestamp))
        if event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            step.outcome = "succeeded"
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            step.outcome = "failed"
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            _add_asset(step, event)
        else:
            step.seconds = entry.timestamp - step.started_at
    for step in steps.values():
        for asset, (rows, seconds) in step.assets.items():
            step.assets[asset] = (rows, seconds or step.seconds)  # only dbt says how long each took
    return list(steps.values())


def _add_asset(step: StepMeasure, event: dg.DagsterEvent) -> None:
    materialization = event.step_materialization_data.materialization
    metadata = materialization.metadata
    if UNCHANGED in metadata:
        return
    counts = [int(str(metadata[name].value)) for name in ROW_COUNTS if name in metadata]
    seconds = float(str(metadata[DBT_SECONDS].value)) if DBT_SECONDS in metadata else 0.0
    # A run of several quarters says the same of each asset once a quarter.
    step.assets["/".join(materialization.asset_key.path)] = (counts[0] if counts else None, seconds)


def run_quarters(tags: Mapping[str, str], settings: Settings) -> list[str]:
    """The quarters that a run is for, by Dagster's tags."""
    if PARTITION_TAG in tags:
        return [str(quarter) for quarter in from_partition_keys([tags[PARTITION_TAG]], settings)]
    if not all(tag in tags for tag in RANGE_TAGS):
        return []
    quarter, last = from_partition_keys([tags[tag] for tag in RANGE_TAGS], settings)
    quarters: list[Quarter] = []
    while quarter <= last:
        quarters.append(quarter)
        quarter = quarter.plus(1)
    return [str(quarter) for quarter in quarters]


def record_run(
    database: Database, settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun, prices: Prices
) -> bool:
    """Record what the run needed and what is stored now; says whether it did. A run that found nothing to do leaves nothing.

    Raises:
        QuarterdeckError: the landing zone cannot be listed.
    """
    kinds = {
        dg.DagsterEventType.STEP_START,
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    }
    steps = measured_steps(instance.all_logs(run.run_id, of_type=kinds))
    if not any(step.rows_written or step.outcome == "failed" for step in steps):
        return False
    quarters = run_quarters(run.tags, settings)
    with database.connect() as connection:
        # While the run publishes its pages it is recorded for them; after that, only files have changed.
        connection.execute("delete from platform.run_measures where run_id = %s", (run.run_id,))
        connection.execute("delete from platform.asset_measures where run_id = %s", (run.run_id,))
        known = connection.execute(
            "select recorded_at from platform.storage_measures where run_id = %s limit 1", (run.run_id,)
        ).fetchone()
        stored = [*([] if known else _tables(connection)), *_files(settings)]
        cursor = connection.cursor()
        cursor.executemany(
            """
            insert into platform.run_measures (run_id, step, domain, quarters, outcome, rows_written, seconds,
                peak_memory_bytes, estimated_cost, recorded_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())
            """,
            [
                (
                    run.run_id,
                    step.step,
                    _domain_of(run),
                    quarters,
                    step.outcome,
                    step.rows_written,
                    step.seconds,
                    _peak_memory.get((run.run_id, step.step)),
                    prices.of_run(step.seconds),
                )
                for step in steps
                if (step.assets and step.outcome) or step.outcome == "failed"
            ],
        )
        cursor.executemany(
            """
            insert into platform.asset_measures (run_id, asset, domain, step, rows_written, seconds, recorded_at)
            values (%s, %s, %s, %s, %s, %s, now())
            """,
            [
                (run.run_id, asset, asset.split("/")[0], step.step, rows, seconds)
                for step in steps
                for asset, (rows, seconds) in step.assets.items()
            ],
        )
        cursor.executemany(
            """
            insert into platform.storage_measures (run_id, domain, zone, dataset, bytes, estimated_cost_per_month, recorded_at)
            values (%s, %s, %s, %s, %s, %s, coalesce(%s, now()))
            on conflict (run_id, domain, zone, dataset) do update
            set bytes = excluded.bytes, estimated_cost_per_month = excluded.estimated_cost_per_month
            """,
            [
                (run.run_id, domain, zone, dataset, size, prices.of_month(zone, size), known[0] if known else None)
                for domain, zone, dataset, size in stored
            ],
        )
    return True


def _domain_of(run: dg.DagsterRun) -> str:
    keys = run.asset_selection or set()
    found = {key.path[0] for key in keys if len(key.path) > 1}
    return found.pop() if len(found) == 1 else run.job_name.removesuffix("_refresh")


def _tables(connection: psycopg.Connection) -> list[tuple[str, str, str, int]]:
    """Domain, zone, table and bytes of every table, with its indexes, its overflow and its partitions."""
    rows: list[tuple[str, str, int]] = connection.execute(
        """
        select nspname, coalesce(root.relname, stored.relname), sum(pg_total_relation_size(stored.oid))::bigint
        from pg_class as stored
        inner join pg_namespace on pg_namespace.oid = stored.relnamespace
        left join pg_class as root on root.oid = pg_partition_root(stored.oid)
        where stored.relkind in ('r', 'm') and (nspname in ('platform', 'dagster') or nspname ~ '_(raw|staging|marts|ml)$')
        group by 1, 2
        """
    ).fetchall()
    found = []
    for schema, table, size in rows:
        domain, _, layer = schema.rpartition("_")
        is_domain = domain not in ("", PLATFORM)
        found.append(
            (domain, LAYER_ZONES[layer], table, size) if is_domain else (PLATFORM, PLATFORM, f"{schema}.{table}", size)
        )
    return found


def _files(settings: Settings) -> list[tuple[str, str, str, int]]:
    """Domain, zone, folder and bytes of the received files and of the published pages."""
    sizes: dict[tuple[str, str, str], int] = {}
    landing: list[Any] = open_storage(settings.landing, settings).list_files("")
    for file in landing:
        domain, _, rest = file.key.partition("/")
        place = (domain, "landing", rest.partition("/")[0] or "files")
        sizes[place] = sizes.get(place, 0) + file.size
    builds = settings.site.parent / f"{settings.site.name}-builds"
    pages = sum(path.stat().st_size for path in builds.rglob("*") if path.is_file())
    return [*((*place, size) for place, size in sizes.items()), (PLATFORM, "product", Path(builds).name, pages)]
