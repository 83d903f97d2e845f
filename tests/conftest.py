"""What all tests share: an embedded Postgres of their own, the real public data where it lies beside the project, and
the rule for machines without a browser or a web server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.storage_server import StorageServer, running_server

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SHARED_STUDENTS = PROJECT_ROOT.parent / "shared" / "data" / "students"
CHROMIUM = Path("/usr/bin/chromium")
# A process of its own network, which has not even a loopback that works.
WITHOUT_NETWORK = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-current-user"])]


def _can_be_without_network() -> bool:
    return (
        shutil.which("unshare") is not None and not subprocess.run([*WITHOUT_NETWORK, "true"], check=False).returncode
    )


# What some tests need of the machine: by marker, whether it is there, and what to say where it is not.
TOOLS = {
    "browser": (
        CHROMIUM.exists(),
        "Chromium is not installed here (/usr/bin/chromium): the browser tests were left out.",
    ),
    "nginx": (
        shutil.which("nginx") is not None and shutil.which("openssl") is not None,
        "nginx or openssl is not installed here: the tests of deploy/nginx were left out.",
    ),
    "namespace": (
        _can_be_without_network(),
        "This machine gives no network namespace (unshare --net): the restore drill was left out.",
    ),
}
MISSING = {marker: words for marker, (is_there, words) in TOOLS.items() if not is_there}

# No test may use the state of the person who runs it, nor reach out to Kaggle by accident.
OTHERS = (
    "QUARTERDECK_DATABASE", "QUARTERDECK_HOME", "QUARTERDECK_LANDING", "QUARTERDECK_PSEUDONYM", "KAGGLE", "AWS_", "VAULT_",
)  # fmt: skip
for name in [name for name in os.environ if name.startswith(OTHERS)]:
    del os.environ[name]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests, and only those, that need what this machine does not have."""
    if MISSING and os.environ.get("QUARTERDECK_REQUIRE_TOOLS"):
        raise pytest.UsageError(" ".join(MISSING.values()))
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in MISSING)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines what this machine could not test."""
    for words in MISSING.values():
        terminalreporter.write_line(f"NOT TESTED: {words}", yellow=True)


# In a process of its own, so that the embedded server stops with it.
ROWS = """
import json, sys
from psycopg.rows import dict_row
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings
with open_database(get_settings()).connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
    json.dump(cursor.execute(sys.argv[1].encode()).fetchall(), sys.stdout, default=str)
"""


class Command:
    """The `quarterdeck` command with a state folder of its own, run as a process as a person would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")},
            "QUARTERDECK_HOME": str(home),
            # So that the tables of two commands can be compared.
            "QUARTERDECK_PSEUDONYM_KEY": "one key for the students of all tests",
            "COLUMNS": "300",
            "NO_COLOR": "1",
        }

    def __call__(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [Path(sys.executable).parent / "quarterdeck", *arguments],
            env={**self.environment, **environment},
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check:
            assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
        return result

    def without_network(self, *arguments: str) -> str:
        """Run the command where there is no network; its output."""
        result = subprocess.run(
            [*WITHOUT_NETWORK, Path(sys.executable).parent / "quarterdeck", *arguments],
            env=self.environment, cwd=self.home.parent, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def rows(self, query: str) -> list[dict[str, object]]:
        """Rows of a query, as the login that runs Quarterdeck sees them: everything."""
        result = subprocess.run(
            [sys.executable, "-c", ROWS, query], env=self.environment, capture_output=True, text=True, check=True
        )
        return json.loads(result.stdout)


@pytest.fixture(scope="session")
def new_command(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Command]:
    """Makes commands, each on a state folder and an embedded database of its own."""
    return lambda name: Command(tmp_path_factory.mktemp(name) / "home")


@pytest.fixture(scope="session")
def shared_students() -> Path | None:
    """Folder of the real public files, or None where they do not lie beside the project."""
    return SHARED_STUDENTS if SHARED_STUDENTS.is_dir() else None


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A real Postgres for integration tests."""
    from orchestration.core.postgres import open_database, remove_embedded
    from orchestration.core.settings import Settings

    settings = Settings(home=tmp_path_factory.mktemp("database"))
    yield open_database(settings)
    remove_embedded(settings)


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    """A real S3 server, started for the first test that asks for it."""
    with running_server(tmp_path_factory.mktemp("s3")) as server:
        yield server
