"""Runs a command as a process of its own and takes its time and memory.

Memory is the proportional set size (PSS) where the system tells it (Linux): a page shared by several processes, such as
Postgres's buffers, is divided among them, so that the sum over processes counts it once. Elsewhere it is the unique
set size, which leaves shared pages out.
"""

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from orchestration.core.errors import QuarterdeckError

SAMPLE_SECONDS = 0.2
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Finished:
    """A process that has ended well: wall seconds, peak memory in MB of it with its children and of Postgres, output."""

    seconds: float
    python_mb: float
    postgres_mb: float
    output: str


def run_measured(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, postmaster_pid: int
) -> Finished:
    """Run `command` in `folder` and watch its memory and that of the Postgres server.

    Raises:
        QuarterdeckError: the command failed; what it printed is in the message.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=output, stderr=errors)
        with _watched(process.pid, postmaster_pid) as (python, postgres):
            status = process.wait()
            seconds = time.perf_counter() - began
        output.seek(0)
        errors.seek(0)
        if status != 0:
            raise QuarterdeckError(
                f"{' '.join(map(str, command))} ended with {status}.\n{output.read()}\n{errors.read()}"
            )
        return Finished(seconds, python.peak_mb, postgres.peak_mb, output.read())


class _Family:
    """A process with its descendants, and the most memory seen of them together."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._root = psutil.Process(pid)

    def sample(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            members = [self._root, *self._root.children(recursive=True)]
            self.peak_mb = max(self.peak_mb, sum(map(memory_mb, members)))


@contextmanager
def _watched(*pids: int) -> Iterator[list[_Family]]:
    """Note the peak memory of these processes and their descendants while the block lasts."""
    families = [_Family(pid) for pid in pids]
    over = threading.Event()

    def watch() -> None:
        wait = 0.0
        while not over.wait(wait):
            began = time.perf_counter()
            for family in families:
                family.sample()
            # Looking takes longer where there is much memory; it must not take the machine from what is measured.
            wait = max(SAMPLE_SECONDS, 10 * (time.perf_counter() - began))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield families
    finally:
        over.set()
        thread.join()


def memory_mb(process: psutil.Process) -> float:
    """A process's memory in MB; nothing for one that has just ended."""
    try:
        found = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
    return float(getattr(found, "pss", found.uss)) / MEGABYTE
