"""`quarterdeck sql`."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from orchestration.cli.common import app, console, current_access, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.queries import QueryRows, ask_database, ask_published, write_csv, write_file
from orchestration.core.settings import get_settings


class OutputFormat(StrEnum):
    """How `sql` prints its rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command()
@for_people
def sql(
    query: Annotated[
        str, typer.Argument(help='One query, e.g. "select * from student_performance_marts.rpt_quarters"')
    ],
    output_format: Annotated[
        OutputFormat, typer.Option("--format", help="How to print the rows.")
    ] = OutputFormat.TABLE,
    out: Annotated[Path | None, typer.Option(help="Write the rows to this .csv or .parquet file instead.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Ask the published downloads with DuckDB; no database is needed.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Most rows to give out; 10,000 when not set.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds that the query may take; 60 when not set.")
    ] = None,
) -> None:
    """Ask the marts as an analyst: read-only, students under pseudonyms, limited in time and rows."""
    settings = get_settings()
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise QuarterdeckError(f"{out}: --out writes a file that ends in .csv or .parquet.")
    timeout_seconds, row_limit = timeout or settings.sql_timeout_seconds, limit or settings.sql_row_limit
    if published:
        result = ask_published(settings.site, query, timeout_seconds=timeout_seconds, row_limit=row_limit)
    else:
        access = current_access()
        access.role = "analyst"
        database = open_database(settings)
        result = ask_database(database, query, timeout_seconds=timeout_seconds, row_limit=row_limit)
        access.rows = len(result.rows)
        # Before anybody sees a row.
        access.record("succeeded")
    if out is not None:
        write_file(result, out)
        console.print(f"{len(result.rows):,} rows written to {out}")
        return
    _print_rows(result, output_format)
    if result.is_cut:
        print(f"Only the first {row_limit:,} rows are shown; there are more. Allow more with --limit.", file=sys.stderr)


def _print_rows(result: QueryRows, output_format: OutputFormat) -> None:
    if output_format is OutputFormat.JSON:
        json.dump([dict(zip(result.names, row, strict=True)) for row in result.rows], sys.stdout, default=str, indent=1)
        sys.stdout.write("\n")
    elif output_format is OutputFormat.CSV:
        write_csv(result, sys.stdout)
    else:
        table = Table(*result.names)
        for row in result.rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        console.print(table)
