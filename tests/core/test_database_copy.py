"""Copies of the database while its tables change."""

from typing import Any

import pytest

from orchestration.core import database_copy
from orchestration.core.database_copy import DumpFailedError, dumped
from orchestration.core.postgres import Database


@pytest.mark.parametrize(
    "change",
    [
        "alter table copied.first add constraint c check (n > 0)",
        "create index on copied.first (n)",
        "create or replace view copied.seen as select n + 1 as n from copied.first",
        "drop view copied.seen",
        "alter table copied.quarters attach partition copied.first for values in (1)",
    ],
)
def test_a_copy_that_began_while_tables_changed_is_thrown_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with database.connect() as connection:
        connection.execute("drop schema if exists copied cascade; create schema copied")
        connection.execute("create table copied.first (n integer); insert into copied.first values (1)")
        connection.execute("create view copied.seen as select n from copied.first")
        connection.execute("create table copied.quarters (n integer) partition by list (n)")
    assert b"".join(dumped(database, ["copied"]))[:5] == b"PGDMP"
    started = database_copy._started

    def changed_first(*arguments: Any, **named: Any) -> Any:
        with database.connect() as connection:
            connection.execute(change)
        return started(*arguments, **named)

    monkeypatch.setattr(database_copy, "_started", changed_first)
    with pytest.raises(DumpFailedError, match="changed"):
        list(dumped(database, ["copied"]))
