"""Where and how a run is struck, and how a run strikes itself: nobody else can hit a step's boundary exactly."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import psutil
import psycopg

from orchestration.core import leases, page_frames
from orchestration.student_performance import ingest
from orchestration.student_performance.commands import STEP_TITLES

# In order, as the command tells of them.
STEPS = tuple(STEP_TITLES)

Victim = Literal["run", "postgres", "session", "pause"]
Place = Literal["start", "end", "commit", "receiving", "reading"]


@dataclass(frozen=True)
class Strike:
    """One blow: `seconds` after the run reaches the place.

    place: a step's start or end, the moment before the `number`th transaction of the run is committed, before its file is received,
    or, in a session that is open, before the pages' tables are read. victim: the run (and so dbt, which works in it), the whole
    server, one busy session of it, or the run, paused.
    """

    victim: Victim
    place: Place
    step: str = ""
    number: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        where = {
            "start": f"start of {self.step}",
            "end": f"end of {self.step}",
            "commit": f"before commit {self.number}",
            "receiving": "before the file is received",
            "reading": "before the pages' tables are read",
        }[self.place]
        return where + (f" + {self.seconds:.2f} s" if self.seconds else "")


def paused_mark(data_dir: Path) -> Path:
    """The file that a run leaves when it pauses, which a pause by anybody else does not."""
    return data_dir.with_name("paused")


def kill_server(data_dir: Path) -> None:
    """SIGKILL to every process of the server."""
    postmaster = psutil.Process(int((data_dir / "postmaster.pid").read_text().splitlines()[0]))
    for process in [postmaster, *postmaster.children(recursive=True)]:
        process.kill()


def _kill_session(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(
            """
            select pid from pg_stat_activity
            where pid <> pg_backend_pid() and (application_name like 'dbt%' or application_name like 'quarterdeck%')
            order by state = 'active' desc, backend_start desc limit 1
            """
        ).fetchone()
    if row:
        os.kill(row[0], signal.SIGKILL)


class Striker:
    """Sits in a run and strikes once, when the run comes to the strike's place."""

    def __init__(self, strike: Strike, data_dir: Path, conninfo: str) -> None:
        self.strike, self._data_dir, self._conninfo = strike, data_dir, conninfo
        self._commits = 0
        self._is_done = False
        for module, name, place in (
            (leases, "require", "commit"),
            (ingest, "read_exam_results", "receiving"),
            (page_frames, "mart_frames", "reading"),
        ):
            setattr(module, name, self._before(place, getattr(module, name)))

    def logger(self) -> dg.LoggerDefinition:
        """A Dagster logger that tells the striker where the run is."""
        striker = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                meta = getattr(record, "dagster_meta", {}) or {}
                event = meta.get("dagster_event")
                kind = {"STEP_START": "start", "STEP_SUCCESS": "end"}.get(event.event_type_value if event else "")
                if kind:
                    striker.reached(kind, meta.get("step_key"))

        def console(_context: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("quarterdeck.chaos", level=logging.DEBUG)
            logger.addHandler(Handler(level=logging.DEBUG))
            return logger

        return dg.LoggerDefinition(console)

    def reached(self, place: str, step: str = "") -> None:
        """Strike, now or a little later, if this is the place."""
        if place == "commit":
            self._commits += 1
        if self._is_done or (place, step) != (self.strike.place, self.strike.step):
            return
        if place == "commit" and self._commits < self.strike.number:
            return
        self._is_done = True
        if self.strike.seconds:
            timer = threading.Timer(self.strike.seconds, self._hit)
            timer.daemon = True
            timer.start()
        else:
            self._hit()

    def _hit(self) -> None:
        if self.strike.victim == "run":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.strike.victim == "pause":
            paused_mark(self._data_dir).touch()
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.strike.victim == "postgres":
            kill_server(self._data_dir)
        else:
            _kill_session(self._conninfo)

    def _before(self, place: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.reached(place)
            return function(*arguments, **named)

        return called
