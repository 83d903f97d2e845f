"""`quarterdeck ui` and `quarterdeck serve`: servers on loopback. `webserver` and `daemon`: Dagster's two, a container each."""

import functools
import http.server
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import PROJECT_ROOT, get_settings

PROGRAMS = Path(sys.executable).parent
WORKSPACE = PROJECT_ROOT / "workspace.yaml"


@app.command()
@for_people
def ui(port: Annotated[int, typer.Option(help="Port on loopback.")] = 3000) -> None:
    """Start the Dagster UI with its daemon on loopback, on the same run storage as the command. Ctrl-C ends it."""
    from orchestration.core.instance import prepare_instance

    settings = get_settings()
    prepare_instance(settings, open_database(settings))
    console.print(f"Dagster UI: http://127.0.0.1:{port}   (Ctrl-C ends it)")
    # A shell starts background commands with SIGINT ignored; Dagster would inherit that and never stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [PROGRAMS / "dagster", "dev", "-w", WORKSPACE, "-h", "127.0.0.1", "-p", str(port)], cwd=PROJECT_ROOT
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    raise typer.Exit(process.wait())


@app.command()
@for_people
def webserver(
    host: Annotated[str, typer.Option(help="Address to listen on; the UI asks nobody for a login.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 3000,
) -> None:
    """Become Dagster's webserver alone; `quarterdeck daemon` works off what is asked for there."""
    _become("dagster-webserver", "-w", str(WORKSPACE), "-h", host, "-p", str(port))


@app.command()
@for_people
def daemon(
    is_alive: Annotated[
        bool, typer.Option("--is-alive", help="Only ask whether one is at work: exit 0 if so, else 1.")
    ] = False,
) -> None:
    """Become Dagster's daemon: the schedule, the sensors and the queue, whose runs are processes beside it."""
    if is_alive:
        _become("dagster-daemon", "liveness-check")
    _become("dagster-daemon", "run", "-w", str(WORKSPACE))


def _become(program: str, *arguments: str) -> NoReturn:
    from orchestration.core.instance import prepare_instance

    settings = get_settings()
    prepare_instance(settings, open_database(settings))
    # In this process's place, so that a container's signals reach it.
    os.execv(PROGRAMS / program, [program, *arguments])  # noqa: S606 - no shell is meant


@app.command()
@for_people
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
