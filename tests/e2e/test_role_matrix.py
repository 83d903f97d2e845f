"""Every role times every table and view of every schema, partitions too: what each may do, against what it can do.

The small table below is what docs/roles.md says. It is compared with Postgres's own word and with real attempts.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pyarrow import parquet

from orchestration.core.dbt import build_arguments, invoke, load_manifest, parsed_project
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, open_database
from orchestration.core.roles import Role, domains, hidden_from_analysts
from orchestration.core.settings import Settings
from orchestration.definitions import dbt_variables
from tests.conftest import Command

PRIVILEGES = ("select", "insert", "update", "delete", "truncate")
ALL, READ = frozenset(PRIVILEGES), frozenset({"select"})

# By the schema's layer; who is not named may do nothing.
EXPECTED: dict[str, dict[Role, frozenset[str]]] = {
    "raw": {Role.LOADER: ALL, Role.TRANSFORMER: READ},
    "staging": {Role.TRANSFORMER: ALL},
    "marts": {Role.TRANSFORMER: ALL, Role.ANALYST: READ, Role.PUBLISHER: READ},
    # Analysts read all but the columns tagged as personal, so neither the whole row nor the table as such.
    "marts, with a sensitive column": {Role.TRANSFORMER: ALL, Role.PUBLISHER: READ},
    # A mart's readers read it by its name, never by its partitions'.
    "marts, partitions": {Role.TRANSFORMER: ALL},
    "ml": {Role.TRANSFORMER: ALL, Role.ANALYST: READ},
    "platform": dict.fromkeys((Role.LOADER, Role.TRANSFORMER, Role.PUBLISHER, Role.AUDITOR), READ),
    "platform.audit_log": {Role.AUDITOR: READ},
    "dagster": {},
}
OWNERS = {"raw": Role.LOADER, "staging": Role.TRANSFORMER, "marts": Role.TRANSFORMER, "ml": Role.TRANSFORMER}

WITH_A_SENSITIVE_COLUMN = {"attendance_marts.fct_student_days"}

Relation = tuple[str, str, str, bool]


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    command = new_command("matrix")
    # The command makes a key of its own, as it does for somebody who sets nothing.
    del command.environment["QUARTERDECK_PSEUDONYM_KEY"]
    command("run", "--domain", "student_performance", "--source", "sample", QUARTERDECK_SAMPLE_QUARTERS="2")
    command(
        "run", "--domain", "attendance", "--source", "sample", "--quarter", "2026Q3", QUARTERDECK_SAMPLE_QUARTERS="1"
    )
    return command


@pytest.fixture(scope="module")
def loaded(command: Command) -> Database:
    return open_database(Settings(home=command.home))


@pytest.fixture(scope="module")
def relations(loaded: Database) -> list[Relation]:
    """Schema, name, kind of everything with rows outside of Postgres's own schemas; whether it is a partition."""
    with loaded.connect() as connection:
        found = connection.execute(
            """
            select nspname, relname, relkind::text, relispartition
            from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
            where relkind in ('r', 'p', 'v', 'm', 'f') and nspname <> 'information_schema' and nspname not like 'pg\\_%'
            order by 1, 2
            """
        ).fetchall()
    assert len(found) > 60
    assert sum(is_partition for *_, is_partition in found) > 10
    return found


def rule_of(relation: Relation) -> str:
    schema, name, _, is_partition = relation
    if schema in ("platform", "dagster"):
        return "platform.audit_log" if name == "audit_log" else schema
    domain, _, layer = schema.rpartition("_")
    assert domain in domains(), f"{schema} is in no rule"
    if f"{schema}.{name}" in WITH_A_SENSITIVE_COLUMN:
        return "marts, with a sensitive column"
    return "marts, partitions" if layer == "marts" and is_partition else layer


def privileges_by_word(connection: psycopg.Connection, role: str, relation: Relation) -> frozenset[str]:
    """What Postgres says: the role needs the schema too."""
    schema, name, *_ = relation
    row = connection.execute(
        """
        select array(
            select privilege from unnest(%s::text[]) as privilege
            where has_schema_privilege(%s, %s, 'usage') and has_table_privilege(%s, %s, privilege)
        )
        """,
        (list(PRIVILEGES), role, schema, role, f'"{schema}"."{name}"'),
    ).fetchone()
    assert row is not None
    return frozenset(row[0])


def privileges_by_trial(connection: psycopg.Connection, relation: Relation, column: str) -> frozenset[str]:
    """What works, each tried and taken back. An error of another kind comes after the question whether it is allowed."""
    schema, name, kind, _ = relation
    table = sql.Identifier(schema, name)
    attempts = {
        "select": sql.SQL("select * from {} limit 1").format(table),
        "insert": sql.SQL("insert into {} default values").format(table),
        "update": sql.SQL("update {} set {} = null where false").format(table, sql.Identifier(column)),
        "delete": sql.SQL("delete from {} where false").format(table),
        "truncate": sql.SQL("truncate {}").format(table),
    }
    allowed = set()
    for privilege, attempt in attempts.items():
        # Nobody writes through a view of several tables, whatever its privileges.
        if kind == "v" and privilege != "select":
            continue
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(attempt)
            allowed.add(privilege)
        except psycopg.errors.InsufficientPrivilege:
            pass
        except psycopg.Error:
            allowed.add(privilege)
    return frozenset(allowed)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_is_declared_and_nothing_else(
    loaded: Database, relations: list[Relation], role: Role
) -> None:
    different: list[str] = []
    shown: dict[str, list[Any]] = {}
    with loaded.connect() as owner, loaded.as_role(role).connect() as connection:
        connection.execute("set lock_timeout = '10s'")
        for relation in relations:
            schema, name, kind, _ = relation
            column = owner.execute(
                # Writing to a column that Postgres itself fills is refused before anybody's rights are looked at.
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attidentity = '' "
                "and not attisdropped order by attnum limit 1",
                (f'"{schema}"."{name}"',),
            ).fetchone()
            assert column is not None
            rule = rule_of(relation)
            expected = EXPECTED[rule].get(role, frozenset())
            said = privileges_by_word(connection, connection.info.user, relation)
            tried = privileges_by_trial(connection, relation, column[0])
            if said != expected or tried != (expected & READ if kind == "v" else expected):
                different.append(
                    f"{schema}.{name}: {sorted(expected)} declared, {sorted(said)} said, {sorted(tried)} tried"
                )
            shown.setdefault(rule, [0, said])[0] += 1
    print(f"\n{role}")
    for rule, (count, said) in sorted(shown.items()):
        print(f"  {rule:20} {count:3} relations  {' '.join(name for name in PRIVILEGES if name in said) or '-'}")
    assert different == []


def test_every_table_belongs_to_the_role_that_writes_its_layer(loaded: Database, relations: list[Relation]) -> None:
    with loaded.connect() as connection:
        owners = {
            (schema, name): owner
            for schema, name, owner in connection.execute(
                """
                select nspname, relname, pg_get_userbyid(relowner)
                from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
                """
            )
        }
    found = {f"{schema}.{name}": owners[schema, name] for schema, name, *_ in relations if "_" in schema}
    assert found == {name: f"quarterdeck_{OWNERS[name.split('.')[0].rpartition('_')[2]]}" for name in found}


@pytest.mark.parametrize("role", list(Role))
def test_no_role_makes_schemas_or_acts_as_another(loaded: Database, role: Role) -> None:
    with loaded.as_role(role).connect() as connection:
        others = [f"quarterdeck_{other}" for other in Role if other != role]
        for attempt in (
            "create schema mine",
            "create table public.mine (i int)",
            *(f"set role {name}" for name in [*others, "postgres"]),
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(attempt.encode())


def test_analysts_follow_students_by_pseudonyms_and_no_table_holds_an_id_or_the_key(
    command: Command, loaded: Database, relations: list[Relation]
) -> None:
    """The samples' students have ids of their own: S and eight digits, and A-001."""
    with loaded.as_role(Role.ANALYST).connect() as connection:
        ids = connection.execute(
            "select count(distinct student_id), count(*) filter (where student_id !~ '^[0-9a-f]{32}$') "
            "from student_performance_marts.fct_exam_results where has_own_id"
        ).fetchone()
        followed = connection.execute(
            "select count(*) from student_performance_marts.fct_segment_moves where move in ('stayed', 'moved')"
        ).fetchone()
    assert ids is not None
    assert followed is not None
    assert ids[0] > 1000
    assert ids[1] == 0
    assert followed[0] > 500
    key = (command.home / "pseudonym.key").read_text().strip()
    with loaded.connect() as connection:
        for schema, name, *_ in relations:
            row = connection.execute(
                sql.SQL(
                    "select count(*) from {} as line where line::text ~ '(S[0-9]{{8}}|[^0-9a-zA-Z][ABC]-0[0-9]{{2}}[^0-9])' "
                    "or strpos(line::text, {}) > 0"
                ).format(sql.Identifier(schema, name), sql.Literal(key))
            ).fetchone()
            assert row == (0,), f"{schema}.{name}"


@pytest.fixture
def tagged(command: Command, loaded: Database) -> Iterator[Database]:
    """The marts with a column of rpt_quarters tagged as sensitive, as its yml would."""
    settings = Settings(home=command.home)
    variables = dbt_variables(settings)

    def build(manifest: object) -> None:
        arguments = build_arguments([Quarter.parse("2026Q4")], variables, ["run", "--select", "rpt_quarters"])
        result = invoke(settings, loaded, "roles", arguments, manifest=manifest)
        assert result.success, result.exception

    manifest = parsed_project(settings, variables).manifest
    changed = deepcopy(manifest)
    changed.nodes["model.quarterdeck.rpt_quarters"].columns["source"].config.meta["personal"] = "sensitive"
    build(changed)
    yield loaded
    build(manifest)


def test_a_column_tagged_as_personal_is_kept_from_analysts(tagged: Database) -> None:
    with tagged.as_role(Role.ANALYST).connect() as connection:
        assert connection.execute("select quarter from student_performance_marts.rpt_quarters").fetchall()
        for query in ("select source from {}", "select * from {}", "select quarters from {} as quarters"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(query.format("student_performance_marts.rpt_quarters").encode())
    with tagged.as_role(Role.PUBLISHER).connect() as connection:
        assert connection.execute("select source from student_performance_marts.rpt_quarters").fetchall()


def test_no_column_tagged_as_personal_can_be_selected_by_an_analyst(command: Command, loaded: Database) -> None:
    settings = Settings(home=command.home)
    manifest = load_manifest(settings, dbt_variables(settings))
    tagged = [
        (f"{node['schema']}.{node.get('identifier') or node['name']}", column)
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        for column in hidden_from_analysts(node)
    ]
    assert tagged
    with loaded.connect() as connection:
        found = [
            (relation, column)
            for relation, column in tagged
            if connection.execute(
                """
                select has_schema_privilege('quarterdeck_analyst', split_part(%s, '.', 1), 'usage')
                    and has_column_privilege('quarterdeck_analyst', %s, %s, 'select')
                """,
                (relation, relation, column),
            ).fetchone()
            == (True,)
        ]
    assert found == []


def test_every_use_of_the_command_is_in_the_audit_table(command: Command) -> None:
    command("sql", "select quarter from student_performance_marts.rpt_quarters")
    refused = command("sql", "select * from student_performance_raw.exam_results", check=False)
    assert refused.returncode == 1
    assert "An analyst may not do this: permission denied for schema student_performance_raw" in refused.stderr
    command("status")
    command("reset", "--quarter", "2019Q1", "--yes")
    entries = command.rows(
        "select command, role, row_count, arguments, outcome from platform.audit_log order by entry_number"
    )
    assert entries[0]["command"] == "run"
    assert [(entry["command"], entry["role"], entry["row_count"]) for entry in entries[-4:]] == [
        ("sql", "analyst", 2),
        ("sql", "analyst", None),
        ("status", "login", None),
        ("reset", "login", None),
    ]
    assert entries[-4]["arguments"] == ["sql", "select quarter from student_performance_marts.rpt_quarters"]
    assert str(entries[-3]["outcome"]).startswith("failed: An analyst may not do this")
    listed = command("audit", "--limit", "2").stdout
    assert "reset" in listed
    assert "select quarter" not in listed
    assert "each following from the one before" in command("audit", "verify").stdout


def test_a_changed_audit_entry_is_found_by_the_command(command: Command, loaded: Database) -> None:
    with loaded.connect() as connection:
        connection.execute("alter table platform.audit_log disable trigger user")
        connection.execute("update platform.audit_log set os_user = 'somebody else' where entry_number = 1")
        connection.execute("alter table platform.audit_log enable trigger user")
    result = command("audit", "verify", check=False)
    assert result.returncode == 1
    assert "tampered with: 1 entries do not follow from the ones before (1)" in result.stderr


def test_the_published_downloads_need_no_database(command: Command, tmp_path: Path) -> None:
    away = Command(tmp_path / "home")
    away.environment["QUARTERDECK_SITE_DIR"] = str(command.home / "site")
    away("sql", "select * from quarters", "--published", "--out", str(tmp_path / "q.parquet"))
    assert parquet.read_table(tmp_path / "q.parquet")["quarter"].to_pylist() == ["2026Q3", "2026Q4"]
    assert not (away.home / "postgres").exists()
