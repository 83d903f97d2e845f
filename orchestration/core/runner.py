"""Run a domain's job in this process: the same job, run storage and assets that the UI uses, with progress for people."""

import contextlib
import functools
import logging
import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from orchestration.core.instance import prepare_instance
from orchestration.core.launcher import LOCK_TAG, host_tag
from orchestration.core.leases import COMMAND, ONE_STAGE
from orchestration.core.partitions import Quarter, to_partition_key
from orchestration.core.postgres import Database, exclusive
from orchestration.core.progress import failure_sentence
from orchestration.core.settings import Settings

STATEMENT_TIMEOUT_MS = 60_000

# To keep what a run prints, Dagster starts four processes: two that copy it from a file to the terminal, and two Pythons that
# watch those. Here the terminal is the person's own. Runs of the UI keep it.
UNCOPIED_OUTPUT = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; `error` is one sentence, or None when all went well."""

    run_id: str
    error: str | None


def run_job(
    definitions: dg.Definitions,
    settings: Settings,
    database: Database,
    job_name: str,
    quarters: Sequence[Quarter],
    *,
    run_config: Mapping[str, Any] | None = None,
    selection: Sequence[dg.AssetKey] | None = None,
) -> RunOutcome:
    """Run the job for adjacent quarters in one run, so that dbt starts once for all of them."""
    dagster_home = prepare_instance(settings, database)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    keys = [to_partition_key(quarter, settings) for quarter in sorted(quarters)]
    lock = f"run {uuid.uuid4()}"
    tags = {"quarterdeck/started_by": ONE_STAGE if selection else COMMAND, LOCK_TAG: lock, **host_tag()}
    arguments: dict[str, Any] = {}
    if len(keys) == 1:
        arguments["partition_key"] = keys[0]
    else:
        tags |= {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    with (
        warnings.catch_warnings(),
        exclusive(database, lock),
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(dagster_home), overrides=UNCOPIED_OUTPUT)) as instance,
        # dbt's own chatter is in its log file; on the terminal it would bury the progress.
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        warnings.simplefilter("ignore")
        # By default Dagster connects anew for every event: hundreds of times in a run.
        instance.optimize_for_webserver(statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=-1, max_overflow=20)
        # And for each asset it looks through Postgres's catalogue, by ten queries and on one more connection, for tables and
        # columns that an older version of it had not. They do not change in a run.
        events: Any = instance.event_log_storage
        events.has_table = functools.cache(events.has_table)
        events.has_asset_key_col = functools.cache(events.has_asset_key_col)
        result = definitions.resolve_job_def(job_name).execute_in_process(
            run_config={**(run_config or {}), "loggers": {"console": {}}},
            instance=instance,
            tags=tags,
            raise_on_error=False,
            asset_selection=list(selection) if selection else None,
            **arguments,
        )
    return RunOutcome(result.run_id, None if result.success else failure_sentence(result))
