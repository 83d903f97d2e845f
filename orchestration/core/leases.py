"""Leases on quarters, with fencing: a run that was thought dead cannot write after its successor began.

A run takes its quarters' leases before it reads anything, and keeps them through all its stages. Three things hold it:

- A thread renews the lease while the process lives. Past `expires_at` another run may take it over.
- The thread's session holds an advisory lock, which Postgres frees the moment that the process is gone: after a kill the next
  run need not wait for the lease to expire.
- Every transaction that makes something visible ends with `require`, which asks whether the run's token is still the quarters'
  own. Clocks and locks only decide when to take over; that no two runs write is decided by the token alone.

Fencing tokens: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
"""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.processes import process_name

LOST = "QD001"  # the SQLSTATE that platform.require_lease raises
TOKEN_VARIABLE = "QUARTERDECK_LEASE"  # noqa: S105 - a number, no secret
# Of the two numbers of an advisory lock; the other one is the token.
_LOCK_CLASS = 0x51444C53


COMMAND, ONE_STAGE = "`quarterdeck run`", "a part of the job that a person started"
_STARTERS = {
    "dagster/schedule_name": "the schedule {}",
    "dagster/sensor_name": "the sensor {}",
    "dagster/backfill": "the backfill {}",
    "quarterdeck/started_by": "{}",
}


class LeaseLostError(QuarterdeckError):
    """Another run has taken this run's quarters over."""


class LeaseTakenError(QuarterdeckError):
    """Another run works on one of the quarters."""


@dataclass
class _Lease:
    database: Database
    domain: str
    quarters: list[str]
    run_id: str
    seconds: float
    token: int
    session: psycopg.Connection
    released: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


_held: list[_Lease] = []


def starter(tags: Mapping[str, str]) -> str:
    """What started a run, in words, by its tags."""
    return next((words.format(tags[tag]) for tag, words in _STARTERS.items() if tag in tags), "the Dagster UI")


def take(
    database: Database,
    domain: str,
    quarters: Sequence[Quarter],
    run_id: str,
    started_by: str,
    *,
    lease_seconds: float,
    wait_seconds: float,
) -> None:
    """Take the leases of the quarters for this process's run, all or none; nothing where the run has them.

    Args:
        started_by: what started the run, in words, for whoever comes second.
        lease_seconds: how long after its last sign of life the run may be taken for dead.
        wait_seconds: how long to wait for another run to end.

    Raises:
        LeaseTakenError: another run works on one of the quarters, and has not ended in that time.
    """
    if any((lease.run_id, lease.domain) == (run_id, domain) for lease in _held):
        return
    labels = sorted(str(quarter) for quarter in quarters)
    deadline = time.monotonic() + wait_seconds
    while True:
        session = _session(database)
        try:
            token = _try_to_take(session, domain, labels, run_id, started_by, lease_seconds)
            break
        except LeaseTakenError:
            session.close()
            if time.monotonic() >= deadline:
                raise
        except BaseException:
            session.close()
            raise
        time.sleep(0.5)
    lease = _Lease(database, domain, labels, run_id, lease_seconds, token, session)
    lease.thread = threading.Thread(target=_renew, args=(lease,), daemon=True)
    _held.append(lease)
    os.environ[TOKEN_VARIABLE] = f"{token}, {len(labels)}"
    lease.thread.start()


def release() -> None:
    """Let go of this process's leases, at the end of its run."""
    os.environ.pop(TOKEN_VARIABLE, None)
    while _held:
        lease = _held.pop()
        lease.released.set()
        if lease.thread:
            lease.thread.join()
        # A database that is gone has let go of them by itself.
        with suppress(psycopg.Error), lease.session:
            lease.session.execute(
                "update platform.stage_leases set released_at = clock_timestamp() where token = %s", (lease.token,)
            )


def require(connection: psycopg.Connection) -> None:
    """The last statement of a transaction that makes something visible. Code outside a run holds no lease, and needs none.

    Raises:
        LeaseLostError: another run has taken this one's quarters over; the transaction is not committed.
    """
    for lease in _held:
        try:
            connection.execute("select platform.require_lease(%s, %s)", (lease.token, len(lease.quarters)))
        except psycopg.Error as error:
            if error.sqlstate != LOST:
                raise
            raise LeaseLostError(str(error).splitlines()[0]) from None


@contextmanager
def writing(database: Database) -> Iterator[psycopg.Connection]:
    """A connection for one transaction that makes something visible: refused if the run's quarters were taken over.

    Raises:
        LeaseLostError: another run has taken this one's quarters over; nothing was written.
    """
    with database.connect() as connection:
        yield connection
        require(connection)


def confirm(database: Database) -> None:
    """Ask the same where there is nothing to write, before what stands is called this run's own.

    Raises:
        LeaseLostError: another run has taken this one's quarters over.
    """
    with writing(database):
        pass


def _session(database: Database) -> psycopg.Connection:
    return psycopg.connect(database.conninfo, autocommit=True, application_name=f"quarterdeck lease {process_name()}")


def _try_to_take(
    session: psycopg.Connection, domain: str, quarters: list[str], run_id: str, started_by: str, seconds: float
) -> int:
    with session.transaction():
        # Takers take turns, so that two cannot each have half of the quarters.
        session.execute("select pg_advisory_xact_lock(%s, 0)", (_LOCK_CLASS,))
        others = session.execute(
            """
            select
                quarter, run_id, started_by, host, process_id, taken_at, sessions,
                expires_at > clock_timestamp() and not pg_try_advisory_xact_lock(%s, token::integer)
            from platform.stage_leases where domain = %s and quarter = any(%s) and released_at is null order by quarter
            """,
            (_LOCK_CLASS, domain, quarters),
        ).fetchall()
        for quarter, its_run, its_starter, host, process, since, _, is_alive in others:
            if is_alive:
                raise LeaseTakenError(
                    f"{quarter} of {domain} is already running, since {since:%Y-%m-%d %H:%M:%S %Z}, by {its_starter} "
                    f"(process {process} on {host}, run {its_run[:8]}). Nothing was changed; wait until it has ended."
                )
        # Of a process that only sleeps, sessions would hold their locks for ever.
        for sessions in {row[6] for row in others} - {process_name()}:
            session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s",
                (f"%{sessions}",),
            )
        [token] = session.execute("select nextval('platform.lease_tokens')").fetchone() or (0,)
        session.execute("select pg_advisory_lock(%s, %s)", (_LOCK_CLASS, token))
        session.execute(
            """
            insert into platform.stage_leases
                (domain, quarter, token, run_id, started_by, host, process_id, sessions, taken_at, renewed_at, expires_at)
            select
                %(domain)s, quarter, %(token)s, %(run_id)s, %(started_by)s, %(host)s, %(process_id)s, %(sessions)s,
                clock_timestamp(), clock_timestamp(), clock_timestamp() + %(seconds)s * interval '1 second'
            from unnest(%(quarters)s::text[]) as quarter
            on conflict (domain, quarter) do update set
                token = excluded.token, run_id = excluded.run_id, started_by = excluded.started_by, host = excluded.host,
                process_id = excluded.process_id, sessions = excluded.sessions, taken_at = excluded.taken_at,
                renewed_at = excluded.renewed_at, expires_at = excluded.expires_at, released_at = null
            """,
            {
                "domain": domain,
                "quarters": quarters,
                "token": token,
                "run_id": run_id,
                "started_by": started_by,
                "host": socket.gethostname(),
                "process_id": os.getpid(),
                "sessions": process_name(),
                "seconds": seconds,
            },
        )
    return int(token)


def _renew(lease: _Lease) -> None:
    """Show signs of life until the lease is released or lost; after a lost connection, on a new one."""
    statement: Any = """
        update platform.stage_leases
        set renewed_at = clock_timestamp(), expires_at = clock_timestamp() + %s * interval '1 second' where token = %s
    """
    while not lease.released.wait(lease.seconds / 4):
        try:
            if lease.session.closed:
                lease.session = _session(lease.database)
                lease.session.execute("select pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, lease.token))
            if lease.session.execute(statement, (lease.seconds, lease.token)).rowcount == 0:
                return
        except psycopg.Error:
            lease.session.close()
