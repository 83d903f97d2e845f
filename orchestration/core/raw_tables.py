"""Tables that Python fills for the models, partitioned by quarter: a quarter is filled beside the old one, then swapped in."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv as arrow_csv

from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.roles import Role
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import Spark, open_spark


@dataclass(frozen=True)
class RawTable:
    """A table of a domain's raw schema; `columns` gives each column's Postgres type, beside `quarter`."""

    schema: str
    name: str
    columns: Mapping[str, str]

    @property
    def relation(self) -> str:
        """Schema and name, as SQL writes them."""
        return f"{self.schema}.{self.name}"

    def ensure(self, connection: psycopg.Connection) -> None:
        """Create the table, or add the columns that it lacks; in older lines they are empty.

        One without partitions, of an older version, is dropped: landing has its rows, and a quarter's next run loads them.
        """
        old = connection.execute(
            "select relkind = 'r' from pg_class where oid = to_regclass(%s)", (self.relation,)
        ).fetchone()
        if old == (True,):
            connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier(self.schema, self.name)))
        connection.execute(
            sql.SQL("create table if not exists {} (quarter text not null, {}) partition by list (quarter)").format(
                sql.Identifier(self.schema, self.name),
                sql.SQL(", ").join(
                    sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in self.columns.items()
                ),
            )
        )
        present = {
            row[0]
            for row in connection.execute(
                "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
                (self.schema, self.name),
            )
        }
        for name, kind in self.columns.items():
            if name not in present:
                connection.execute(
                    sql.SQL("alter table {} add column {} {} default ''").format(
                        sql.Identifier(self.schema, self.name), sql.Identifier(name), sql.SQL(kind)
                    )
                )

    def fill(self, connection: psycopg.Connection, quarter: Quarter, blocks: Iterable[pa.Table]) -> int:
        """COPY the blocks' rows into a new partition, which nobody sees before `swap_in`; returns their number.

        Both must be in one transaction.
        """
        connection.execute(
            sql.SQL(
                """
                drop table if exists {filling};
                create table {filling} (like {table} including defaults);
                alter table {filling} alter quarter set default {quarter}, add constraint one_quarter check (quarter = {quarter})
                """
            ).format(
                filling=self._filling(quarter),
                table=sql.Identifier(self.schema, self.name),
                quarter=sql.Literal(str(quarter)),
            )
        )
        statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze)").format(
            self._filling(quarter), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        )
        # Quotes around every text, and none around a null: so the empty text stays a text.
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
        count = 0
        with connection.cursor().copy(statement) as copy:
            for block in _ahead(iter(blocks)):
                lines = pa.BufferOutputStream()
                arrow_csv.write_csv(block.select(list(self.columns)), lines, options)
                copy.write(memoryview(lines.getvalue()))
                count += block.num_rows
        # Without statistics of the new partition the planner takes a million rows for a handful.
        connection.execute(sql.SQL("analyze {}").format(self._filling(quarter)))
        return count

    def swap_in(self, connection: psycopg.Connection, quarter: Quarter) -> None:
        """Let the filled partition take the place of the quarter's old one."""
        name = f"{self.name}_{quarter}".lower()
        connection.execute(
            sql.SQL(
                """
                drop table if exists {partition};
                alter table {filling} rename to {name};
                alter table {table} attach partition {partition} for values in ({quarter});
                alter table {partition} drop constraint one_quarter
                """
            ).format(
                partition=sql.Identifier(self.schema, name),
                filling=self._filling(quarter),
                name=sql.Identifier(name),
                table=sql.Identifier(self.schema, self.name),
                quarter=sql.Literal(str(quarter)),
            )
        )

    def _filling(self, quarter: Quarter) -> sql.Identifier:
        return sql.Identifier(self.schema, f"{self.name}_{quarter}_new".lower())


@contextmanager
def replacing_quarter(
    database: Database, settings: Settings, domain: str, quarter: Quarter
) -> Iterator[Callable[[RawTable, Iterable[pa.Table]], int]]:
    """Yields a function that replaces a table's rows of the quarter, where the models run, by blocks; it returns their number.

    On Postgres by COPY, all in one transaction: readers see the old quarter until the block ends. On Spark Parquet files
    are written, and one table after the other is switched to them: between two switches the tables do not fit together, but
    no model is built from them before the step that loads them has succeeded.
    """
    with exclusive(database, f"raw {domain}"):
        if settings.engine is Engine.SPARK:
            with open_spark(settings) as spark:
                yield lambda table, blocks: _fill_on_spark(spark, table, quarter, blocks)
            return
        with writing(database.as_role(Role.LOADER)) as connection:
            filled = []

            def fill(table: RawTable, blocks: Iterable[pa.Table]) -> int:
                table.ensure(connection)
                filled.append(table)
                return table.fill(connection, quarter, blocks)

            yield fill
            for table in filled:
                table.swap_in(connection, quarter)


def _fill_on_spark(spark: Spark, table: RawTable, quarter: Quarter, blocks: Iterable[pa.Table]) -> int:
    types = {"text": pa.string(), "integer": pa.int32(), "bigint": pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()])
    written = (block.select(schema.names).cast(schema) for block in blocks)
    return spark.replace_quarter(table.relation, str(quarter), schema, written)


def _ahead(blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Give the blocks while the next one is read in a thread: reading and the database's work take about as long."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block
