"""From a source to `student_performance_raw.exam_results`: fetch a quarter's file, keep it, and load every line as text."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv as arrow_csv
from tabulate import tabulate

from orchestration.core.engine import model_rows
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import LandedFile, Source, assign, assigned_file, land
from orchestration.core.landing_storage import open_landing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import open_spark
from orchestration.core.storage import open_file
from orchestration.student_performance import kaggle
from orchestration.student_performance.contract import (
    Aliases,
    Contract,
    load_aliases,
    load_contract,
)
from orchestration.student_performance.exam_file import read_exam_results
from orchestration.student_performance.sample import write_sample

DOMAIN = "student_performance"
RAW_SCHEMA = f"{DOMAIN}_raw"
RAW_TABLE = "exam_results"


def office_contract(settings: Settings) -> Contract:
    """The contract in force: the office's own, or the shipped one."""
    return load_contract(settings.contract)


def dbt_variables(contract: Contract, settings: Settings) -> dict[str, Any]:
    """The variables that every dbt command gets beside the quarters."""
    return {
        **contract.dbt_vars(),
        "is_shipped_contract": contract.raw_columns == load_contract().raw_columns,
        "max_quarantined_pct": settings.max_quarantined_pct,
    }


def office_aliases(settings: Settings) -> Aliases:
    """Header names in force: the shipped ones and the office's own."""
    return load_aliases(*([settings.aliases] if settings.aliases else []))


def resolve_source(requested: str, settings: Settings) -> tuple[str, str | None]:
    """What `auto` means just now; any other source is itself.

    Returns:
        The source (`kaggle`, `sample` or a file's path) and, where it is not what was asked for, the reason.
    """
    if requested != "auto":
        return requested, None
    if kaggle.is_reachable(timeout_seconds=settings.kaggle_probe_seconds):
        return "kaggle", None
    return "sample", "Kaggle cannot be reached from here, so the built-in SAMPLE is used. These are not real students."


@contextmanager
def fetched(source: str, quarter: Quarter, settings: Settings, contract: Contract) -> Iterator[tuple[Path, Source]]:
    """The quarter's file from a resolved source, on disk for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
        if source == "sample":
            yield write_sample(str(quarter), Path(folder), contract, rows=settings.sample_rows), "sample"
        elif source == "kaggle":
            yield (
                kaggle.download(settings.kaggle_dataset, Path(folder), timeout_seconds=settings.kaggle_timeout_seconds),
                "kaggle",
            )
        else:
            storage, key = open_file(source, settings)
            with storage.local_copy(key) as path:
                yield path, "file"


@dataclass(frozen=True)
class Receipt:
    """A received file, the other quarters made of the very same file, and its columns that the contract does not know."""

    landed: LandedFile
    other_quarters: list[str]
    extra_columns: tuple[str, ...]

    def remarks(self, quarter: Quarter) -> list[str]:
        """What a person should look at, a sentence each."""
        remarks = []
        if self.other_quarters:
            others = ", ".join(self.other_quarters)
            remarks.append(f"{quarter}: {self.landed.name} is also loaded as {others}. Is it the right file?")
        if self.extra_columns:
            names = ", ".join(self.extra_columns)
            remarks.append(f"{self.landed.name}: kept in landing but not used, since the contract lacks them: {names}.")
        return remarks


def receive(database: Database, settings: Settings, source: str, quarter: Quarter, contract: Contract) -> Receipt:
    """Fetch the quarter's file, refuse it if it is no table of the contract, keep it and assign it to the quarter.

    Raises:
        QuarterdeckError: the source fails or the file is refused; then nothing has changed.
    """
    with fetched(source, quarter, settings, contract) as (path, kind):
        results = read_exam_results(path, contract, office_aliases(settings))
        with database.connect() as connection:
            landed = land(connection, open_landing(settings), DOMAIN, path, kind)
            others = assign(connection, DOMAIN, quarter, landed.source_file_id)
            return Receipt(landed, others, results.mapping.extra_columns)


def raw_columns(contract: Contract) -> list[str]:
    """Columns of the raw table after `quarter` and `source_file_id`, in COPY's order."""
    return ["source_line", "source_student_id", *contract.raw_columns, "source_text", "field_count_problem"]


def load_raw(database: Database, settings: Settings, quarter: Quarter, contract: Contract) -> tuple[LandedFile, int]:
    """Replace the quarter's partition of the raw table, where the models run, by the lines of its file.

    Returns:
        The file and the number of lines.
    """
    load = _load_raw_in_spark if settings.engine is Engine.SPARK else _load_raw_in_postgres
    return load(database, settings, quarter, contract)


def _load_raw_in_postgres(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> tuple[LandedFile, int]:
    """Load the lines by COPY, in one transaction.

    The new partition is filled beside the old one, which readers see until the last moment.
    """
    table = sql.Identifier(RAW_SCHEMA, RAW_TABLE)
    name = f"{RAW_TABLE}_{quarter}".lower()
    partition, filling = sql.Identifier(RAW_SCHEMA, name), sql.Identifier(RAW_SCHEMA, f"{name}_new")
    with exclusive(database, f"raw {DOMAIN}"), database.connect() as connection, ExitStack() as opened:
        _ensure_raw_table(connection, contract)
        landed = assigned_file(connection, open_landing(settings), DOMAIN, quarter)
        path = opened.enter_context(landed.local_copy())
        results = read_exam_results(path, contract, office_aliases(settings), name=landed.name)
        connection.execute(sql.SQL("drop table if exists {}").format(filling))
        # What is the same in every line is the partition's default, so that it is not sent with each.
        connection.execute(
            sql.SQL(
                """
                create table {filling} (like {table} including defaults);
                alter table {filling} alter quarter set default {quarter}, alter source_file_id set default {file_id},
                    add constraint one_quarter check (quarter = {quarter})
                """
            ).format(
                filling=filling,
                table=table,
                quarter=sql.Literal(str(quarter)),
                file_id=sql.Literal(landed.source_file_id),
            )
        )
        count = _copy(connection, filling, raw_columns(contract), results.tables())
        # Without statistics of the new partition the planner takes a million rows for a handful.
        connection.execute(sql.SQL("analyze {}").format(filling))
        connection.execute(
            sql.SQL(
                """
                drop table if exists {partition};
                alter table {filling} rename to {name};
                alter table {table} attach partition {partition} for values in ({quarter});
                alter table {partition} drop constraint one_quarter
                """
            ).format(
                filling=filling,
                partition=partition,
                name=sql.Identifier(name),
                table=table,
                quarter=sql.Literal(str(quarter)),
            )
        )
    return landed, count


def _load_raw_in_spark(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> tuple[LandedFile, int]:
    """Write the lines as a Parquet file, and switch the quarter's partition to it."""
    kinds = {
        "source_file_id": pa.string(),
        **dict.fromkeys(raw_columns(contract), pa.string()),
        "source_line": pa.int64(),
    }
    schema = pa.schema(kinds)
    with exclusive(database, f"raw {DOMAIN}"), open_spark(settings) as spark:
        with database.connect() as connection:
            landed = assigned_file(connection, open_landing(settings), DOMAIN, quarter)
        with landed.local_copy() as path:
            results = read_exam_results(path, contract, office_aliases(settings), name=landed.name)
            tables = (
                table.append_column("source_file_id", pa.repeat(landed.source_file_id, len(table))).select(schema.names)
                for table in results.tables()
            )
            count = spark.replace_quarter(f"{RAW_SCHEMA}.{RAW_TABLE}", str(quarter), schema, tables)
    return landed, count


def _copy(
    connection: psycopg.Connection, target: sql.Composable, columns: Sequence[str], tables: Iterator[pa.Table]
) -> int:
    """COPY the tables' rows into a table made in this transaction; returns their number."""
    statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze)").format(
        target, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    # Quotes around every value, and none around a null: so the empty text stays a text.
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    count = 0
    with connection.cursor().copy(statement) as copy:
        for table in tables:
            lines = pa.BufferOutputStream()
            arrow_csv.write_csv(table.select(columns), lines, options)
            copy.write(memoryview(lines.getvalue()))
            count += table.num_rows
    return count


def preview(database: Database, settings: Settings, quarter: Quarter, contract: Contract, limit: int = 5) -> str:
    """The first lines of the quarter's raw partition as a Markdown table, without the students' ids."""
    columns = ["quarter", "source_line", *contract.raw_columns]
    with model_rows(settings, database) as rows:
        found = rows(
            f"select {', '.join(columns)} from {RAW_SCHEMA}.{RAW_TABLE} where quarter = '{quarter}' "  # noqa: S608
            f"order by source_line limit {limit}"
        )
        return str(tabulate(found, headers=columns, tablefmt="github"))


def _ensure_raw_table(connection: psycopg.Connection, contract: Contract) -> None:
    """Create the raw table, or add the columns that a wider contract asks for; in older lines they are empty."""
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(RAW_SCHEMA)))
    columns = ["quarter", "source_file_id", *raw_columns(contract)]
    types = {"quarter": "text not null", "source_file_id": "text not null", "source_line": "bigint not null"}
    table = sql.Identifier(RAW_SCHEMA, RAW_TABLE)
    connection.execute(
        sql.SQL("create table if not exists {} ({}) partition by list (quarter)").format(
            table,
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(types.get(name, "text"))) for name in columns
            ),
        )
    )
    present = {
        row[0]
        for row in connection.execute(
            "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
            (RAW_SCHEMA, RAW_TABLE),
        )
    }
    for name in columns:
        if name not in present:
            connection.execute(
                sql.SQL("alter table {} add column {} text default ''").format(table, sql.Identifier(name))
            )


def file_quarter(path: PurePath) -> Quarter | None:
    """The quarter that an incoming file is for: from its name, else from the folder it lies in."""
    return Quarter.find(path.name) or Quarter.find(path.parent.name)


def received_sentence(landed: LandedFile, quarter: Quarter) -> str:
    """One sentence about what arrived, for logs."""
    new = "received" if landed.is_new else "recognised by its hash as received before"
    return f"{quarter}: {landed.name} ({landed.size:,} bytes, {landed.source}) {new}."


def require_file(source: str, settings: Settings) -> str:
    """Refuse a source that is no file before anything starts; returns its absolute path or URL.

    Raises:
        QuarterdeckError: there is no such file, or its store fails.
    """
    storage, key = open_file(source, settings)
    if storage.find(key) is None:
        raise QuarterdeckError(
            f"{source}: there is no such file. --source takes auto, kaggle, sample, or a CSV file's path or s3:// URL."
        )
    return storage.location(key)
