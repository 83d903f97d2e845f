"""People's own queries: on the database as role `analyst`, or on the published downloads without any database.

Both only read, stop after a time and give out a limited number of rows.
"""

import csv
import json
import threading
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import psycopg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.roles import Role


@dataclass(frozen=True)
class QueryRows:
    """Column names and rows of a query; `is_cut`: there are more rows than the limit, which are not here."""

    names: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool


def ask_database(database: Database, query: str, *, timeout_seconds: float, row_limit: int) -> QueryRows:
    """Run one query as `analyst`, in a transaction that only reads.

    Raises:
        QuarterdeckError: the query fails, or takes longer than `timeout_seconds`.
    """
    try:
        with database.as_role(Role.ANALYST).connect(application_name="quarterdeck sql") as connection:
            connection.read_only = True
            connection.execute("select set_config('statement_timeout', %s, true)", (f"{timeout_seconds * 1000:.0f}",))
            with connection.cursor() as cursor:
                # In streaming, Postgres takes a single statement only, and rows beyond the limit are never sent.
                found = list(islice(cursor.stream(query.encode()), row_limit + 1))
                names = [column.name for column in cursor.description or []]
    except psycopg.errors.QueryCanceled:
        raise QuarterdeckError(
            f"The query took longer than {timeout_seconds:g} seconds and was stopped. Ask for less, or allow more with --timeout."
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise QuarterdeckError(
            f"An analyst may not do this: {error.diag.message_primary}. Analysts read the marts (<domain>_marts) and the "
            "labelled tables (<domain>_ml), without personal columns; docs/roles.md has the list."
        ) from None
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).splitlines()[0]
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        raise QuarterdeckError(f"The query failed: {message}.{hint}") from None
    return _limited(names, found, row_limit)


def ask_published(site: Path, query: str, *, timeout_seconds: float, row_limit: int) -> QueryRows:
    """Run one query on the published Parquet downloads with DuckDB, each a view by its file's name.

    A domain's downloads lie in the domain's folder, and their views in a schema of its name.

    Raises:
        QuarterdeckError: nothing is published, the query fails, or it takes longer than `timeout_seconds`.
    """
    # Imported here because only this needs it, and it takes a tenth of a second to load.
    import duckdb

    files = sorted(site.glob("**/downloads/*.parquet"))
    if not files:
        raise QuarterdeckError(f"There are no published downloads in {site}. Build them with: quarterdeck run")
    with duckdb.connect(":memory:") as connection:
        for path in files:
            schema = "_".join(path.relative_to(site).parts[:-2]) or "main"
            connection.execute(f"create schema if not exists {_quoted(schema)}")
            view = f"{_quoted(schema)}.{_quoted(path.stem)}"
            connection.execute(f"create view {view} as select * from read_parquet({_literal(str(path.resolve()))})")  # noqa: S608
        # The query sees the downloads and no other file.
        connection.execute(f"set allowed_directories = [{_literal(f'{site.resolve()}/')}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        timer = threading.Timer(timeout_seconds, connection.interrupt)
        timer.start()
        try:
            cursor = connection.execute(query)
            found = cursor.fetchmany(row_limit + 1)
            names = [column[0] for column in cursor.description or []]
        except duckdb.InterruptException:
            raise QuarterdeckError(
                f"The query took longer than {timeout_seconds:g} seconds and was stopped. "
                "Ask for less, or allow more with --timeout."
            ) from None
        except duckdb.Error as error:
            raise QuarterdeckError(f"The query failed: {str(error).splitlines()[0]}") from None
        finally:
            timer.cancel()
    return _limited(names, found, row_limit)


def write_csv(result: QueryRows, file: TextIO) -> None:
    """Write the rows as CSV, with their names in the first line."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(result.names)
    writer.writerows(result.rows)


def write_file(result: QueryRows, path: Path) -> None:
    """Write the rows as CSV or Parquet, by the file's ending; the file is there whole or not at all.

    Raises:
        QuarterdeckError: the ending is another, rows were left out, or the file cannot be written.
    """
    if result.is_cut:
        raise QuarterdeckError(
            f"The query has more than {len(result.rows):,} rows, so {path} was not written. Allow more with --limit."
        )
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        if path.suffix == ".csv":
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                write_csv(result, file)
        else:
            from pyarrow import parquet

            parquet.write_table(_arrow_table(result), unfinished, compression="zstd")
        unfinished.replace(path)
    except OSError as error:
        raise QuarterdeckError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _arrow_table(result: QueryRows) -> Any:
    """Columns typed by their values; objects are kept as JSON text, since their keys differ from row to row."""
    import pyarrow as pa

    columns = []
    for values in zip(*result.rows, strict=True) if result.rows else [[] for _ in result.names]:
        if any(isinstance(value, dict) for value in values):
            values = [None if value is None else json.dumps(value, sort_keys=True, default=str) for value in values]
        try:
            columns.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns.append(pa.array([None if value is None else str(value) for value in values]))
    return pa.Table.from_arrays(columns, names=result.names)


def _limited(names: list[str], found: list[tuple[Any, ...]], row_limit: int) -> QueryRows:
    return QueryRows(names, found[:row_limit], is_cut=len(found) > row_limit)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
