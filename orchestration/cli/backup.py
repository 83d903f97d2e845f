"""`quarterdeck backup` and `quarterdeck restore`."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.common import app, console, for_people
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings
from orchestration.definitions import DOMAINS


@app.command()
@for_people
def backup(
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there yet.", metavar="FILE")],
) -> None:
    """Write received files, database, configuration and lock into one encrypted file; keys are never in it."""
    from orchestration.core.backup import make_backup

    settings = get_settings()
    about = make_backup(settings, open_database(settings), list(DOMAINS), to.absolute())
    console.print(
        f"{to} holds {len(about.received_files)} received files and the database ({to.stat().st_size:,} bytes)."
    )
    console.print(
        "It opens with the keys of received files only: keep those, and the pseudonyms' key, in another place."
    )


@app.command()
@for_people
def restore(
    bundle: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `quarterdeck backup` wrote.")],
) -> None:
    """Bring a backup back into an empty home that holds only the keys."""
    from orchestration.core.backup import restore_backup

    settings = get_settings()
    about, _ = restore_backup(settings, list(DOMAINS), bundle)
    console.print(f"Restored: {len(about.received_files)} received files and the database of {about.made_at}.")
    console.print(f"The settings and the lock of then are in {settings.home / 'restored'}.")
    console.print(
        "Next: `quarterdeck verify` compares every table with the received files; `quarterdeck stage publish` makes the pages."
    )
