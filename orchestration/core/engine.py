"""What the dbt models run on, and what the other engine must be told of it.

On Postgres nothing is to be done. On Spark, dbt finds there what Python has written to Postgres (clusters, accounts, files);
and everybody else (clustering, pages, people) finds in Postgres a copy of the marts under their own names, except of those
that have a row for each student.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pyarrow as pa
from psycopg import Connection, sql

from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.roles import Role, hidden_from_analysts, role_name
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import Spark, open_spark

# dbt's tag of models with a row for each student: they stay where they were built.
LARGE = "size:students"
# Types of the small tables that go from Postgres to Spark; text is what any other becomes.
ARROW_TYPES = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "double precision": pa.float64(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}
# Types of the marts that go from Spark to Postgres.
POSTGRES_TYPES = {
    "string": "text",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "boolean": "boolean",
    "date": "date",
    "double": "double precision",
    "timestamp": "timestamp with time zone",
    "array<int>": "integer[]",
}


@contextmanager
def model_rows(settings: Settings, database: Database) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """A function that runs a query where the models are; the query must be one that both engines understand."""
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            yield spark.rows
    else:
        with database.as_role(Role.TRANSFORMER).connect() as connection:
            yield lambda query: connection.execute(query.encode()).fetchall()


def model_exists(settings: Settings, database: Database, relation: str) -> bool:
    """Whether dbt has built this model, schema and name, where the models are."""
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            return bool(spark.columns(relation))
    with database.as_role(Role.TRANSFORMER).connect() as connection:
        row = connection.execute("select to_regclass(%s) is not null", (relation,)).fetchone()
    return row == (True,)


def bring_sources(settings: Settings, database: Database, manifest: Mapping[str, Any]) -> None:
    """Before a build: give Spark the small tables that Python writes; the raw lines are there already."""
    if settings.engine is not Engine.SPARK:
        return
    with database.as_role(Role.TRANSFORMER).connect() as connection, open_spark(settings) as spark:
        for source in manifest["sources"].values():
            if not source["schema"].endswith("_raw"):
                copy_to_spark(connection, spark, f"{source['schema']}.{source['identifier']}")


def serve_models(
    settings: Settings,
    database: Database,
    manifest: Mapping[str, Any],
    names: Collection[str],
    quarters: Sequence[Quarter],
) -> None:
    """After a build: replace the quarters' rows in Postgres's copies of these models, in one transaction.

    So are the rows of the quarter after each, since a model may compare it with the one built.
    """
    if settings.engine is not Engine.SPARK:
        return
    changed = sorted({str(quarter.plus(step)) for quarter in quarters for step in (0, 1)})
    database = database.as_role(Role.TRANSFORMER)
    with database.connect() as connection, open_spark(settings) as spark:
        for node in manifest["nodes"].values():
            if node["resource_type"] in ("model", "seed") and node["name"] in names and LARGE not in node["tags"]:
                copy_to_postgres(spark, connection, f"{node['schema']}.{node['name']}", changed)
                if database.role:
                    grant_to_readers(connection, node, database.parameters["dbname"])


def grant_to_readers(connection: Connection, node: Mapping[str, Any], database_name: str) -> None:
    """Let the roles of the model's `+grants` read its copy, as macros/grants.sql does where dbt builds in Postgres."""
    hidden = hidden_from_analysts(node)
    for reader in (node["config"].get("grants") or {}).get("select", []):
        shown = [name for name in node["columns"] if name not in hidden] if hidden and reader == Role.ANALYST else []
        connection.execute(
            sql.SQL("grant select {} on {} to {}").format(
                sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, shown))) if shown else sql.SQL(""),
                sql.Identifier(node["schema"], node["name"]),
                sql.Identifier(role_name(database_name, Role(reader))),
            )
        )


def copy_to_spark(connection: Connection, spark: Spark, relation: str) -> int:
    """Replace a small table of Spark by the table of the same name in Postgres; the number of rows."""
    schema, name = relation.split(".")
    types: dict[str, str] = dict(
        connection.execute(
            """
            select attname, format_type(atttypid, null) from pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
            """,
            (relation,),
        ).fetchall()
    )
    if not types:
        return 0
    fields = pa.schema([(column, ARROW_TYPES.get(kind, pa.string())) for column, kind in types.items()])
    read = sql.SQL(", ").join(
        sql.SQL("{}" if kind in ARROW_TYPES else "{}::text").format(sql.Identifier(column))
        for column, kind in types.items()
    )
    rows = connection.execute(sql.SQL("select {} from {}").format(read, sql.Identifier(schema, name))).fetchall()
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(fields)]
    spark.replace_table(relation, pa.Table.from_arrays(columns, schema=fields))
    return len(rows)


def copy_to_postgres(spark: Spark, connection: Connection, relation: str, quarters: Sequence[str]) -> int:
    """Replace the quarters' rows of a Postgres table by those of the table of the same name in Spark; the number of rows.

    A table without a quarter is replaced as a whole. The table is created with its first copy.
    """
    schema, name = relation.split(".")
    columns = spark.columns(relation)
    if not columns:
        return 0
    table = sql.Identifier(schema, name)
    connection.execute(
        sql.SQL("create table if not exists {} ({})").format(
            table,
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(_postgres_type(kind)))
                for column, kind in columns.items()
            ),
        )
    )
    chosen = ""
    if "quarter" in columns:
        labels = ", ".join(f"'{quarter}'" for quarter in quarters)
        chosen = f" where quarter in ({labels})"
        connection.execute(sql.SQL("delete from {} where quarter = any(%s)").format(table), (list(quarters),))
    else:
        connection.execute(sql.SQL("delete from {}").format(table))
    names = ", ".join(columns)
    rows = spark.rows(f"select {names} from {relation}{chosen}")  # noqa: S608 - names that Spark itself gave
    statement = sql.SQL("copy {} ({}) from stdin").format(table, sql.SQL(", ").join(map(sql.Identifier, columns)))
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row([_value(value, kind) for value, kind in zip(row, columns.values(), strict=True)])
    return len(rows)


def _postgres_type(kind: str) -> str:
    return "numeric" if kind.startswith("decimal") else POSTGRES_TYPES[kind]


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind.startswith("array"):
        return json.loads(value)
    if kind == "timestamp":
        return value.replace(tzinfo=UTC)
    return value
