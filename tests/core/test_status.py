"""Stage status: what is recorded, what a later stage waits for, what readers are shown."""

import psycopg
import pytest

from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.status import publishable_quarters, supersede_later_stages, track, wait_for_previous

Q1, Q2 = Quarter(2026, 1), Quarter(2026, 2)


def states(database: Database, domain: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    with database.connect() as connection:
        rows = connection.execute(
            "select quarter, stage, status, error from platform.stage_status where domain = %s", (domain,)
        ).fetchall()
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def test_a_stage_runs_over_several_steps_and_succeeds_with_its_last(database: Database) -> None:
    with track(database, "steps", [Q1], "etl", "run", begins=True):
        assert states(database, "steps")["2026Q1", "etl"] == ("running", None)
    assert states(database, "steps")["2026Q1", "etl"] == ("running", None)
    with track(database, "steps", [Q1], "etl", "run", finishes=True) as rows:
        rows["2026Q1"] = (10, 9)
    assert states(database, "steps")["2026Q1", "etl"] == ("succeeded", None)


def test_changing_a_stages_tables_makes_later_ones_pending(database: Database) -> None:
    for stage in ("etl", "ml", "publish"):
        with track(database, "again", [Q1, Q2], stage, "run", begins=True, finishes=True):
            pass
    assert publishable_quarters(database, "again") == ["2026Q1", "2026Q2"]
    before = states(database, "again")
    take_back = supersede_later_stages(database, "again", [Q1], "etl")
    assert publishable_quarters(database, "again") == ["2026Q2"]
    take_back()
    assert states(database, "again") == before
    supersede_later_stages(database, "again", [Q1], "etl")
    found = states(database, "again")
    assert found["2026Q1", "ml"] == found["2026Q1", "publish"] == ("pending", None)
    assert found["2026Q2", "publish"] == ("succeeded", None)
    assert publishable_quarters(database, "again") == ["2026Q2"]


def test_an_error_is_recorded_in_words_and_goes_on_up(database: Database) -> None:
    with pytest.raises(QuarterdeckError), track(database, "error", [Q1], "etl", "run", begins=True):
        raise QuarterdeckError("results.csv is empty.")
    assert states(database, "error")["2026Q1", "etl"] == ("failed", "results.csv is empty.")


def test_a_later_stage_refuses_after_a_failure_and_after_the_time_is_over(database: Database) -> None:
    said: list[str] = []
    with pytest.raises(QuarterdeckError, match="never started"):
        wait_for_previous(database, "wait", Q1, "ml", timeout_seconds=0, say=said.append)
    assert said == [f"Waiting for stage etl of wait, {Q1}, for at most 0 seconds."]
    with pytest.raises(RuntimeError), track(database, "wait", [Q1], "etl", "run", begins=True):
        raise RuntimeError("disk full")
    with pytest.raises(QuarterdeckError, match=r"stage etl failed.*disk full"):
        wait_for_previous(database, "wait", Q1, "ml", timeout_seconds=0)
    with track(database, "wait", [Q1], "etl", "run", begins=True, finishes=True):
        pass
    wait_for_previous(database, "wait", Q1, "ml", timeout_seconds=0, say=said.append)
    assert len(said) == 1


def test_waiting_outlives_a_database_that_is_away_for_a_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with track(database, "away", [Q1], "etl", "run", begins=True, finishes=True):
        pass
    connect, failures = Database.connect, [psycopg.OperationalError("failed to resolve host 'database'")]

    def fails_once(self: Database) -> psycopg.Connection:
        if failures:
            raise failures.pop()
        return connect(self)

    monkeypatch.setattr(Database, "connect", fails_once)
    wait_for_previous(database, "away", Q1, "ml", timeout_seconds=5)
    assert not failures
