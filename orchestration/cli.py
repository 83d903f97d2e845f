"""The `quarterdeck` command, thin: it reads arguments, calls the platform and prints. Errors end in one sentence and exit 1."""

import contextlib
import csv
import functools
import gc
import http.server
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from orchestration.core.errors import QuarterdeckError
from orchestration.core.memory import use_little_memory
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.settings import PROJECT_ROOT, Settings, get_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Quarterdeck: exam results from a file to checked, labelled and published tables, a quarter at a time.",
)
console = Console(highlight=False)
DOMAINS = ("student_performance",)

QuarterOption = Annotated[
    str | None, typer.Option(help="The quarter, e.g. 2026Q4; the running one when not given.", metavar="YYYYQn")
]
SourceOption = Annotated[
    str,
    typer.Option(
        help="auto (Kaggle, else the sample), kaggle, sample, or a CSV file's path or s3:// URL.", metavar="SOURCE"
    ),
]


class StageName(StrEnum):
    """The stages, in order."""

    ETL = "etl"
    ML = "ml"
    PUBLISH = "publish"


class OutputFormat(StrEnum):
    """How `sql` prints its rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


Parameters = ParamSpec("Parameters")


def _for_people(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Say an error as one sentence on standard error and exit with 1."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except QuarterdeckError as error:
            Console(stderr=True, highlight=False, soft_wrap=True).print("[bold red]Error:[/] ", end="")
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None

    return wrapped


@contextlib.contextmanager
def _quick_imports() -> Iterator[None]:
    """Keep the garbage collector out of a block of imports: it would look through what stays anyway, over and over.

    What the block made is left out of later collections too. This takes a fifth off the time of the imports.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@app.command()
@_for_people
def run(source: SourceOption = "auto", quarter: QuarterOption = None) -> None:
    """Run the whole quarter: receive, check, build, cluster, label, publish. Safe to repeat.

    The first run on the sample brings the last eight quarters. A file's quarter is replaced, and only that.
    """
    _run_stages(source, quarter, stage=None)


@app.command()
@_for_people
def stage(
    name: Annotated[StageName, typer.Argument(help="etl, ml or publish")],
    quarter: QuarterOption = None,
    source: SourceOption = "auto",
) -> None:
    """Run one stage of a quarter in a process of its own; it waits for the stage before, and never overtakes it."""
    _run_stages(source, quarter, stage=name)


def _run_stages(source: str, quarter_text: str | None, stage: StageName | None) -> None:
    use_little_memory()
    with _quick_imports():
        from orchestration.core.partitions import Quarter, current_quarter, to_partition_key
        from orchestration.core.progress import progress_logger
        from orchestration.core.runner import run_job
        from orchestration.core.status import wait_for_previous
        from orchestration.definitions import build_definitions
        from orchestration.student_performance import automation, commands, ingest

    settings = get_settings()
    quarter = Quarter.parse(quarter_text) if quarter_text else current_quarter(settings)
    to_partition_key(quarter, settings)
    if source not in ("auto", "kaggle", "sample"):
        source = ingest.require_file(source, settings)
    database = open_database(settings)
    quarters = [quarter]
    if stage in (None, StageName.ETL):
        source, reason = ingest.resolve_source(source, settings)
        if reason:
            console.print(f"[bold yellow]{reason}[/]")
        quarters = commands.quarters_to_run(database, settings, source, quarter)
    if stage is not None:
        wait_for_previous(database, ingest.DOMAIN, quarter, stage.value, settings.stage_timeout_seconds)
    span = str(quarters[0]) if len(quarters) == 1 else f"{quarters[0]} to {quarters[-1]}"
    console.print(f"Quarterdeck: {stage.value if stage else 'the whole job'} for {span}, database {database.place}")
    definitions = build_definitions(settings, loggers={"console": progress_logger(commands.STEP_TITLES)})
    outcome = run_job(
        definitions,
        settings,
        database,
        commands.JOB,
        quarters,
        run_config=automation.source_run_config(source) if stage in (None, StageName.ETL) else None,
        selection=commands.stage_selection(definitions, stage.value) if stage else None,
    )
    if outcome.error:
        raise QuarterdeckError(outcome.error)
    if stage is None:
        commands.print_summary(console, database, settings, quarters)
    else:
        console.print(f"Stage {stage.value} of {span} succeeded.")


@app.command()
@_for_people
def status() -> None:
    """Show every stage of every quarter: running, done or failed, rows, and the error's sentence."""
    database = open_database(get_settings())
    with database.connect() as connection:
        rows = connection.execute(
            """
            select domain, quarter, stage, status, finished_at - started_at, rows_in, rows_out, started_at, error
            from platform.stage_status
            order by quarter desc, domain, array_position(array['etl', 'ml', 'publish'], stage)
            """
        ).fetchall()
    if not rows:
        console.print("Nothing has run yet. Start with: quarterdeck run")
        return
    table = Table()
    for name in ("quarter", "domain", "stage", "status", "seconds", "rows in", "rows out", "started (UTC)", "error"):
        table.add_column(name, justify="right" if name in ("seconds", "rows in", "rows out") else "left")
    colours = {"succeeded": "green", "failed": "bold red", "running": "cyan", "pending": "dim"}
    for domain, quarter, stage_name, state, took, rows_in, rows_out, started, error in rows:
        table.add_row(
            quarter,
            domain,
            stage_name,
            f"[{colours[state]}]{state}[/]",
            f"{took.total_seconds():.1f}" if took else "",
            f"{rows_in:,}" if rows_in is not None else "",
            f"{rows_out:,}" if rows_out is not None else "",
            f"{started:%Y-%m-%d %H:%M:%S}" if started else "",
            error or "",
        )
    console.print(table)


@app.command()
@_for_people
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


@app.command()
@_for_people
def ui(port: Annotated[int, typer.Option(help="Port on loopback.")] = 3000) -> None:
    """Start the Dagster UI with its daemon on loopback, on the same run storage as the command. Ctrl-C ends it."""
    from orchestration.core.instance import prepare_instance

    settings = get_settings()
    prepare_instance(settings, open_database(settings))
    console.print(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C ends it)")
    dagster = Path(sys.executable).parent / "dagster"
    workspace = str(PROJECT_ROOT / "workspace.yaml")
    # A shell starts background commands with SIGINT ignored; Dagster would inherit that and never stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([dagster, "dev", "-w", workspace, "-h", "127.0.0.1", "-p", str(port)], cwd=PROJECT_ROOT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    raise typer.Exit(process.wait())


@app.command()
@_for_people
def serve(port: Annotated[int, typer.Option(help="Port on loopback; 0 picks a free one.")] = 8000) -> None:
    """Serve the pages, the data docs and the downloads on loopback. Ctrl-C ends it."""
    site = get_settings().site
    if not (site / "index.html").exists():
        raise QuarterdeckError("There are no pages yet. Build them with: quarterdeck run")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        console.print(f"Pages: http://127.0.0.1:{server.server_address[1]}/   (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("Stopped.")


@app.command()
@_for_people
def reset(
    quarter: QuarterOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a quarter's data, or everything. Received files of a quarter stay in the landing folder."""
    settings = get_settings()
    what = f"all tables' rows of {quarter}" if quarter else "every table, received file, page and run"
    if not yes and not typer.confirm(f"This deletes {what}. Go on?"):
        raise QuarterdeckError("Nothing was deleted.")
    if quarter:
        _forget_quarter(open_database(settings), quarter)
        console.print(f"{quarter} is forgotten. The pages still show it until the next run.")
    else:
        _forget_all(settings)
        console.print("Everything is forgotten.")


def _forget_quarter(database: Database, quarter_text: str) -> None:
    from orchestration.core.partitions import Quarter
    from orchestration.core.reset import forget_quarter

    forget_quarter(database, DOMAINS, Quarter.parse(quarter_text))


def _forget_all(settings: Settings) -> None:
    from orchestration.core.reset import drop_schemas, forget_files
    from orchestration.core.storage import open_storage

    # First what can fail, so that nothing is deleted where the store does not answer.
    forget_files(open_storage(settings.landing, settings), DOMAINS)
    if settings.database_url is not None:
        drop_schemas(open_database(settings), DOMAINS)
    else:
        remove_embedded(settings)
    settings.site.unlink(missing_ok=True)
    builds = settings.site.parent / f"{settings.site.name}-builds"
    for folder in (builds, settings.home / "dbt", settings.dagster_home):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    app()
