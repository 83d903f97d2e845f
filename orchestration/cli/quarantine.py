"""`quarterdeck quarantine`: rows that were set aside with a reason, and their repair."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from orchestration.cli.common import DomainOption, QuarterOption, app, console, current_access, for_people
from orchestration.cli.run import replay
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings
from orchestration.definitions import DOMAINS

SHOWN_ROWS = 200
quarantine_app = typer.Typer(
    no_args_is_help=True, help="Rows that were set aside with a reason: list them, repair them, take a repair back."
)
app.add_typer(quarantine_app, name="quarantine")


@quarantine_app.command("list")
@for_people
def list_rows(
    quarter: QuarterOption = None,
    domain: DomainOption = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Write all of them to this new CSV file, a form to be filled in.", metavar="FILE"),
    ] = None,
) -> None:
    """Show the quarantined rows, by file, line and column, and the corrections in force."""
    from orchestration.core.corrections import QuarantinedValue, in_force, write_form
    from orchestration.core.partitions import Quarter

    settings = get_settings()
    database = open_database(settings)
    quarters = [Quarter.parse(quarter)] if quarter else None
    found: list[QuarantinedValue] = []
    for name in _named(domain):
        found += _rows_of(name).quarantined(database, settings, quarters)
    current_access().rows = len(found)
    if to is not None:
        if len({row.domain for row in found}) > 1:
            raise QuarterdeckError("A form is of one domain: name it with --domain.")
        try:
            # For this user alone, since it holds rows of people.
            to.touch(mode=0o600, exist_ok=False)
            with to.open("w", encoding="utf-8", newline="") as stream:
                write_form(found, stream)
        except OSError as error:
            raise QuarterdeckError(f"{to} cannot be written ({error.strerror}). Name another file.") from None
        console.print(
            f"{len(found):,} quarantined values written to {to}. Fill in corrected_value, decided_by and why where you know them, "
            f"then: quarterdeck quarantine repair {to}"
        )
        return
    table = Table("domain", "quarter", "file", "line", "column", "value", "reason")
    for row in found[:SHOWN_ROWS]:
        table.add_row(
            row.domain, row.quarter, row.file, str(row.line), row.column, row.value or "", row.reason.replace("_", " ")
        )
    console.print(table)
    if len(found) > SHOWN_ROWS:
        print(f"{len(found):,} in all; --to FILE writes them.", file=sys.stderr)
    for repaired in in_force(database):
        console.print(
            f"In force: {repaired.name} ({repaired.file}) corrects {repaired.lines:,} lines of {repaired.domain}, "
            f"{repaired.quarter}; decided by {repaired.decided_by}"
        )


@quarantine_app.command("repair")
@for_people
def repair_rows(file: Annotated[Path, typer.Argument(metavar="FILE", help="The filled-in form.")]) -> None:
    """Correct quarantined rows by a filled-in form, and build their quarters again. All of it, or nothing."""
    from orchestration.core.corrections import read_corrections, repair

    settings = get_settings()
    if not file.is_file():
        raise QuarterdeckError(f"{file}: there is no such file.")
    corrections = read_corrections(file)
    [domain] = _named(corrections[0].domain)
    database = open_database(settings)
    landed = repair(database, settings, file, corrections, _rows_of(domain))
    current_access().rows = len(corrections)
    console.print(
        f"{len(corrections):,} corrections are kept as {landed.source_file_id}. To take them back: "
        f"quarterdeck quarantine withdraw {landed.source_file_id}"
    )
    replay(domain, sorted({correction.quarter for correction in corrections}))


@quarantine_app.command("withdraw")
@for_people
def withdraw_corrections(
    file_id: Annotated[str, typer.Argument(metavar="FILE_ID", help="The id of the file of corrections.")],
) -> None:
    """Take a file's corrections back, and build their quarters again from the rows as they came."""
    from orchestration.core.corrections import withdraw

    domain, quarters = withdraw(open_database(get_settings()), file_id)
    replay(domain, quarters)


@quarantine_app.command("reasons")
@for_people
def unmapped_reasons(quarter: QuarterOption = None) -> None:
    """Show the absence reasons that the taxonomy does not map yet: they are counted as not mapped, not set aside."""
    from orchestration.attendance.reasons import SEED, unmapped_reasons
    from orchestration.core.partitions import Quarter

    settings = get_settings()
    quarters = [Quarter.parse(quarter)] if quarter else None
    found = unmapped_reasons(open_database(settings), settings, quarters)
    current_access().rows = len(found)
    if not found:
        console.print("Every reason given is mapped.")
        return
    table = Table("reason", "mentions", "students", "last in")
    for row in found:
        table.add_row(row.reason, f"{row.mention_count:,}", f"{row.student_count:,}", row.last_quarter)
    console.print(table)
    console.print(
        f"Give each a row in {SEED}, and run the quarters again: they are mapped from then on.", soft_wrap=True
    )


def _named(domain: str | None) -> list[str]:
    if domain is not None and domain not in DOMAINS:
        raise QuarterdeckError(f"There is no domain '{domain}'. The domains are {', '.join(DOMAINS)}.")
    return [domain] if domain else list(DOMAINS)


def _rows_of(domain: str) -> Any:
    return import_module(f"orchestration.{domain}.corrections")
