"""`quarterdeck audit`."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from orchestration.cli.common import app, console, current_access, for_people
from orchestration.core.audit import broken_entries, latest_entries
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database, open_database
from orchestration.core.settings import get_settings


class AuditAction(StrEnum):
    """What to do with the audit table."""

    LIST = "list"
    VERIFY = "verify"


@app.command()
@for_people
def audit(
    action: Annotated[AuditAction, typer.Argument(help="list or verify")] = AuditAction.LIST,
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest entries to list.")] = 50,
) -> None:
    """Show who used the command for what, or verify that no entry was changed. Works as role auditor."""
    database = open_database(get_settings())
    current_access().role = "auditor"
    if action is AuditAction.VERIFY:
        _verify(database)
    else:
        _list(database, limit)


def _verify(database: Database) -> None:
    broken = broken_entries(database)
    if broken:
        numbers = ", ".join(map(str, broken[:20]))
        raise QuarterdeckError(
            f"The audit table was tampered with: {len(broken)} entries do not follow from the ones before ({numbers})."
        )
    latest = latest_entries(database, 1)
    count = latest[0].entry_number if latest else 0
    console.print(f"{count:,} entries, each following from the one before.")
    if latest:
        console.print(f"Keep the last hash elsewhere to notice a missing end: {latest[0].entry_hash}")


def _list(database: Database, limit: int) -> None:
    entries = latest_entries(database, limit)
    current_access().rows = len(entries)
    table = Table("entry", "when (UTC)", "who", "role", "command", "arguments", "rows", "outcome")
    for entry in entries:
        table.add_row(
            str(entry.entry_number),
            f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}",
            f"{entry.os_user} on {entry.host}",
            entry.role,
            entry.command,
            " ".join(entry.arguments),
            "" if entry.row_count is None else f"{entry.row_count:,}",
            entry.outcome,
        )
    console.print(table)
