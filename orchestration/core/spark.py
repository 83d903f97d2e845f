"""A session of Spark, and the Parquet tables that Python writes for it.

Spark's tables are Parquet files below `QUARTERDECK_SPARK_WAREHOUSE`. A table, or a partition of one, is replaced by
writing a new folder and then switching to it by one statement, so that a reader sees the old rows or the new ones.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Engine, Settings

# Spark's types, by those of Arrow in the files that Python writes.
SPARK_TYPES = {
    pa.string(): "string",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.float64(): "double",
    pa.timestamp("us", tz="UTC"): "timestamp",
}


class Spark:
    """One session of Spark's thrift server, and the folder of its tables."""

    def __init__(self, cursor: Any, warehouse: str) -> None:
        self._cursor = cursor
        self._warehouse = warehouse.rstrip("/")

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement; its rows, none where it has no result.

        Raises:
            QuarterdeckError: Spark refuses it; its own first line is in the message.
        """
        from pyhive.exc import Error

        try:
            self._cursor.execute(statement)
            return list(self._cursor.fetchall())
        except Error as error:
            raise QuarterdeckError(f"Spark refused a statement. It says: {_first_line(error)}") from None

    def columns(self, relation: str) -> dict[str, str]:
        """Names and Spark types of a table's columns; empty where there is no such table."""
        schema, name = relation.split(".")
        if not self._has_schema(schema) or not self.rows(f"show tables in {schema} like '{name}'"):
            return {}
        columns: dict[str, str] = {}
        for column, kind, *_ in self.rows(f"describe {relation}"):
            if not column or column.startswith("#"):
                break
            columns[column] = kind
        return columns

    def replace_table(self, relation: str, table: pa.Table) -> None:
        """Replace a table as a whole."""
        folder, columns = self._new_folder(relation), spark_columns(table.schema)
        write_parquet(folder, table.schema, [table])
        present = self.columns(relation)
        if present != columns:
            if present:
                self.rows(f"drop table {relation}")
            self._create(relation, columns, folder)
            return
        old = self._location(relation)
        self.rows(f"alter table {relation} set location '{folder}'")
        self.rows(f"refresh table {relation}")
        delete_folder(old)

    def replace_partition(
        self, relation: str, keys: Mapping[str, str], schema: pa.Schema, tables: Iterable[pa.Table]
    ) -> int:
        """Replace one partition of a table by `tables`, which have no columns for its keys; the number of rows.

        Columns that the table lacks are added; older partitions have nulls there.
        """
        folder, columns = self._new_folder(relation, *keys.values()), spark_columns(schema)
        count = write_parquet(folder, schema, tables)
        present = self.columns(relation)
        if present and not keys.keys() <= present.keys():
            self.rows(f"drop table {relation}")  # of an older layout; landing has every line of it
            present = {}
        if not present:
            place = "/".join([self._warehouse, *relation.split(".")])
            keyed = {**columns, **dict.fromkeys(keys, "string")}
            self._create(relation, keyed, place, f"partitioned by ({', '.join(keys)})")
        added = [f"{name} {kind}" for name, kind in columns.items() if present and name not in present]
        if added:
            self.rows(f"alter table {relation} add columns ({', '.join(added)})")
        partition = _partition(keys)
        if self.rows(f"show partitions {relation} {partition}"):
            old = self._location(relation, partition)
            self.rows(f"alter table {relation} {partition} set location '{folder}'")
            delete_folder(old)
        else:
            self.rows(f"alter table {relation} add {partition} location '{folder}'")
        return count

    def drop_partition(self, relation: str, keys: Mapping[str, str]) -> None:
        """Delete one partition of a table, if it is there."""
        partition = _partition(keys)
        if self.rows(f"show partitions {relation} {partition}"):
            old = self._location(relation, partition)
            self.rows(f"alter table {relation} drop {partition}")
            delete_folder(old)

    def forget_quarter(self, schemas: Sequence[str], quarter: str) -> None:
        """Drop the quarter's partition of every table of these schemas, with its files."""
        for schema in schemas:
            for relation in self._tables(schema):
                if any(row[0] == "# Partition Information" for row in self.rows(f"describe {relation}")):
                    for row in self.rows(f"show partitions {relation} {_partition({'quarter': quarter})}"):
                        self.drop_partition(relation, dict(key.split("=") for key in row[0].split("/")))

    def drop_schemas(self, schemas: Sequence[str]) -> None:
        """Drop these schemas with their tables, and the files of both."""
        for schema in schemas:
            if self._has_schema(schema):
                self.rows(f"drop database {schema} cascade")
            delete_folder(f"{self._warehouse}/{schema}")

    def _has_schema(self, schema: str) -> bool:
        return bool(self.rows(f"show databases like '{schema}'"))

    def _tables(self, schema: str) -> list[str]:
        found = self.rows(f"show tables in {schema}") if self._has_schema(schema) else []
        return [f"{schema}.{row[1]}" for row in found]

    def _new_folder(self, *place: str) -> str:
        names = [part for name in place for part in name.split(".")]
        return "/".join([self._warehouse, *names, uuid.uuid4().hex])

    def _create(self, relation: str, columns: dict[str, str], folder: str, partitioning: str = "") -> None:
        self.rows(f"create database if not exists {relation.split('.')[0]}")
        types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self.rows(f"create table {relation} ({types}) using parquet {partitioning} location '{folder}'")

    def _location(self, relation: str, partition: str = "") -> str:
        described = self.rows(f"describe formatted {relation} {partition}")
        return next(str(row[1]) for row in described if row[0] == "Location")


@contextmanager
def open_spark(settings: Settings) -> Iterator[Spark]:
    """A session of the thrift server of these settings.

    Raises:
        QuarterdeckError: the extra `spark` is not installed, a setting is missing, or the server does not answer.
    """
    try:
        from pyhive import hive
    except ImportError:
        raise QuarterdeckError(
            "QUARTERDECK_ENGINE is spark, but dbt-spark is not installed. Install the extra: pip install quarterdeck[spark]"
        ) from None
    if settings.spark_warehouse is None:
        raise QuarterdeckError(
            "QUARTERDECK_ENGINE is spark, but QUARTERDECK_SPARK_WAREHOUSE does not say where its tables are to be."
        )
    try:
        connection = hive.connect(settings.spark_host, settings.spark_port)
    except Exception as error:
        raise QuarterdeckError(
            f"Spark's thrift server at {settings.spark_host}:{settings.spark_port} does not answer "
            f"({type(error).__name__}). Check that it runs, and QUARTERDECK_SPARK_HOST and QUARTERDECK_SPARK_PORT."
        ) from None
    try:
        yield Spark(connection.cursor(), settings.spark_warehouse)
    finally:
        connection.close()


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables that the spark target in `dbt_project/profiles.yml` and its macros read."""
    if settings.engine is not Engine.SPARK:
        return {}
    return {
        "QUARTERDECK_SPARK_HOST": settings.spark_host,
        "QUARTERDECK_SPARK_PORT": str(settings.spark_port),
        "QUARTERDECK_SPARK_WAREHOUSE": (settings.spark_warehouse or "").rstrip("/"),
    }


def _partition(keys: Mapping[str, str]) -> str:
    return "partition (" + ", ".join(f"{name} = '{value}'" for name, value in keys.items()) + ")"


def spark_columns(schema: pa.Schema) -> dict[str, str]:
    """Names and Spark types of the columns of an Arrow schema."""
    return {field.name: SPARK_TYPES[field.type] for field in schema}


def write_parquet(folder: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write tables into a new folder as one Parquet file, one table in memory at a time; the number of rows."""
    filesystem, path = _filesystem(folder)
    filesystem.create_dir(path)
    count = 0
    with pq.ParquetWriter(f"{path}/rows.parquet", schema, filesystem=filesystem, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
            count += table.num_rows
    return count


def delete_folder(folder: str) -> None:
    """Delete a folder of files that no table refers to any more, where it is there."""
    filesystem, path = _filesystem(folder)
    if filesystem.get_file_info(path).type != pyarrow.fs.FileType.NotFound:
        filesystem.delete_dir(path)


def _filesystem(url: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """Where Python finds a folder of Spark's: the same address, in Arrow's spelling."""
    scheme, colon, rest = url.partition(":")
    # Spark writes file:/folder for file:///folder, and s3a is Hadoop's name of the protocol s3.
    address = f"file:///{rest.lstrip('/')}" if scheme == "file" else scheme.replace("s3a", "s3") + colon + rest
    filesystem, path = pyarrow.fs.FileSystem.from_uri(address)
    return filesystem, str(path)


def _first_line(error: Exception) -> str:
    status = getattr(error.args[0], "status", None) if error.args else None
    return str(getattr(status, "errorMessage", None) or error).strip().splitlines()[0][:500]
