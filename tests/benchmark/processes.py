"""Runs a command as a process of its own and takes its time and memory.

Memory is the proportional set size (PSS) where the system tells it (Linux): a page shared by several processes, such as
Postgres's buffers, is divided among them, so that the sum over processes counts it once. Elsewhere it is the unique
set size, which leaves shared pages out.
"""

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1
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
        RuntimeError: the command failed; what it printed is in the message.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=output, stderr=errors)
        with _Watch(process.pid) as python, _Watch(postmaster_pid) as postgres:
            status = process.wait()
            seconds = time.perf_counter() - began
        output.seek(0)
        errors.seek(0)
        if status != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {status}.\n{output.read()}\n{errors.read()}")
        return Finished(seconds, python.peak_mb, postgres.peak_mb, output.read())


class _Watch:
    """Notes the highest memory of a process and its descendants while the block lasts."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.is_set():
            try:
                family = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak_mb = max(self.peak_mb, sum(map(memory_mb, family)))
            self._over.wait(SAMPLE_SECONDS)


def memory_mb(process: psutil.Process) -> float:
    """A process's memory in MB; nothing for one that has just ended."""
    try:
        found = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
    return float(getattr(found, "pss", found.uss)) / MEGABYTE
