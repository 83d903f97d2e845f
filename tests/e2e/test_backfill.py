"""A backfill of many quarters by Dagster's own daemon: runs side by side, bounded writers, the tables of one serial run."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, open_database
from orchestration.core.settings import Settings
from tests.conftest import Command
from tests.e2e.dagster_ui import dagster_ui
from tests.e2e.marts import fingerprints

LAST, COUNT = Quarter(2026, 2), 11
WRITERS = 2
SETTINGS = {
    "QUARTERDECK_SAMPLE_ROWS": "200",
    "QUARTERDECK_SAMPLE_QUARTERS": str(COUNT),
    "QUARTERDECK_DATABASE_WRITERS": str(WRITERS),
    # Kaggle is asked first, and here refuses at once.
    "KAGGLE_API_ENVIRONMENT": "TEST",
}
ASSETS = "{ assetNodes { assetKey { path } } }"
# Sessions of the runs that work (waiting for their turn is no load), and the runs at work.
LOAD = """
    select
        (select count(*) from pg_stat_activity
         where state = 'active' and backend_type = 'client backend' and wait_event_type is distinct from 'Lock'
            and (application_name like 'dbt%' or application_name like 'quarterdeck%')) as sessions,
        (select count(*) from dagster.runs where status in ('STARTING', 'STARTED') and pipeline_name <> 'platform_refresh') as runs
"""
# A run does one step at a time, and none has more sessions than dbt has threads in dbt_project/profiles.yml.
SESSIONS = 4 * WRITERS


@contextmanager
def load_of(database: Database) -> Iterator[list[tuple[int, int]]]:
    """Samples of `LOAD`, ten a second, for as long as the block lasts."""
    samples: list[tuple[int, int]] = []
    done = threading.Event()

    def sample() -> None:
        with psycopg.connect(database.conninfo, autocommit=True, application_name="sampler") as connection:
            while not done.wait(0.1):
                samples.append(connection.execute(LOAD).fetchone())  # type: ignore[arg-type]

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def serial(new_command: Callable[[str], Command]) -> Command:
    """The quarters brought by one run after the other's steps."""
    command = new_command("serial")
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", str(LAST), **SETTINGS)
    return command


@pytest.mark.exam
def test_a_backfill_in_parallel_stays_within_the_limits_and_gives_the_tables_of_one_run(
    serial: Command, new_command: Callable[[str], Command]
) -> None:
    command = new_command("backfill")
    command.environment |= SETTINGS
    keys = [LAST.plus(-back).first_day().isoformat() for back in reversed(range(COUNT))]
    with dagster_ui(command) as ui, load_of(open_database(Settings(home=command.home))) as samples:
        paths = [node["assetKey"]["path"] for node in ui.ask(ASSETS)["assetNodes"]]
        assets = ["/".join(path) for path in paths if path[0] == "student_performance"]
        backfill = ui.backfill(assets, keys)
        deadline = time.monotonic() + 500
        while ui.backfill_status(backfill) == "REQUESTED":
            assert time.monotonic() < deadline
            time.sleep(1)
        assert ui.backfill_status(backfill) == "COMPLETED_SUCCESS"
    # Beside them, the look at everything that is watched may have loaded its seeds.
    statuses = command.rows("select status from dagster.runs where pipeline_name <> 'platform_refresh'")
    assert [row["status"] for row in statuses] == ["SUCCESS"] * 3
    assert max(runs for _, runs in samples) == WRITERS
    assert max(sessions for sessions, _ in samples) <= SESSIONS
    left_out = ("rpt_quarters",)  # holds the time of receipt
    expected = {name: value for name, value in fingerprints(serial).items() if not name.endswith(left_out)}
    found = {name: value for name, value in fingerprints(command).items() if not name.endswith(left_out)}
    assert found == expected
