"""The Dagster UI comes up on the command's run storage, and goes away when it is told to."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Command

QUESTION = {"query": "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps(QUESTION).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_ui_loads_the_definitions_and_stops_when_terminated(new_command: Callable[[str], Command]) -> None:
    command = new_command("ui")
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "quarterdeck", "ui", "--port", str(port)],
        env=command.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As a shell's background command, which begins with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        answer: dict[str, object] = {}
        deadline = time.monotonic() + 120
        while "LOADED" not in json.dumps(answer):
            assert time.monotonic() < deadline, answer
            assert process.poll() is None
            time.sleep(1)
            try:
                answer = ask(port)
            except OSError:
                continue
        assert "quarterdeck" in json.dumps(answer)
        process.terminate()
        process.wait(timeout=60)
    finally:
        process.kill()
    time.sleep(1)
    assert not (command.home / "postgres" / "postmaster.pid").exists()
