"""Dagster's run launcher for one machine, with an eye on the runs' processes.

Dagster's default launcher cannot tell a run that is at work from one whose process is gone: after a power cut, or a killed
`quarterdeck run`, such runs would stay `STARTED`, count towards the limits for ever and in the end block the queue.
"""

import socket
from typing import Any

import dagster as dg
import psutil
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus

from orchestration.core.postgres import is_exclusive, open_database
from orchestration.core.settings import get_settings

HOST_TAG = "quarterdeck/host"
LOCK_TAG = "quarterdeck/lock"


def host_tag() -> dict[str, str]:
    """The tag that says on which machine a run's process is."""
    return {HOST_TAG: socket.gethostname()}


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """The default launcher, with which Dagster's run monitoring finds runs whose process has died."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch the run on this machine."""
        self._instance.add_run_tags(context.dagster_run.run_id, host_tag())
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does; this is what switches the monitoring of started runs on."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is there. On another machine, or in another container, only the command's can be told.

        Such a process holds a lock named after its run for as long as it lives; any other is taken to be well.
        """
        if run.tags.get(HOST_TAG) != socket.gethostname():
            if LOCK_TAG in run.tags and not is_exclusive(open_database(get_settings()), run.tags[LOCK_TAG]):
                return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"Its process on {run.tags.get(HOST_TAG)} is gone.")
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        worker = worker_process(self._instance, run.run_id)
        if worker is None or is_alive(*worker):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"Its process {worker[0]} is gone.")


def worker_process(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The id of the run's own process, and when it reported that; None where it has not done so yet."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        data: Any = entry.get_dagster_event().engine_event_data
        if "pid" in data.metadata:
            return int(str(data.metadata["pid"].value)), entry.timestamp
    return None


def is_alive(pid: int, seen_at: float) -> bool:
    """Whether the process that had this id at the time `seen_at` still runs; a later one with its id is another."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= seen_at)
    except psutil.NoSuchProcess:
        return False
