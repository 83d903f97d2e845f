"""Roles on a server of one's own: made by a login that may, used by one that was granted them, and said where there are none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from orchestration.core.audit import Access, latest_entries
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database, open_database
from orchestration.core.queries import ask_database
from orchestration.core.roles import Role, RoleUse, domains
from orchestration.core.settings import Settings
from tests.conftest import Command

Login = Callable[..., Settings]


@pytest.fixture
def new_login(database: Database, tmp_path: Path) -> Iterator[Login]:
    """Makes logins on the tests' server, and the settings of somebody who uses one by its URL."""
    made: list[str] = []

    def make(name: str, database_name: str, rights: str = "") -> Settings:
        server.execute(sql.SQL("create role {} login {}").format(sql.Identifier(name), sql.SQL(rights)))
        made.append(name)
        url = make_conninfo(database.conninfo, user=name, dbname=database_name)
        return Settings(home=tmp_path, database_url=SecretStr(url))

    with psycopg.connect(database.conninfo, autocommit=True) as server:
        server.execute("create database office")
        try:
            yield make
        finally:
            server.execute("drop database office with (force)")
            for name in [*(f"office_{role}" for role in Role), *made]:
                server.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


def own_database(database: Database, login: str) -> None:
    with psycopg.connect(database.conninfo, autocommit=True) as server:
        server.execute(sql.SQL("alter database office owner to {}").format(sql.Identifier(login)))


def test_a_login_that_may_create_roles_makes_them_and_becomes_them(database: Database, new_login: Login) -> None:
    settings = new_login("office", "office", "createrole")
    own_database(database, "office")
    opened = open_database(settings)
    assert opened.role_use is RoleUse.SET
    for role in Role:
        with opened.as_role(role).connect() as connection:
            row = connection.execute("select current_user, session_user").fetchone()
        assert row == (f"office_{role}", "office")
    environment = opened.as_role(Role.TRANSFORMER).dbt_environment()
    assert (environment["QUARTERDECK_DB_USER"], environment["QUARTERDECK_DB_ROLE"]) == (
        "office",
        '"office_transformer"',
    )


def test_a_person_with_a_login_of_their_own_is_an_analyst_and_nothing_else(
    database: Database, new_login: Login
) -> None:
    office, ana = new_login("office", "office", "createrole"), new_login("ana", "office")
    own_database(database, "office")
    opened = open_database(office)
    with opened.connect() as connection:
        connection.execute("grant office_analyst to ana")
        connection.execute("create table student_performance_raw.secrets as select 1 as secret")
    hers = open_database(ana)
    assert ask_database(hers, "select 1 as one", timeout_seconds=5, row_limit=5).rows == [(1,)]
    for attempt in (
        "select * from student_performance_raw.secrets",
        "select set_config('role', 'none', false), query_to_xml('table student_performance_raw.secrets', true, true, '')",
        "select set_config('role', 'office', false), query_to_xml('table student_performance_raw.secrets', true, true, '')",
    ):
        with pytest.raises(QuarterdeckError, match="An analyst may not do this: permission denied"):
            ask_database(hers, attempt, timeout_seconds=5, row_limit=5)
    with pytest.raises(QuarterdeckError, match=r"ana may not act as auditor.*grant office_auditor to the login"):
        latest_entries(hers, 1)
    Access("sql", ["select 1"], role="analyst", rows=1).record("succeeded")
    with opened.connect() as connection:
        assert connection.execute("select login, role from platform.audit_log").fetchall() == [("ana", "analyst")]


def test_where_roles_are_missing_work_goes_on_and_the_status_says_so(database: Database, new_login: Login) -> None:
    settings = new_login("plain", "office")
    own_database(database, "plain")
    opened = open_database(settings)
    assert opened.role_use is RoleUse.NONE
    assert opened.as_role(Role.ANALYST) is opened
    assert opened.as_role(Role.TRANSFORMER).dbt_environment()["QUARTERDECK_DB_ROLE"] == ""
    assert settings.database_url is not None
    said = Command(settings.home)("status", QUARTERDECK_DATABASE_URL=settings.database_url.get_secret_value())
    assert "Database roles are not enforced" in said.stdout


def test_roles_that_an_administrator_made_are_found(database: Database, new_login: Login) -> None:
    settings = new_login("plain", "office")
    own_database(database, "plain")
    assert open_database(settings).role_use is RoleUse.NONE
    with psycopg.connect(database.conninfo, autocommit=True) as server:
        for role in Role:
            server.execute(sql.SQL("create role {}").format(sql.Identifier(f"office_{role}")))
            server.execute(sql.SQL("grant {} to plain").format(sql.Identifier(f"office_{role}")))
    assert open_database(settings).role_use is RoleUse.SET


def test_a_database_that_is_prepared_is_not_prepared_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every start would pay for it: the stamp on the schema says what was done."""
    stamp = "select xmin, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'platform'"
    roles = "select xmin, oid from pg_authid order by oid"
    with database.connect() as connection:
        before = [connection.execute(query).fetchall() for query in (stamp, roles)]
    monkeypatch.setattr("orchestration.core.postgres._make_roles", lambda *_: pytest.fail("the roles were made again"))
    from orchestration.core.postgres import _prepare

    with database.connect() as connection:
        assert _prepare(connection, RoleUse.LOGIN) is RoleUse.LOGIN
        assert [connection.execute(query).fetchall() for query in (stamp, roles)] == before


def test_each_domain_has_its_schemas(database: Database) -> None:
    assert "student_performance" in domains()
    with database.connect() as connection:
        schemas = {row[0] for row in connection.execute("select nspname from pg_namespace")}
    assert {f"{domain}_{layer}" for domain in domains() for layer in ("raw", "staging", "marts", "ml")} <= schemas
