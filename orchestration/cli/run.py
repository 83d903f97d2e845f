"""`quarterdeck run` and `quarterdeck stage`."""

import atexit
import contextlib
import gc
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.common import QuarterOption, app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.memory import use_little_memory
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings

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
@for_people
def run(source: SourceOption = "auto", quarter: QuarterOption = None) -> None:
    """Run the whole quarter: receive, check, build, cluster, label, publish. Safe to repeat.

    The first run on the sample brings the last eight quarters. A file's quarter is replaced, and only that.
    """
    _run_stages(source, quarter, stage=None)


@app.command()
@for_people
def stage(
    name: Annotated[StageName, typer.Argument(help="etl, ml or publish")],
    quarter: QuarterOption = None,
    source: SourceOption = "auto",
) -> None:
    """Run one stage of a quarter in a process of its own; it waits for the stage before, and never overtakes it."""
    _run_stages(source, quarter, stage=name)


def _run_stages(source: str, quarter_text: str | None, stage: StageName | None) -> None:
    use_little_memory()
    # At its end Python looks through every object for what nothing refers to, which takes a third of a second of a process
    # whose memory is given back anyway. Frozen objects are not looked at.
    atexit.register(gc.freeze)
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
