"""`quarterdeck keys`: the keys that received files are encrypted under."""

from typing import Annotated

import typer
from rich.table import Column, Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import get_settings

keys_app = typer.Typer(no_args_is_help=True, help="The keys that received files are encrypted under.")
app.add_typer(keys_app, name="keys")


@keys_app.command("list")
@for_people
def list_keys() -> None:
    """Show each key's id and state, and how many received files are under it; never the key itself."""
    from orchestration.core.key_places import open_keys
    from orchestration.core.key_rotation import key_use
    from orchestration.core.landing_storage import open_landing

    settings = get_settings()
    use, keys = key_use(open_landing(settings)), open_keys(settings).known()
    table = Table(Column("key", no_wrap=True, min_width=19), "state", "files", "made", "from")
    for key in keys:
        table.add_row(
            key.key_id, key.state.value, str(len(use.by_key.get(key.key_id, []))), key.made_at or "unknown", key.place
        )
    known = {key.key_id for key in keys}
    for key_id, files in use.by_key.items():
        if key_id is None:
            table.add_row("(none)", "not encrypted", str(len(files)), "", "received before encryption")
        elif key_id not in known:
            table.add_row(key_id, "missing", str(len(files)), "unknown", "")
    console.print(table)
    if use.damaged:
        console.print(f"[bold red]{len(use.damaged)} damaged:[/] {', '.join(use.damaged)}")


@keys_app.command()
@for_people
def rotate() -> None:
    """Make a new key and encrypt every received file under it. Safe to stop and to repeat."""
    from orchestration.core.key_places import open_keys
    from orchestration.core.key_rotation import rotate as rotate_keys
    from orchestration.core.landing_storage import open_landing

    settings = get_settings()
    with console.status("Looking at the received files ...") as status:
        done = rotate_keys(
            open_landing(settings),
            open_keys(settings),
            lambda count, total: status.update(f"{count} of {total} files encrypted again"),
        )
    what = "The current key is now" if done.is_new else "Finished the rotation that was cut off; the current key is"
    console.print(f"{what} {done.key_id}. Files encrypted again: {done.moved}.")
    console.print("Back the key up where it is kept, then revoke the old ones: `quarterdeck keys list`.")
    if done.problems:
        raise QuarterdeckError(" ".join(done.problems))


@keys_app.command()
@for_people
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `quarterdeck keys list` shows it.")],
    force: Annotated[bool, typer.Option("--force", help="Even if received files are lost by it.")] = False,
) -> None:
    """Let an old key open nothing any more. Refused while received files need it."""
    from orchestration.core.key_places import open_keys
    from orchestration.core.key_rotation import revoke as revoke_key
    from orchestration.core.landing_storage import open_landing

    settings = get_settings()
    lost = revoke_key(open_landing(settings), open_keys(settings), key_id, force=force)
    console.print(f"{key_id} is revoked." + (f" {lost} received files do not open any more." if lost else ""))
