"""Are two engines' tables the same? Every row of every model, exactly; floating-point columns within a stated tolerance."""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg import sql
from pyarrow import csv

from orchestration.core.postgres import Database
from orchestration.core.spark import Spark

TOLERANCE = 1e-9  # relative, for columns of floating-point numbers alone
# When a file was received differs between two homes, whatever the engine.
LEFT_OUT = {"received_at"}
TYPES = {
    "text": ("string", pa.string()),
    "smallint": ("smallint", pa.int16()),
    "integer": ("int", pa.int32()),
    "bigint": ("bigint", pa.int64()),
    "boolean": ("boolean", pa.bool_()),
    "date": ("date", pa.date32()),
    "double precision": ("double", pa.float64()),
    "numeric": ("decimal", pa.decimal128(38, 12)),
    "integer[]": ("array<int>", pa.string()),
    "timestamp with time zone": ("timestamp", pa.timestamp("us", tz="UTC")),
}


@dataclass(frozen=True)
class Comparison:
    """One model's outcome: rows in each engine, and the difference in words, empty where there is none."""

    name: str
    postgres_rows: int
    spark_rows: int
    difference: str


def compare(name: str, postgres: pa.Table, spark: pa.Table) -> Comparison:
    """Compare two tables of the same columns, whatever the order of their rows."""
    counts = (postgres.num_rows, spark.num_rows)
    if postgres.schema != spark.schema:
        return Comparison(name, *counts, f"columns differ: {postgres.schema} and {spark.schema}")
    if counts[0] != counts[1]:
        return Comparison(name, *counts, "numbers of rows differ")
    floats = [field.name for field in postgres.schema if pa.types.is_floating(field.type)]
    exact = [field.name for field in postgres.schema if field.name not in floats]
    order = [(column, "ascending") for column in [*exact, *floats]]
    postgres, spark = postgres.sort_by(order), spark.sort_by(order)
    for column in exact:
        same = pc.fill_null(pc.equal(postgres[column], spark[column]), False)
        both_null = pc.and_(pc.is_null(postgres[column]), pc.is_null(spark[column]))
        wrong = pc.indices_nonzero(pc.invert(pc.or_(same, both_null)))
        if len(wrong):
            at = wrong[0].as_py()
            rows = [table.slice(at, 1).to_pylist()[0] for table in (postgres, spark)]
            return Comparison(name, *counts, f"{column} differs in {len(wrong)} rows, first in {rows[0]} and {rows[1]}")
    for column in floats:
        values = [table[column].to_numpy().astype(float) for table in (postgres, spark)]
        if not np.allclose(*values, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return Comparison(name, *counts, f"{column} differs by more than {TOLERANCE}")
    return Comparison(name, *counts, "")


def from_postgres(database: Database, relation: str) -> pa.Table:
    """A whole table of Postgres, its columns by name."""
    schema, name = relation.split(".")
    with database.connect() as connection:
        types: dict[str, str] = dict(
            connection.execute(
                """
                select attname, format_type(atttypid, null) from pg_attribute
                where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attname collate "C"
                """,
                (relation,),
            ).fetchall()
        )
        if not types:
            raise LookupError(f"Postgres has no table {relation}.")
        types = {column: kind for column, kind in types.items() if column not in LEFT_OUT}
        forms = {"integer[]": "array_to_string({}, ',')", "timestamp with time zone": "{} at time zone 'UTC'"}
        columns = sql.SQL(", ").join(
            sql.SQL(forms.get(kind, "{}")).format(sql.Identifier(column)) for column, kind in types.items()
        )
        statement = sql.SQL("copy (select {} from {}) to stdout (format csv, force_quote *)").format(
            columns, sql.Identifier(schema, name)
        )
        with connection.cursor().copy(statement) as copy:
            lines = b"".join(bytes(part) for part in copy)
    fields = {column: TYPES[kind][1] for column, kind in types.items()}
    if not lines:
        return pa.schema(fields).empty_table()
    return csv.read_csv(
        io.BytesIO(lines),
        csv.ReadOptions(column_names=list(fields)),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=fields, true_values=["t"], false_values=["f"], null_values=[""], strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip


def from_spark(spark: Spark, relation: str, folder: str) -> pa.Table:
    """A whole table of Spark, its columns by name, by way of Parquet files in `folder`."""
    columns = {column: kind for column, kind in sorted(spark.columns(relation).items()) if column not in LEFT_OUT}
    if not columns:
        raise LookupError(f"Spark has no table {relation}.")
    spark.rows(f"insert overwrite directory '{folder}' using parquet select {', '.join(columns)} from {relation}")
    table = pq.read_table(folder.removeprefix("file://"))
    return pa.table({column: _as_compared(table[column], kind) for column, kind in columns.items()})


def _as_compared(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if kind.startswith("array"):
        return pc.binary_join(values.cast(pa.list_(pa.string())), ",")
    family = kind.split("(")[0]
    return values.cast(next(arrow for spark, arrow in TYPES.values() if spark == family))
