"""Reaching the database: the same parameters for dbt, Dagster and psycopg; one writer at a time."""

import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from orchestration.core.accounts import RowAccount, record_accounts
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database, exclusive, open_database
from orchestration.core.processes import process_name
from orchestration.core.settings import Settings


def test_dbt_and_dagster_get_the_same_place_and_login() -> None:
    database = Database("postgresql://office:p%40ss%2Fword@db.example:6543/results?sslmode=require")
    assert database.dbt_environment() == {
        "QUARTERDECK_DB_HOST": "db.example",
        "QUARTERDECK_DB_PORT": "6543",
        "QUARTERDECK_DB_USER": "office",
        "QUARTERDECK_DB_PASSWORD": "p@ss/word",
        "QUARTERDECK_DB_NAME": "results",
        "QUARTERDECK_DB_SESSIONS": f"dbt {process_name()}",
        "QUARTERDECK_DB_ROLE": "",
        "PGSSLMODE": "require",
    }
    url = urlsplit(database.dagster_url())
    assert unquote(url.password or "") == "p@ss/word"
    assert parse_qs(url.query)["host"] == ["db.example"]
    assert parse_qs(url.query)["options"] == ["-csearch_path=dagster -csynchronous_commit=off"]


def test_the_password_is_in_no_text_about_the_database() -> None:
    database = Database("postgresql://office:secret@db.example/results")
    assert "secret" not in repr(database) + str(database) + database.place


def test_an_unreachable_server_is_one_sentence_without_its_password() -> None:
    settings = Settings(database_url=SecretStr("postgresql://office:secret@127.0.0.1:1/results?connect_timeout=2"))
    with pytest.raises(QuarterdeckError, match="does not answer") as raised:
        open_database(settings)
    assert "secret" not in str(raised.value)


def test_writers_of_one_name_take_turns(database: Database) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with exclusive(database, "turns"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with exclusive(database, "turns"):
        inside.set()
        thread.join(timeout=0.5)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_row_that_is_neither_trusted_nor_quarantined_is_an_error(database: Database) -> None:
    account = RowAccount("accounts_test", "2026Q1", "0123", 10, 8, {"missing_value": 1})
    with pytest.raises(QuarterdeckError, match="Rows were lost or doubled"):
        record_accounts(database, "accounts_test", ["2026Q1"], [account])


OPENING = (
    "import os, signal, sys, time; from pathlib import Path; from orchestration.core.postgres import open_database; "
    "from orchestration.core.settings import Settings; database = open_database(Settings(home=Path(sys.argv[1]))); "
    "postmaster = lambda: int((Path(sys.argv[1]) / 'postgres' / 'postmaster.pid').read_text().splitlines()[0]); "
    "server = postmaster(); "
)


def opened(home: Path, then: str = "") -> subprocess.CompletedProcess[str]:
    """A process that opens the embedded database and then does something; what it printed, also at its exit."""
    command = [sys.executable, "-c", OPENING + then, str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_embedded_server_stops_with_its_last_process_even_after_one_was_killed(tmp_path: Path) -> None:
    assert opened(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)").returncode == -signal.SIGKILL
    postmaster = tmp_path / "postgres" / "postmaster.pid"
    assert postmaster.exists()
    assert opened(tmp_path).returncode == 0
    assert not postmaster.exists()


def test_after_the_embedded_server_was_killed_the_next_process_starts_it_anew(tmp_path: Path) -> None:
    killed = opened(tmp_path, "os.kill(server, signal.SIGKILL); time.sleep(0.2)")
    assert (killed.returncode, killed.stderr) == (0, "")
    after = opened(tmp_path, "print(database.connect().execute('select 1').fetchone())")
    assert (after.returncode, after.stdout, after.stderr) == (0, "(1,)\n", "")
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "ending",
    [
        "from orchestration.core.postgres import remove_embedded; remove_embedded(Settings(home=Path(sys.argv[1]))); ",
        "os.kill(server, signal.SIGKILL); time.sleep(0.2); ",
    ],
    ids=["removed", "killed"],
)
def test_a_process_starts_the_embedded_server_anew_after_it_ended(tmp_path: Path, ending: str) -> None:
    again = "open_database(Settings(home=Path(sys.argv[1]))).connect().execute('select 1').fetchone()"
    twice = opened(tmp_path, f"{ending}print({again}); {ending.replace('server,', 'postmaster(),')}print({again})")
    assert (twice.returncode, twice.stdout, twice.stderr) == (0, "(1,)\n(1,)\n", "")
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_who_comes_while_the_embedded_server_stops_waits_and_starts_it_anew(tmp_path: Path) -> None:
    user = [
        sys.executable,
        "-c",
        OPENING + "kept = database.connect(); os.kill(server, signal.SIGTERM); time.sleep(0.2); print('', flush=True); "
        "time.sleep(1); kept.close(); time.sleep(5)",
        str(tmp_path),
    ]
    with subprocess.Popen(user, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        assert "stopping" in (tmp_path / "postgres" / "postmaster.pid").read_text()
        after = opened(tmp_path, "print(database.connect().execute('select 1').fetchone())")
    assert (after.returncode, after.stdout, after.stderr) == (0, "(1,)\n", "")
    # The first process ends as the last, and stops the server that the second one started.
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
