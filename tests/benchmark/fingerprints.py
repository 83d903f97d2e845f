"""Which tables and rows of the domain were written again: every row's place and transaction, and every table's file."""

from collections import defaultdict

import psycopg
from psycopg import sql

SCHEMAS = "student_performance_%"
NO_QUARTER = "tables without quarters"
# A row that is written again has another place or another transaction, also where its content is the same.
ROWS_WRITTEN = "bit_xor(hashtextextended(tableoid::text || ctid::text || xmin::text, 0))"


def table_fingerprints(connection: psycopg.Connection) -> dict[str, tuple[object, ...]]:
    """By table (or partition): its file on disk, number of rows, and a hash of all rows' places and transactions."""
    found = {}
    for schema, table, file in connection.execute(
        """
        select nspname, relname, relfilenode from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relkind = 'r' and nspname like %s order by 1, 2
        """,
        (SCHEMAS,),
    ).fetchall():
        query = sql.SQL(f"select count(*), {ROWS_WRITTEN} from {{}}").format(sql.Identifier(schema, table))
        found[f"{schema}.{table}"] = (file, *(connection.execute(query).fetchone() or ()))
    return found


def quarter_fingerprints(connection: psycopg.Connection) -> dict[tuple[str, str], tuple[object, ...]]:
    """By quarter and table (all partitions as one): number of rows, and a hash of their places and transactions."""
    found = {}
    for schema, table, has_quarter in connection.execute(
        """
        select nspname, relname, exists (
            select 1 from pg_attribute where attrelid = pg_class.oid and attname = 'quarter' and not attisdropped
        )
        from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and not relispartition and nspname like %s order by 1, 2
        """,
        (SCHEMAS,),
    ).fetchall():
        quarter = sql.Identifier("quarter") if has_quarter else sql.Literal(NO_QUARTER)
        query = sql.SQL(f"select {{}}::text as written, count(*), {ROWS_WRITTEN} from {{}} group by written").format(
            quarter, sql.Identifier(schema, table)
        )
        for written, *rest in connection.execute(query).fetchall():
            found[written, f"{schema}.{table}"] = tuple(rest)
    return found


def changed_tables(
    before: dict[tuple[str, str], tuple[object, ...]], after: dict[tuple[str, str], tuple[object, ...]]
) -> dict[str, list[str]]:
    """By quarter, the tables that hold other rows of it than before."""
    changed = defaultdict(list)
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            changed[key[0]].append(key[1])
    return dict(changed)
