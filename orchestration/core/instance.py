"""Dagster's instance: one run storage, in Postgres, for runs made by the command and by the UI alike; queue and limits."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from orchestration.core.postgres import Database, exclusive
from orchestration.core.settings import Settings

DAGSTER_URL_VARIABLE = "QUARTERDECK_DAGSTER_URL"

# The pool of every step that loads or rebuilds tables. A run in it is in it from its launch to its end, so a queued run
# waits as a row in the run storage: without a process, a connection or a lock.
DATABASE_WRITERS = "database_writers"


def instance_config(settings: Settings) -> dict[str, Any]:
    """The content of `dagster.yaml`, by Dagster's own names."""
    return {
        # The address stays in the environment: a password has no place in a file.
        "storage": {"postgres": {"postgres_url": {"env": DAGSTER_URL_VARIABLE}}},
        "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"},
        "run_launcher": {"module": "orchestration.core.launcher", "class": "WatchedRunLauncher"},
        "concurrency": {
            "runs": {
                "max_concurrent_runs": settings.max_concurrent_runs,
                # Two runs of one quarter take turns: the file that one receives must not be loaded by the other.
                "tag_concurrency_limits": [
                    {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
                ],
            },
            "pools": {"granularity": "run", "default_limit": settings.database_writers},
        },
        "run_monitoring": {"enabled": True, "start_timeout_seconds": 300, "poll_interval_seconds": 30},
        # A step decides for itself what is worth another try (retries.py); a run is repeated when its process died.
        "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
        "telemetry": {"enabled": False},
    }


def prepare_instance(settings: Settings, database: Database) -> Path:
    """Write Dagster's instance file and point this process, and so its children, at it; returns DAGSTER_HOME."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    instance_file = home / "dagster.yaml"
    content = yaml.safe_dump(instance_config(settings), sort_keys=False)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[DAGSTER_URL_VARIABLE] = database.dagster_url()
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    if not instance_file.exists() or instance_file.read_text() != content:
        instance_file.write_text(content)
        # Two that do this at once, on a database without Dagster's tables, get in each other's way.
        with exclusive(database, "dagster's tables"), dg.DagsterInstance.from_config(str(home)) as instance:
            _make_pool_known(instance, settings.database_writers)
    return home


def _make_pool_known(instance: dg.DagsterInstance, limit: int) -> None:
    """The queue applies a pool's limit only once the pool is known; without this its first look would launch everything."""
    storage = instance.event_log_storage
    known = {pool.name: pool.limit for pool in storage.get_pool_limits()}
    if known.get(DATABASE_WRITERS) == limit:
        return
    # Of a pool that is known, Dagster cannot change the limit on Postgres: it goes on in a transaction that has failed.
    if DATABASE_WRITERS in known:
        storage.delete_concurrency_limit(DATABASE_WRITERS)
    storage.initialize_concurrency_limit_to_default(DATABASE_WRITERS)
