"""The Dagster UI comes up on the command's run storage, and goes away when it is told to."""

import json
import time
from collections.abc import Callable

from tests.conftest import Command
from tests.e2e.dagster_ui import LOADED, dagster_ui


def test_ui_loads_the_definitions_and_stops_when_terminated(new_command: Callable[[str], Command]) -> None:
    command = new_command("ui")
    with dagster_ui(command) as ui:
        assert "quarterdeck" in json.dumps(ui.ask(LOADED))
    time.sleep(1)
    assert not (command.home / "postgres" / "postmaster.pid").exists()
