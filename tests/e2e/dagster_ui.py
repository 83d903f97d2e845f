"""The Dagster UI with its daemon and code server as processes of their own, asked over GraphQL as the browser does."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Command

LOADED = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
LAUNCH_BACKFILL = """
    mutation ($parameters: LaunchBackfillParams!) {
      launchPartitionBackfill(backfillParams: $parameters) {
        __typename
        ... on LaunchBackfillSuccess { backfillId }
        ... on PythonError { message }
      }
    }
"""
BACKFILL = """
    query ($id: String!) {
      partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status error { message } } }
    }
"""


class DagsterUi:
    """A running `quarterdeck ui`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The answer to a GraphQL query or mutation."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(self._url, data=body, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.loads(answer.read())
        assert "errors" not in found, found
        return dict(found["data"])

    def backfill(self, assets: Sequence[str], partition_keys: Sequence[str]) -> str:
        """Ask for a backfill of these assets (`domain/table`); returns its id."""
        parameters = {
            "assetSelection": [{"path": name.split("/")} for name in assets],
            "partitionNames": list(partition_keys),
        }
        answer = self.ask(LAUNCH_BACKFILL, {"parameters": parameters})["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def backfill_status(self, backfill_id: str) -> str:
        """The backfill's status by Dagster's name, e.g. `COMPLETED_SUCCESS`."""
        return str(self.ask(BACKFILL, {"id": backfill_id})["partitionBackfillOrError"]["status"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dagster_ui(command: Command, **environment: str) -> Iterator[DagsterUi]:
    """Start `quarterdeck ui`, wait until it has loaded the definitions, and end it after the block."""
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "quarterdeck", "ui", "--port", str(port)],
        env={**command.environment, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As a shell's background command, which begins with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        ui = DagsterUi(port, process)
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline
            assert process.poll() is None
            try:
                if "LOADED" in json.dumps(ui.ask(LOADED)):
                    break
            except OSError:
                pass
            time.sleep(1)
        yield ui
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
