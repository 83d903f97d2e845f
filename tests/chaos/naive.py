"""A status table as it is often written, for the exam to catch: nobody waits for a turn, and a swap is two transactions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from ml_assets.student_performance import tables
from orchestration.core import builds, leases, status
from orchestration.core.postgres import Database
from orchestration.student_performance import ingest


@contextmanager
def _writing(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        yield connection
        leases.require(connection)


def install() -> None:
    """Take leases, fences and whole swaps out of this process."""
    replace = tables._replace

    def in_two_transactions(
        connection: psycopg.Connection, table: str, quarter: Any, frame: Any, subjects: Sequence[Any]
    ) -> None:
        target = sql.Identifier(tables.SCHEMA, table)
        connection.execute(sql.SQL("delete from {} where quarter = %s").format(target), (str(quarter),))
        connection.commit()
        time.sleep(0.5)
        replace(connection, table, quarter, frame, subjects)

    setattr(leases, "take", lambda *_arguments, **_named: None)  # noqa: B010 - mypy takes no assignment to a function
    setattr(leases, "require", lambda _connection: None)  # noqa: B010
    setattr(tables, "_replace", in_two_transactions)  # noqa: B010
    for module in (tables, builds, status, ingest):
        setattr(module, "writing", _writing)  # noqa: B010
