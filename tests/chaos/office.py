"""An office of three quarters on the built-in sample, whose main job runs in processes that can be killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from orchestration.core import leases
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, embedded_data_dir, open_database
from orchestration.core.runner import run_job
from orchestration.core.settings import get_settings
from orchestration.definitions import build_definitions
from tests.chaos import naive
from tests.chaos.strikes import Strike, Striker, paused_mark

DOMAIN = "student_performance"
QUARTERS = [Quarter(2026, number) for number in (1, 2, 3)]
# The two deliveries between which the office goes to and fro: students in each quarter.
DELIVERIES = (120, 150)
LONGEST_RUN_SECONDS = 180


@dataclass
class Office:
    """The state folder, and the database that this process keeps running. is_naive: without leases and whole swaps."""

    home: Path
    is_naive: bool = False

    def __post_init__(self) -> None:
        os.environ |= {
            "QUARTERDECK_HOME": str(self.home),
            "QUARTERDECK_PSEUDONYM_KEY": "one key for all students of the exam",
        }
        get_settings.cache_clear()
        self.settings = get_settings()
        self.database: Database = open_database(self.settings)
        # What a run does first is done once here: each run is a fork of this process, and begins a few seconds later in it.
        build_definitions(self.settings)

    def start(self, students: int, strike: Strike | None = None, **settings: str) -> int:
        """Start the main job on a delivery in a process of its own, to be struck if so; returns its process id."""
        sys.stdout.flush()
        process = os.fork()
        if process:
            return process
        code = 1
        try:
            code = self._run(students, strike, settings)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def run(self, students: int, strike: Strike | None = None, **settings: str) -> int:
        """The same, and wait for it; returns its exit code, or the signal's number below zero."""
        return self.wait(self.start(students, strike, **settings))

    def wait(self, process: int) -> int:
        """The exit code of a run, once it has ended; one that pauses itself, or does not end and is killed, gives the signal."""
        mark = paused_mark(embedded_data_dir(self.settings))
        # Counted rather than read off a clock, which goes on where the machine sleeps.
        for _ in range(LONGEST_RUN_SECONDS * 20):
            found, status = os.waitpid(process, os.WNOHANG | os.WUNTRACED)
            if found and not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            if found and mark.exists():
                mark.unlink()
                return -os.WSTOPSIG(status)
            time.sleep(0.05)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return -signal.SIGKILL

    def mend_server(self) -> None:
        """Start the server again where it was killed, as the next command of a person would."""
        for _ in range(60):
            try:
                with psycopg.connect(self.database.conninfo):
                    return
            except psycopg.OperationalError:
                script = (
                    "from orchestration.core.postgres import open_database\n"
                    "from orchestration.core.settings import get_settings\nopen_database(get_settings())"
                )
                subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
                time.sleep(0.5)
        raise RuntimeError("The server did not come back after it was killed.")

    def states(self) -> str:
        """How the stages stand, in words."""
        with self.database.connect() as connection:
            rows = connection.execute(
                """
                select stage || ' ' || status from platform.stage_status where domain = %s
                group by stage, status order by array_position(array['etl', 'ml', 'publish'], stage)
                """,
                (DOMAIN,),
            ).fetchall()
        return ", ".join(row[0] for row in rows)

    def _run(self, students: int, strike: Strike | None, settings: dict[str, str]) -> int:
        output = os.open(self.home / "runs.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ |= {"QUARTERDECK_SAMPLE_ROWS": str(students), **settings}
        get_settings.cache_clear()
        now = get_settings()
        if self.is_naive:
            naive.install()
        loggers: dict[str, Any] = {}
        if strike:
            striker = Striker(strike, embedded_data_dir(now), self.database.conninfo)
            loggers["console"] = striker.logger()
        definitions = build_definitions(now, loggers=loggers)
        config = {"ops": {f"{DOMAIN}__landing_files": {"config": {"source": "sample"}}}}
        outcome = run_job(definitions, now, self.database, f"{DOMAIN}_refresh", QUARTERS, run_config=config)
        leases.release()
        print(f"{strike or 'undisturbed'}: {outcome.error or 'succeeded'}", flush=True)
        return 1 if outcome.error else 0
