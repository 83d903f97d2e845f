"""Which failures are worth another try."""

import dagster as dg
import psycopg
import pytest

from orchestration.core.errors import QuarterdeckError, TransientError
from orchestration.core.postgres import Database
from orchestration.core.retries import RETRY_POLICY, another_try, is_transient, is_transient_message
from orchestration.student_performance.kaggle import KaggleUnreachable


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.DeadlockDetected("deadlock"),
        psycopg.errors.SerializationFailure("concurrent update"),
        psycopg.errors.LockNotAvailable("lock timeout"),
        psycopg.errors.AdminShutdown("terminating connection"),
        psycopg.errors.CannotConnectNow("starting up"),
        psycopg.OperationalError("connection failed: server closed the connection unexpectedly"),
        TransientError("cut off"),
        KaggleUnreachable("no network"),
        dg.Failure("dbt lost its connection", allow_retries=True),
    ],
)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        QuarterdeckError("refused"),
        psycopg.errors.UniqueViolation("twice"),
        psycopg.errors.DiskFull("no space"),
        psycopg.errors.QueryCanceled("canceled"),
        psycopg.OperationalError('connection failed: FATAL: password authentication failed for user "x"'),
        ValueError("a mistake in the code"),
        KeyboardInterrupt(),
        dg.Failure("too many quarantined", allow_retries=False),
    ],
)
def test_what_would_fail_again_is_not(error: BaseException) -> None:
    assert not is_transient(error)


def test_a_server_that_does_not_answer_and_a_lock_that_takes_too_long_are_recognised(database: Database) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect("host=127.0.0.1 port=1 dbname=x")
    assert is_transient(refused.value)
    with database.connect() as first, database.connect() as second:
        first.execute("select pg_advisory_xact_lock(77)")
        second.execute("set local lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable) as waited:
            second.execute("select pg_advisory_xact_lock(77)")
        assert is_transient(waited.value)
        # dbt passes the same on as text.
        assert is_transient_message(f"Database Error in model x\n  {waited.value}")
        second.rollback()
        with pytest.raises(psycopg.errors.AdminShutdown) as ended:
            second.execute("select pg_terminate_backend(pg_backend_pid())")
        assert is_transient_message(str(ended.value))


def test_outside_of_a_step_there_is_no_other_try() -> None:
    assert another_try(TransientError("cut off")) is None


def tries_of(error: Exception, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[float]]:
    monkeypatch.setattr("orchestration.core.retries.RETRY_POLICY", RETRY_POLICY._replace(delay=0.001))
    tries: list[float] = []

    @dg.asset
    def failing() -> None:
        tries.append(1)
        raise another_try(error) or error

    result = dg.materialize([failing], raise_on_error=False)
    assert not result.success
    waits = [event.step_retry_data.seconds_to_wait or 0 for event in result.all_events if event.is_step_up_for_retry]
    return len(tries), waits


def test_a_step_is_tried_four_times_at_most_and_a_refusal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tries_of(TransientError("cut off"), monkeypatch)[0] == 1 + RETRY_POLICY.max_retries == 4
    assert tries_of(QuarterdeckError("refused"), monkeypatch) == (1, [])


def test_waits_grow_and_are_spread() -> None:
    waits = [[RETRY_POLICY.calculate_delay(number) for _ in range(50)] for number in (1, 2, 3)]
    assert all(0 <= wait <= 10 for wait in waits[0])
    assert all(10 <= wait <= 20 for wait in waits[1])
    assert all(30 <= wait <= 40 for wait in waits[2])
    assert len(set(waits[0])) > 1
