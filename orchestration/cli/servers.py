"""`quarterdeck ui` and `quarterdeck serve`: servers on loopback."""

import functools
import http.server
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import PROJECT_ROOT, get_settings


@app.command()
@for_people
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
