"""`quarterdeck run` and `quarterdeck stage`."""

import atexit
import contextlib
import gc
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.common import DomainOption, QuarterOption, app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.memory import use_little_memory
from orchestration.core.postgres import Database, open_database
from orchestration.core.settings import Settings, get_settings
from orchestration.definitions import DOMAINS

if TYPE_CHECKING:
    from orchestration.core.partitions import Quarter

SourceOption = Annotated[
    str,
    typer.Option(
        help="auto (Kaggle, else the sample), kaggle, sample, or a file's path or s3:// URL, or a folder of files.",
        metavar="SOURCE",
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
def run(source: SourceOption = "auto", quarter: QuarterOption = None, domain: DomainOption = None) -> None:
    """Run the whole quarter: receive, check, build, cluster, label, publish. Safe to repeat.

    The first run on the sample brings several quarters. A file's quarter is replaced, and only that.
    """
    for name in _domains(domain, source):
        _run_stages(name, source, quarter, stage=None)


@app.command()
@for_people
def stage(
    name: Annotated[StageName, typer.Argument(help="etl, ml or publish")],
    quarter: QuarterOption = None,
    source: SourceOption = "auto",
    domain: DomainOption = None,
) -> None:
    """Run one stage of a quarter in a process of its own; it waits for the stage before, and never overtakes it."""
    for domain_name in _domains(domain, source):
        _run_stages(domain_name, source, quarter, stage=name)


def _domains(domain: str | None, source: str) -> list[str]:
    """The domains to run: the one that was named, else all that have such a source. Files without a domain are exam results."""
    if domain is not None and domain not in DOMAINS:
        raise QuarterdeckError(f"There is no domain '{domain}'. The domains are {', '.join(DOMAINS)}.")
    if domain is not None:
        return [domain]
    return list(DOMAINS) if source in ("auto", "sample") else [next(iter(DOMAINS))]


def _run_stages(domain: str, source: str, quarter_text: str | None, stage: StageName | None) -> None:
    use_little_memory()
    # At its end Python looks through every object for what nothing refers to, which takes a third of a second of a process
    # whose memory is given back anyway. Frozen objects are not looked at.
    atexit.register(gc.freeze)
    with _quick_imports():
        from orchestration.core.domain_assets import source_run_config
        from orchestration.core.partitions import Quarter, current_quarter, to_partition_key
        from orchestration.core.status import wait_for_previous

        commands = import_module(f"orchestration.{domain}.commands")

    settings = get_settings()
    if stage is not None and stage.value not in commands.STAGES:
        console.print(f"{DOMAINS[domain]}: there is no stage {stage.value}.")
        return
    asked = Quarter.parse(quarter_text) if quarter_text else None
    quarter = asked or current_quarter(settings)
    to_partition_key(quarter, settings)
    source = commands.require_source(source, settings)
    database = open_database(settings)
    quarters = [quarter]
    run_config = None
    if stage in (None, StageName.ETL):
        source, reason = commands.resolve_source(source, settings)
        if reason:
            console.print(f"[bold yellow]{reason}[/]")
        quarters = commands.quarters_to_run(database, settings, source, asked)
        run_config = source_run_config(domain, source)
    if stage is not None:
        timeout = settings.stage_timeout_seconds
        wait_for_previous(database, domain, quarter, stage.value, timeout, commands.STAGES, console.print)
    _run_job(domain, commands, database, settings, quarters, stage, run_config)


def replay(domain: str, quarters: "list[Quarter]") -> None:
    """Build the quarters again from the files that were received, through all stages, and say how it went."""
    use_little_memory()
    atexit.register(gc.freeze)
    with _quick_imports():
        commands = import_module(f"orchestration.{domain}.commands")
    settings = get_settings()
    _run_job(domain, commands, open_database(settings), settings, quarters, None, None, receives=False)


def _run_job(
    domain: str,
    commands: Any,
    database: Database,
    settings: Settings,
    quarters: "list[Quarter]",
    stage: StageName | None,
    run_config: dict[str, object] | None,
    *,
    receives: bool = True,
) -> None:
    """Run the domain's job, or one stage of it, without the step that receives files where `receives` is not set."""
    with _quick_imports():
        import dagster as dg

        from orchestration.core.domain_assets import stage_selection
        from orchestration.core.partitions import adjacent_spans
        from orchestration.core.progress import progress_logger
        from orchestration.core.runner import run_job
        from orchestration.definitions import build_definitions

    definitions = build_definitions(settings, loggers={"console": progress_logger(commands.STEP_TITLES)})
    selection = stage_selection(definitions, domain, stage.value) if stage else None
    if not receives:
        landing = dg.AssetKey([domain, "landing_files"])
        selection = [
            key for name in commands.STAGES for key in stage_selection(definitions, domain, name) if key != landing
        ]
    for span in adjacent_spans(quarters):
        text = str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}"
        what = stage.value if stage else "the whole job"
        console.print(f"Quarterdeck: {DOMAINS[domain]}, {what} for {text}, database {database.place}")
        outcome = run_job(
            definitions,
            settings,
            database,
            f"{domain}_refresh",
            span,
            run_config=run_config,
            selection=selection,
        )
        if outcome.error:
            raise QuarterdeckError(outcome.error)
        if stage is not None:
            console.print(f"Stage {stage.value} of {text} succeeded.")
    if stage is None:
        commands.print_summary(console, database, settings, quarters)
