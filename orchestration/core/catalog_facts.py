"""Read what the catalog is made from: the database's tables, Dagster's assets and check outcomes, the platform's records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from orchestration.core.catalog import Asset, Column, Facts, Relation
from orchestration.core.catalog_lineage import kept_lineage
from orchestration.core.dbt import target_dir
from orchestration.core.postgres import Database
from orchestration.core.profile_store import deliveries
from orchestration.core.reset import own_schemas
from orchestration.core.settings import Settings

# A partitioned table has its rows and bytes in its partitions. -1 rows: so new or small that nobody estimated them yet.
RELATIONS = """
    select nspname, relname, relkind, coalesce(obj_description(pg_class.oid, 'pg_class'), ''),
        (
            select sum(nullif(part.reltuples, -1))::bigint from pg_class as part
            where part.relkind = 'r' and part.oid in (select pg_class.oid union select relid from pg_partition_tree(pg_class.oid))
        ),
        (
            select sum(pg_total_relation_size(part))::bigint
            from (select pg_class.oid as part union select relid from pg_partition_tree(pg_class.oid)) as parts
        ),
        (
            select array_agg(
                array[attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')] order by attnum
            ) from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped
        )
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = any(%s) and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition
    order by 1, 2
"""
KINDS = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}
OUTCOMES = {"SUCCEEDED": "passed", "FAILED": "failed", "EXECUTION_FAILED": "failed"}

# Of each stage, the newest quarter for which it has succeeded.
STAGES = """
    select distinct on (domain, stage) domain, stage, quarter, finished_at, run_id
    from platform.stage_status where status = 'succeeded' order by domain, stage, quarter desc
"""


def read_facts(
    settings: Settings,
    database: Database,
    domains: Sequence[str],
    manifest: Mapping[str, Any],
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
) -> Facts:
    """Everything that the catalog is made from, as it is now; `instance` knows how checks ended."""
    assets = assets_of(definitions)
    with database.connect() as connection:
        found = relations(connection, domains)
        stages = {(row[0], row[1]): (row[2], row[3], row[4]) for row in connection.execute(STAGES).fetchall()}
        files = {
            row[0]: (row[1], int(row[2]))
            for row in connection.execute(
                "select domain, count(*), sum(bytes) from platform.landing_files group by domain"
            ).fetchall()
        }
        landing_columns = {
            asset.key: _columns_of_newest_file(connection, asset.key.split("/")[0])
            for asset in assets
            if asset.layer == "landing"
        }
    return Facts(
        manifest=manifest,
        relations=found,
        assets=assets,
        lineage=kept_lineage(target_dir(settings, "docs")),
        stages=stages,
        outcomes=outcomes(instance, assets),
        landing_columns=landing_columns,
        files=files,
    )


def relations(connection: psycopg.Connection, domains: Sequence[str]) -> list[Relation]:
    """The tables and views of the platform and these domains, as the database has them; partitions belong to their table."""
    schemas = [schema for schema in own_schemas(domains) if schema != "dagster"]
    found = []
    for schema, name, kind, comment, rows, size, columns in connection.execute(RELATIONS, (schemas,)).fetchall():
        is_view = kind in "vm"
        shape = [(column, type_, text) for column, type_, text in columns or ()]
        found.append(Relation(schema, name, KINDS[kind], rows, None if is_view else size, shape, comment))
    counted = _counts(connection, [one for one in found if one.kind == "table" and one.rows is None])
    return [replace(one, rows=counted.get((one.schema, one.name), one.rows)) for one in found]


def _counts(connection: psycopg.Connection, tables: Sequence[Relation]) -> dict[tuple[str, str], int]:
    """Rows of tables without an estimate, which are few."""
    counts = [
        sql.SQL("select {}, {}, count(*) from {}").format(one.schema, one.name, sql.Identifier(one.schema, one.name))
        for one in tables
    ]
    if not counts:
        return {}
    return {(row[0], row[1]): row[2] for row in connection.execute(sql.SQL(" union all ").join(counts)).fetchall()}


def assets_of(definitions: dg.Definitions) -> list[Asset]:
    """What Dagster knows of each asset that something makes."""
    graph = definitions.resolve_asset_graph()
    return [
        Asset(
            key.to_user_string(),
            graph.get(key).description or "",
            ", ".join(owner.removeprefix("team:").replace("_", " ").capitalize() for owner in graph.get(key).owners),
            graph.get(key).tags.get("layer", ""),
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            [(check.name, graph.get(check).description or "") for check in sorted(graph.get(key).check_keys, key=str)],
        )
        for key in sorted(graph.materializable_asset_keys)
    ]


def outcomes(instance: dg.DagsterInstance, assets: Sequence[Asset]) -> dict[tuple[str, str], tuple[str, datetime]]:
    """How each check ended last, and when, in one question to the run storage."""
    keys = [
        dg.AssetCheckKey(dg.AssetKey.from_user_string(asset.key), name) for asset in assets for name, _ in asset.checks
    ]
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {
        (key.asset_key.to_user_string(), key.name): (
            OUTCOMES.get(record.status.value, "not run"),
            datetime.fromtimestamp(record.create_timestamp, UTC),
        )
        for key, record in found.items()
    }


def _columns_of_newest_file(connection: psycopg.Connection, domain: str) -> list[Column]:
    profiled = deliveries(connection, domain)
    if not profiled:
        return []
    newest = max(profiled, key=lambda delivery: (delivery.quarter, delivery.received_at))
    return [
        Column(column.name, column.type, "", column.personal.personal, "likely")
        if column.personal
        else Column(column.name, column.type)
        for column in newest.profile.columns
    ]
