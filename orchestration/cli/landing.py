"""`quarterdeck landing`: every file ever received, and how to get one back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings

landing_app = typer.Typer(no_args_is_help=True, help="Every file ever received, and how to get one back.")
app.add_typer(landing_app, name="landing")


@landing_app.command("list")
@for_people
def list_files() -> None:
    """Show every file ever received: its id, name, size, when it came, and whether it is there."""
    from orchestration.core.landing import received_files
    from orchestration.core.landing_storage import open_landing

    settings = get_settings()
    kept = {file.key for file in received_files(open_landing(settings))}
    with open_database(settings).connect() as connection:
        receipts = connection.execute(
            """
            select source_file_id, domain, name, bytes, received_at, domain || '/received/' || sha256
            from platform.landing_files order by received_at, source_file_id
            """
        ).fetchall()
    table = Table(Column("file id", no_wrap=True, min_width=16), "domain", "name", "bytes", "received", "state")
    for source_file_id, domain, name, size, received_at, key in receipts:
        state = "kept" if key in kept else "[bold red]missing[/]"
        table.add_row(source_file_id, domain, name, f"{size:,}", f"{received_at:%Y-%m-%d %H:%M}", state)
    console.print(table)
    without = kept - {key for *_, key in receipts}
    if without:
        console.print(f"{len(without)} more without a receipt: {', '.join(sorted(without))}")


@landing_app.command()
@for_people
def restore(
    file_id: Annotated[str, typer.Argument(metavar="FILE_ID", help="The file's id, or its sha256.")],
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there yet.", metavar="PATH")],
) -> None:
    """Write a received file as it came, checked against its sha256. Needs no database."""
    from orchestration.core.landing import received_file
    from orchestration.core.landing_storage import open_landing

    landing = open_landing(get_settings())
    key = received_file(landing, file_id)
    sha256 = key.rpartition("/")[2]
    landing.restore(key, to, sha256=sha256)
    console.print(f"{to} is the received file with sha256 {sha256}.")
