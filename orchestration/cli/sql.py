"""`quarterdeck sql`."""

import csv
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
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
) -> None:
    """Run a query on the database, read-only."""
    database = open_database(get_settings())
    try:
        with database.connect() as connection:
            connection.read_only = True
            cursor = connection.execute(query.encode())
            names = [column.name for column in cursor.description or []]
            rows = cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).splitlines()[0]
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        raise QuarterdeckError(f"The query failed: {message}.{hint}") from None
    _print_rows(names, rows, output_format)


def _print_rows(names: list[str], rows: list[tuple[Any, ...]], output_format: OutputFormat) -> None:
    if output_format is OutputFormat.JSON:
        json.dump([dict(zip(names, row, strict=True)) for row in rows], sys.stdout, default=str, indent=1)
        sys.stdout.write("\n")
    elif output_format is OutputFormat.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    else:
        table = Table(*names)
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        console.print(table)
