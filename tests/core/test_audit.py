"""The audit table: entries are added by whoever works, changed by nobody, and a change by the owner is found."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orchestration.core.audit import Access, broken_entries, latest_entries, without_secrets
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.roles import Role
from orchestration.core.settings import Settings


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    settings = Settings(home=tmp_path_factory.mktemp("audited"))
    database = open_database(settings)
    for number in range(1, 6):
        access = Access("sql", [f"select {number}", "--limit", "3"], role="analyst", rows=number)
        access.record("succeeded")
        access.record("succeeded")  # one entry a use of the command
    yield database
    remove_embedded(settings)


def test_an_entry_says_who_did_what(audited: Database) -> None:
    entry = latest_entries(audited, 1)[0]
    assert (entry.entry_number, entry.role, entry.command, entry.row_count) == (5, "analyst", "sql", 5)
    assert entry.arguments == ["select 5", "--limit", "3"]
    assert entry.os_user
    assert entry.host


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize(
    "change",
    [
        "update platform.audit_log set outcome = 'nothing'",
        "delete from platform.audit_log",
        "truncate platform.audit_log",
    ],
)
def test_nobody_changes_an_entry(audited: Database, role: Role | None, change: str) -> None:
    database = audited.as_role(role) if role else audited
    with database.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change)


@pytest.mark.parametrize("role", list(Role))
def test_no_role_writes_an_entry_by_hand_or_hides_its_login(audited: Database, role: Role) -> None:
    with audited.as_role(role).connect() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(
                "insert into platform.audit_log values (6, now(), '', '', '', '', '', '{}', 0, '', '', '')"
            )
        connection.execute("select platform.record_access('somebody', 'else', 'auditor', 'sql', '{}', 0, 'succeeded')")
        connection.rollback()


def test_the_login_is_the_connections_own(audited: Database) -> None:
    with audited.as_role(Role.ANALYST).connect() as connection:
        connection.execute("select platform.record_access('somebody', 'else', 'auditor', 'sql', '{}', 0, 'succeeded')")
    with audited.connect() as connection:
        row = connection.execute("select login from platform.audit_log order by entry_number desc limit 1").fetchone()
    assert row == ("quarterdeck_analyst",)
    assert broken_entries(audited) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("update platform.audit_log set row_count = 4000 where entry_number = 3", [3]),
        (
            "update platform.audit_log set recorded_at = recorded_at + interval '1 microsecond' where entry_number = 2",
            [2],
        ),
        ("delete from platform.audit_log where entry_number = 2", [3]),
        ("delete from platform.audit_log where entry_number = 1", [2]),
        # Even where the changed entry's own hash was mended.
        (
            """
            update platform.audit_log set os_user = 'somebody' where entry_number = 3;
            update platform.audit_log set entry_hash = platform.audit_hash(audit_log) where entry_number = 3
            """,
            [4],
        ),
    ],
)
def test_what_the_owner_changes_is_found(audited: Database, change: str, found: list[int]) -> None:
    assert broken_entries(audited) == []
    with audited.connect() as connection:
        before = connection.execute("select * from platform.audit_log").fetchall()
        connection.execute("alter table platform.audit_log disable trigger user")
        connection.execute(change.encode())
    assert broken_entries(audited) == found
    with audited.connect() as connection:
        connection.execute("delete from platform.audit_log")
        values = ", ".join(["%s"] * len(before[0]))
        connection.cursor().executemany(f"insert into platform.audit_log values ({values})", before)
        connection.execute("alter table platform.audit_log enable trigger user")


def test_the_time_zone_of_a_reader_makes_no_difference(audited: Database) -> None:
    with audited.connect() as connection:
        connection.execute("alter database quarterdeck set timezone = 'Asia/Kolkata'")
    assert broken_entries(audited) == []
    with audited.connect() as connection:
        connection.execute("alter database quarterdeck reset timezone")


def test_entries_at_the_same_time_form_one_chain(audited: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def add(_number: int) -> None:
        with audited.connect() as connection:
            connection.execute("select platform.record_access('a', 'b', 'login', 'run', '{}', null, 'succeeded')")

    before = latest_entries(audited, 1)[0].entry_number
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert latest_entries(audited, 1)[0].entry_number == before + 40
    assert broken_entries(audited) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/key.csv", "s3://bucket/key.csv"),
        ("postgresql://office:pass@host/db", "postgresql://***@host/db"),
        ("https://user@host/x", "https://***@host/x"),
        ("host=x password=abc user=y", "host=x password=*** user=y"),
        ("https://host/x?token=abc", "https://host/x?token=***"),
        ("select 'a@b'", "select 'a@b'"),
    ],
)
def test_secrets_are_left_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_a_process_without_a_database_leaves_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    open_database(settings)
    remove_embedded(settings)
    Access("reset", []).record("succeeded")
    assert not (tmp_path / "postgres").exists()
