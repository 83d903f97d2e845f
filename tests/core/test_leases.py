"""Leases: who works on a quarter, what a second run is told, and that a run which was taken over writes nothing more."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import dagster as dg
import psycopg
import pytest

from orchestration.core import leases, resources
from orchestration.core.domain_assets import build_pages_asset
from orchestration.core.leases import LeaseLostError, LeaseTakenError, release, require, take, writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.processes import process_name, wait_until
from orchestration.core.publishing import Publishing
from orchestration.core.reset import forget_quarter
from orchestration.core.resources import AllDefinitions, Platform
from orchestration.core.settings import Settings
from orchestration.core.status import track

Q1, Q2, Q3 = Quarter(2026, 1), Quarter(2026, 2), Quarter(2026, 3)
ALONE = {"lease_seconds": 60, "wait_seconds": 0}
# Takes the lease of 2026Q1 in a process of its own, and is killed with it.
OTHER_RUN = """
import os, signal, sys
from orchestration.core.leases import take
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
take(Database(sys.argv[1]), sys.argv[2], [Quarter(2026, 1)], "run of the dead", "the schedule", lease_seconds=600, wait_seconds=0)
if sys.argv[3] == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
print("taken", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    """No lease outlives its test."""
    yield
    release()


def other_run(database: Database, domain: str, fate: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", OTHER_RUN, database.conninfo, domain, fate]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lease_of(database: Database, domain: str, quarter: Quarter = Q1) -> tuple[Any, ...]:
    with database.connect() as connection:
        row = connection.execute(
            "select run_id, token, released_at is not null from platform.stage_leases where domain = %s and quarter = %s",
            (domain, str(quarter)),
        ).fetchone()
    assert row is not None
    return row


def test_a_second_run_is_told_who_works_since_when_and_changes_nothing(database: Database) -> None:
    first = other_run(database, "second", "lives")
    assert first.stdout is not None
    assert first.stdout.readline() == "taken\n"
    told = rf"2026Q1 of second is already running, since 20.*by the schedule \(process {first.pid} "
    with pytest.raises(LeaseTakenError, match=told):
        take(database, "second", [Q1, Q2], "second run", "a person", **ALONE)
    assert lease_of(database, "second")[0] == "run of the dead"
    # All or none: the free quarter was not taken.
    take(database, "second", [Q2], "third run", "a person", **ALONE)
    first.communicate("\n")


def test_a_quarter_at_work_is_not_forgotten(database: Database) -> None:
    first = other_run(database, "forgotten", "lives")
    assert first.stdout is not None
    first.stdout.readline()
    with pytest.raises(LeaseTakenError, match="already running"):
        forget_quarter(database, Settings(), ["forgotten"], Q1)
    first.communicate("\n")


def test_a_killed_run_is_succeeded_at_once_though_its_lease_has_not_expired(database: Database) -> None:
    assert other_run(database, "killed", "dies").wait() < 0
    take(database, "killed", [Q1], "successor", "a person", lease_seconds=60, wait_seconds=5)
    assert lease_of(database, "killed")[0] == "successor"


def test_a_run_that_waits_takes_its_turn_when_the_other_ends(database: Database) -> None:
    first = other_run(database, "turns", "lives")
    assert first.stdout is not None
    first.stdout.readline()
    assert first.stdin is not None
    first.stdin.close()
    take(database, "turns", [Q1], "waiting run", "the schedule", lease_seconds=60, wait_seconds=30)
    assert lease_of(database, "turns")[0] == "waiting run"
    first.wait()


def taken_over(database: Database, domain: str) -> None:
    """Make this process's lease one that another run has taken over."""
    with database.connect() as connection:
        connection.execute(
            "update platform.stage_leases set token = nextval('platform.lease_tokens'), run_id = 'successor' where domain = %s",
            (domain,),
        )


def test_a_run_that_was_taken_over_writes_nothing_more(database: Database) -> None:
    take(database, "fenced", [Q1, Q2, Q3], "late run", "a person", **ALONE)
    with track(database, "fenced", [Q1], "etl", "late run", begins=True):
        pass
    taken_over(database, "fenced")
    with pytest.raises(LeaseLostError, match="another one has taken its quarter over"), writing(database) as connection:
        connection.execute("delete from platform.stage_status where domain = 'fenced'")
    # Not even that it failed: how the stage stands is the successor's to say.
    with pytest.raises(LeaseLostError), track(database, "fenced", [Q1], "etl", "late run", finishes=True):
        pass
    with database.connect() as connection:
        assert connection.execute("select status from platform.stage_status where domain = 'fenced'").fetchall() == [
            ("running",)
        ]


def test_a_run_that_was_taken_over_does_not_call_its_successors_pages_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "open_database", lambda _settings: database)

    class Step:
        """Pages that are as they must be, since the successor has published them."""

        project = SimpleNamespace(domain="published")

        def are_up_to_date(self, _platform: Platform) -> bool:
            taken_over(database, "published")
            return True

    quarters = dg.StaticPartitionsDefinition(["2026-01-01"])
    step: Any = Step()
    pages = build_pages_asset(step, quarters, marts=[], publish=lambda *_: [])
    given = {"platform": Platform(), "all_definitions": AllDefinitions(dg.Definitions)}
    with pytest.raises(LeaseLostError):
        dg.materialize([pages], partition_key="2026-01-01", resources=given)


def test_nobody_takes_over_between_the_question_and_the_commit_and_signs_of_life_go_on(database: Database) -> None:
    take(database, "between", [Q1], "slow run", "a person", **ALONE)
    with database.connect() as slow, database.connect() as other:
        require(slow)
        other.execute("set lock_timeout = '200ms'")
        other.execute("update platform.stage_leases set renewed_at = now() where domain = 'between'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("update platform.stage_leases set token = 0 where domain = 'between'")
        other.rollback()


def test_a_silent_runs_sessions_are_ended_when_it_is_taken_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(database, "silent", [Q1], "silent run", "a person", lease_seconds=1000, wait_seconds=0)
    asleep = database.connect()
    asleep.execute("select 1")
    with database.connect() as connection:
        connection.execute(
            "update platform.stage_leases set expires_at = now() - interval '1 s' where domain = 'silent'"
        )
    # From here on this process is the successor's; the session above has the name of the silent one's.
    silent = list(leases._held)
    leases._held.clear()
    monkeypatch.setattr(leases, "process_name", lambda: "the successor")
    take(database, "silent", [Q1], "successor", "a person", **ALONE)
    with pytest.raises(psycopg.OperationalError):
        asleep.execute("select 1")
    leases._held.extend(silent)
    assert process_name() != "the successor"


def test_a_lease_is_renewed_while_the_run_works_and_released_at_its_end(database: Database) -> None:
    take(database, "renewed", [Q1], "run", "a person", lease_seconds=0.4, wait_seconds=0)
    _, token, _ = lease_of(database, "renewed")
    assert os.environ[leases.TOKEN_VARIABLE] == f"{token}, 1"
    with database.connect() as connection:
        connection.autocommit = True
        query = "select renewed_at > taken_at from platform.stage_leases where domain = 'renewed'"
        assert wait_until(lambda: connection.execute(query).fetchone() == (True,), 10, 0.05)
    release()
    assert lease_of(database, "renewed")[2]
    assert leases.TOKEN_VARIABLE not in os.environ


def test_a_running_stage_without_a_living_run_is_shown_as_such(database: Database) -> None:
    take(database, "shown", [Q1], "run", "a person", **ALONE)
    with track(database, "shown", [Q1], "etl", "run", begins=True):
        pass
    query = "select no_sign_of_life_since is not null from platform.stage_states where domain = 'shown'"
    with database.connect() as connection:
        assert connection.execute(query).fetchall() == [(False,)]
        connection.execute(
            "update platform.stage_leases set expires_at = now() - interval '1 s' where domain = 'shown'"
        )
        assert connection.execute(query).fetchall() == [(True,)]


def test_the_second_is_told_in_words_what_started_the_first() -> None:
    assert leases.starter({"dagster/schedule_name": "student_performance_quarterly"}) == (
        "the schedule student_performance_quarterly"
    )
    assert leases.starter({"quarterdeck/started_by": leases.COMMAND}) == "`quarterdeck run`"
    assert leases.starter({}) == "the Dagster UI"


# Takes a short lease of the other domain's quarter and the lock that all share, and falls asleep.
SLEEPER = """
import os, signal, sys
from orchestration.core.leases import take
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
database = Database(sys.argv[1])
take(database, "asleep", [Quarter(2026, 1)], "sleeper", "a person", lease_seconds=1, wait_seconds=0)
with exclusive(database, "shared lock"):
    print("asleep", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    with database.connect() as connection:
        from orchestration.core.leases import require
        require(connection)
"""


def test_a_lock_that_a_silent_run_holds_is_taken_with_its_right_to_write(database: Database) -> None:
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, database.conninfo], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert sleeper.stdout is not None
    sleeper.stdout.readline()
    with exclusive(database, "shared lock"):
        sleeper.send_signal(signal.SIGCONT)
        _, errors = sleeper.communicate(timeout=60)
    assert "LeaseLostError" in errors


def test_a_publisher_that_lost_its_lock_does_not_publish(database: Database) -> None:
    platform: Any = SimpleNamespace(database=database)
    nothing: Any = None
    with exclusive(database, "lost lock") as still_locked:
        publishing = Publishing(platform, "lost", "run", nothing, nothing, still_locked)
        publishing.still_ours()
        with database.connect() as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%lost lock%'"
            )
        with pytest.raises(psycopg.OperationalError):
            publishing.still_ours()
