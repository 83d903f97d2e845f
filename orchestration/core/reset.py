"""Forgetting data on purpose, on either engine: one quarter, or all schemas and files that Quarterdeck made."""

from collections.abc import Sequence

from psycopg import sql

from orchestration.core import leases
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import open_spark
from orchestration.core.storage import Storage

LAYERS = ("raw", "staging", "marts", "ml")


def own_schemas(domains: Sequence[str]) -> list[str]:
    """The schemas that Quarterdeck makes: `<domain>_<layer>` and the shared ones."""
    return ["platform", "platform_staging", "dagster", *(f"{domain}_{layer}" for domain in domains for layer in LAYERS)]


def forget_quarter(database: Database, settings: Settings, domains: Sequence[str], quarter: Quarter) -> None:
    """Drop the quarter's partitions and delete its rows from every other table that has a quarter; received files stay.

    In Postgres that is one transaction, and the last that is done: it also forgets that the quarter was ever built.

    Raises:
        LeaseTakenError: a run works on the quarter.
    """
    for domain in domains:
        starter = "`quarterdeck reset`"
        leases.take(database, domain, [quarter], starter, starter, lease_seconds=settings.lease_seconds, wait_seconds=0)
    try:
        _forget_quarter(database, settings, domains, quarter)
    finally:
        leases.release()


def _forget_quarter(database: Database, settings: Settings, domains: Sequence[str], quarter: Quarter) -> None:
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            spark.forget_quarter(own_schemas(domains), str(quarter))
    with database.connect() as connection:
        tables = connection.execute(
            """
            select schemas.nspname, tables.relname, tables.relispartition
            from pg_class as tables
            inner join pg_namespace as schemas on tables.relnamespace = schemas.oid
            inner join pg_attribute as columns on columns.attrelid = tables.oid and columns.attname = 'quarter'
            where tables.relkind = 'r' and schemas.nspname = any(%s) order by 1, 2
            """,
            (own_schemas(domains),),
        ).fetchall()
        for schema, table, is_partition in tables:
            name = sql.Identifier(schema, table)
            if not is_partition:
                connection.execute(sql.SQL("delete from {} where quarter = %s").format(name), (str(quarter),))
            elif table.endswith(f"_{quarter}".lower()):
                connection.execute(sql.SQL("drop table {}").format(name))


def drop_spark_schemas(settings: Settings, domains: Sequence[str]) -> None:
    """Drop every schema that Quarterdeck made in Spark with its files, and no other; nothing where Spark is not the engine."""
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            spark.drop_schemas(own_schemas(domains))


def drop_schemas(database: Database, domains: Sequence[str]) -> None:
    """Drop every schema that Quarterdeck made in Postgres, and no other."""
    with database.connect() as connection:
        for schema in own_schemas(domains):
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def forget_files(landing: Storage, domains: Sequence[str]) -> None:
    """Delete the domains' received and incoming files, and nothing else at the landing path or URL."""
    for domain in domains:
        landing.delete(domain)
