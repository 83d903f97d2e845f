"""Runs whose process is gone are found; those at work, or on another machine, are left alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus

from orchestration.core.instance import instance_config
from orchestration.core.launcher import HOST_TAG, LOCK_TAG, WatchedRunLauncher, host_tag, is_alive
from orchestration.core.postgres import Database, exclusive
from orchestration.core.settings import Settings


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Our own instance, on a storage that needs no server."""
    config = {name: value for name, value in instance_config(Settings()).items() if name != "storage"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def health(instance: dg.DagsterInstance, pid: int | None, tags: dict[str, str]) -> WorkerStatus:
    run = instance.create_run_for_job(
        dg.GraphDefinition(name="work", node_defs=[]).to_job(), status=dg.DagsterRunStatus.STARTED, tags=tags
    )
    if pid is not None:
        instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    return instance.run_launcher.check_run_worker_health(run).status


def test_a_run_is_lost_when_its_process_is_gone(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert health(instance, process.pid, host_tag()) is WorkerStatus.RUNNING
        process.kill()
        # Not waited for: a dead child that nobody has collected is no worker either.
        while is_alive(process.pid, time.time()):
            time.sleep(0.01)
        assert health(instance, process.pid, host_tag()) is WorkerStatus.NOT_FOUND
    finally:
        process.kill()
        process.wait()
    assert health(instance, process.pid, host_tag()) is WorkerStatus.NOT_FOUND


def test_what_cannot_be_known_is_taken_to_be_well(instance: dg.DagsterInstance) -> None:
    assert health(instance, None, host_tag()) is WorkerStatus.RUNNING
    assert health(instance, 2**22 + 1, {HOST_TAG: "another machine"}) is WorkerStatus.RUNNING
    assert health(instance, 2**22 + 1, {}) is WorkerStatus.RUNNING


def test_a_command_in_another_container_is_lost_when_its_lock_is_free(
    instance: dg.DagsterInstance, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.core.launcher.open_database", lambda _settings: database)
    tags = {HOST_TAG: "another container", LOCK_TAG: "run 1"}
    with exclusive(database, "run 1"):
        assert health(instance, 1, tags) is WorkerStatus.RUNNING
    assert health(instance, 1, tags) is WorkerStatus.NOT_FOUND


def test_a_later_process_with_the_same_id_is_another() -> None:
    assert is_alive(os.getpid(), time.time())
    assert not is_alive(os.getpid(), 0.0)


def test_dagster_monitors_started_runs_and_repeats_lost_ones_only(instance: dg.DagsterInstance) -> None:
    assert instance.run_launcher.supports_check_run_worker_health
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert not instance.run_retries_retry_on_asset_or_op_failure
