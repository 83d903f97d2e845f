"""Tables that Python fills for the models, partitioned by quarter: a quarter is filled beside the old one, then swapped in.

Where the marts are views on a raw table, the file that they show must stay while a new one is judged: such a table has two slots
a quarter, and a file is loaded into the one that is not in use.
"""

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
    """A table of a domain's raw schema; `columns` gives each column's Postgres type, beside `quarter`.

    With `has_slots`, a quarter's partition is itself partitioned, by the column `slot`.
    """

    schema: str
    name: str
    columns: Mapping[str, str]
    has_slots: bool = False

    @property
    def relation(self) -> str:
        """Schema and name, as SQL writes them."""
        return f"{self.schema}.{self.name}"

    def slot(self, slot: str) -> str | None:
        """The slot, for a table that has any."""
        return slot if self.has_slots else None

    def ensure(self, connection: psycopg.Connection) -> None:
        """Create the table, or add the columns that it lacks; in older lines they are empty.

        One of an older version, without partitions or slots, is dropped: landing has its rows, and a quarter's next run loads them.
        """
        present = {
            row[0]
            for row in connection.execute(
                "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
                (self.schema, self.name),
            )
        }
        table = sql.Identifier(self.schema, self.name)
        row = connection.execute(
            "select relkind = 'r' from pg_class where oid = to_regclass(%s)", (self.relation,)
        ).fetchone()
        if row == (True,) or (present and self.has_slots and "slot" not in present):
            connection.execute(sql.SQL("drop table {} cascade").format(table))
            present = set()
        columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in self.columns.items()]
        if not present:
            keys = [
                sql.SQL(f"{key} text not null") for key in (("quarter", "slot") if self.has_slots else ("quarter",))
            ]
            connection.execute(
                sql.SQL("create table {} ({}) partition by list (quarter)").format(
                    table, sql.SQL(", ").join(keys + columns)
                )
            )
            return
        for name, column in zip(self.columns, columns, strict=True):
            if name not in present:
                connection.execute(sql.SQL("alter table {} add column {} default ''").format(table, column))

    def fill(
        self, connection: psycopg.Connection, quarter: Quarter, blocks: Iterable[pa.Table], slot: str | None = None
    ) -> int:
        """COPY the blocks' rows into a new partition, which nobody sees before `swap_in`; returns their number.

        Both must be in one transaction.
        """
        keys = {"quarter": str(quarter)} | ({"slot": slot} if slot else {})
        filling = self._filling(quarter)
        connection.execute(
            sql.SQL(
                "drop table if exists {filling}; create table {filling} (like {table} including defaults); "
                "alter table {filling} {defaults}, add constraint one_partition check ({condition})"
            ).format(
                filling=filling,
                table=sql.Identifier(self.schema, self.name),
                defaults=sql.SQL(", ").join(
                    sql.SQL("alter {} set default {}").format(sql.Identifier(key), value) for key, value in keys.items()
                ),
                condition=sql.SQL(" and ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(key), value) for key, value in keys.items()
                ),
            )
        )
        statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze)").format(
            filling, sql.SQL(", ").join(map(sql.Identifier, self.columns))
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
        connection.execute(sql.SQL("analyze {}").format(filling))
        return count

    def swap_in(self, connection: psycopg.Connection, quarter: Quarter, slot: str | None = None) -> None:
        """Let the filled partition take the place of the quarter's old one, or of what was in the slot."""
        parent, key = sql.Identifier(self.schema, self.name), str(quarter)
        if slot:
            of_quarter = self._partition(quarter)
            connection.execute(
                sql.SQL(
                    "create table if not exists {} partition of {} for values in ({}) partition by list (slot)"
                ).format(of_quarter, parent, key)
            )
            parent, key = of_quarter, slot
        self.drop_partition(connection, quarter, slot)
        connection.execute(
            sql.SQL(
                "alter table {filling} rename to {name}; alter table {parent} attach partition {partition} for values in ({key}); "
                "alter table {partition} drop constraint one_partition"
            ).format(
                filling=self._filling(quarter),
                name=sql.Identifier(self._partition_name(quarter, slot)),
                parent=parent,
                partition=self._partition(quarter, slot),
                key=key,
            )
        )

    def drop_partition(self, connection: psycopg.Connection, quarter: Quarter, slot: str | None = None) -> None:
        """Delete the quarter's lines, or those in one of its slots."""
        connection.execute(sql.SQL("drop table if exists {}").format(self._partition(quarter, slot)))

    def _partition_name(self, quarter: Quarter, slot: str | None = None) -> str:
        return "_".join([self.name, str(quarter).lower(), *([slot] if slot else [])])

    def _partition(self, quarter: Quarter, slot: str | None = None) -> sql.Identifier:
        return sql.Identifier(self.schema, self._partition_name(quarter, slot))

    def _filling(self, quarter: Quarter) -> sql.Identifier:
        return self._partition(quarter, "new")


@contextmanager
def replacing_quarter(
    database: Database, settings: Settings, domain: str, quarter: Quarter, slot: str = "a"
) -> Iterator[Callable[[RawTable, Iterable[pa.Table]], int]]:
    """Yields a function that replaces a table's rows of the quarter, where the models run, by blocks; it returns their number.

    Of a table with slots, those of the slot alone.

    On Postgres by COPY, all in one transaction: readers see the old quarter until the block ends. On Spark Parquet files
    are written, and one table after the other is switched to them: between two switches the tables do not fit together, but
    no model is built from them before the step that loads them has succeeded.
    """
    with exclusive(database, f"raw {domain}"):
        if settings.engine is Engine.SPARK:
            with open_spark(settings) as spark:
                yield lambda table, blocks: _fill_on_spark(spark, table, quarter, blocks, slot)
            return
        with writing(database.as_role(Role.LOADER)) as connection:
            filled = []

            def fill(table: RawTable, blocks: Iterable[pa.Table]) -> int:
                table.ensure(connection)
                filled.append(table)
                return table.fill(connection, quarter, blocks, table.slot(slot))

            yield fill
            for table in filled:
                table.swap_in(connection, quarter, table.slot(slot))


def _fill_on_spark(spark: Spark, table: RawTable, quarter: Quarter, blocks: Iterable[pa.Table], slot: str) -> int:
    types = {"text": pa.string(), "integer": pa.int32(), "bigint": pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()])
    written = (block.select(schema.names).cast(schema) for block in blocks)
    keys = {"quarter": str(quarter)} | ({"slot": slot} if table.has_slots else {})
    return spark.replace_partition(table.relation, keys, schema, written)


def _ahead(blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Give the blocks while the next one is read in a thread: reading and the database's work take about as long."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = reader.submit(next, blocks, None)
            yield block
