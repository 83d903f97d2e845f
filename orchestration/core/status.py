"""What every stage of every quarter is doing, in `platform.stage_status`; stages wait for one another by this table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal, get_args

import dagster as dg
import psycopg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.leases import LeaseLostError, writing
from orchestration.core.monitoring.measures import note_peak_memory
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.processes import wait_until
from orchestration.core.retries import another_try

Stage = Literal["etl", "ml", "publish"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def error_sentence(error: BaseException) -> str:
    """The error in words for people: no traceback, the innermost cause that says something."""
    if isinstance(error, dg.Failure) and error.description:
        return error.description
    if isinstance(error, QuarterdeckError):
        return str(error)
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


@contextmanager
def track(
    database: Database,
    domain: str,
    quarters: Sequence[Quarter],
    stage: Stage,
    run_id: str,
    *,
    begins: bool = False,
    finishes: bool = False,
) -> Iterator[dict[str, tuple[int, int]]]:
    """Record a step of a stage. Yields a dict; the rows in and out put there by quarter are recorded.

    An error that may pass by itself asks Dagster for another try, and the stage goes on running. Any other marks it failed
    with its sentence and goes on up.
    """
    labels = [str(quarter) for quarter in quarters]
    with writing(database) as connection:
        connection.execute(
            """
            insert into platform.stage_status (domain, quarter, stage, status, run_id, started_at)
            select %(domain)s, quarter, %(stage)s, 'running', %(run_id)s, clock_timestamp()
            from unnest(%(quarters)s::text[]) as quarter
            on conflict (domain, quarter, stage) do update set
                status = 'running', run_id = excluded.run_id, finished_at = null, error = null,
                started_at = case
                    when %(begins)s or stage_status.run_id is distinct from excluded.run_id then excluded.started_at
                    else stage_status.started_at
                end
            """,
            {"domain": domain, "stage": stage, "run_id": run_id, "quarters": labels, "begins": begins},
        )
    rows: dict[str, tuple[int, int]] = {}
    try:
        yield rows
    except BaseException as error:
        if retry := another_try(error):
            raise retry from error
        with suppress(LeaseLostError):  # then how the stage stands is the other run's to say
            _end(database, domain, labels, stage, "failed", rows, error_sentence(error))
        raise
    finally:
        note_peak_memory()
    if finishes:
        _end(database, domain, labels, stage, "succeeded", rows, None)


def succeeded(database: Database, domain: str, quarters: Sequence[Quarter], stage: Stage) -> set[Quarter]:
    """Those of the quarters whose stage has succeeded, and was not begun again since."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select quarter from platform.stage_status
            where domain = %s and quarter = any(%s) and stage = %s and status = 'succeeded'
            """,
            (domain, [str(quarter) for quarter in quarters], stage),
        ).fetchall()
    return {Quarter.parse(row[0]) for row in rows}


def remember(
    database: Database, domain: str, quarters: Sequence[Quarter], stage: Stage
) -> Callable[[Sequence[Quarter], str], None]:
    """Note how the stage stands. Returns a function that puts this back for quarters on which a run found nothing to do."""
    with database.connect() as connection:
        before = connection.execute(
            "select * from platform.stage_status where domain = %s and quarter = any(%s) and stage = %s",
            (domain, [str(quarter) for quarter in quarters], stage),
        ).fetchall()

    def put_back(untouched: Sequence[Quarter], run_id: str) -> None:
        labels = [str(quarter) for quarter in untouched]
        with writing(database) as connection:
            gone = connection.execute(
                """
                delete from platform.stage_status
                where domain = %s and quarter = any(%s) and stage = %s and run_id = %s returning quarter
                """,
                (domain, labels, stage, run_id),
            ).fetchall()
            _insert(connection, [row for row in before if (row[1],) in gone])

    return put_back


def _insert(connection: psycopg.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    statement = "insert into platform.stage_status values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    connection.cursor().executemany(statement, rows)


def supersede_later_stages(
    database: Database, domain: str, quarters: Sequence[Quarter], stage: Stage, stages: Sequence[Stage] = STAGES
) -> Callable[[], None]:
    """Make the stages after `stage` pending, before its tables change: their results are of the old tables.

    stages: those of the domain, in order.

    Returns a function that takes this back, for when it turns out that no table was changed.
    """
    labels = [str(quarter) for quarter in quarters]
    later = list(stages[stages.index(stage) + 1 :])
    with writing(database) as connection:
        before = connection.execute(
            "select * from platform.stage_status where domain = %s and quarter = any(%s) and stage = any(%s)",
            (domain, labels, later),
        ).fetchall()
        connection.execute(
            """
            insert into platform.stage_status (domain, quarter, stage, status)
            select %(domain)s, quarter, stage, 'pending'
            from unnest(%(quarters)s::text[]) as quarter, unnest(%(later)s::text[]) as stage
            on conflict (domain, quarter, stage) do update set
                status = 'pending', run_id = null, started_at = null, finished_at = null,
                rows_in = null, rows_out = null, error = null
            """,
            {"domain": domain, "quarters": labels, "later": later},
        )

    def take_back() -> None:
        with writing(database) as connection:
            connection.execute(
                "delete from platform.stage_status where domain = %s and quarter = any(%s) and stage = any(%s)",
                (domain, labels, later),
            )
            _insert(connection, before)

    return take_back


def _end(
    database: Database,
    domain: str,
    quarters: list[str],
    stage: Stage,
    status: str,
    rows: dict[str, tuple[int, int]],
    error: str | None,
) -> None:
    with writing(database) as connection:
        connection.cursor().executemany(
            """
            update platform.stage_status
            set status = %s, finished_at = clock_timestamp(), rows_in = %s, rows_out = %s, error = %s
            where domain = %s and quarter = %s and stage = %s
            """,
            [(status, *rows.get(quarter, (None, None)), error, domain, quarter, stage) for quarter in quarters],
        )


def wait_for_previous(
    database: Database,
    domain: str,
    quarter: Quarter,
    stage: Stage,
    timeout_seconds: float,
    stages: Sequence[Stage] = STAGES,
    say: Callable[[str], object] = lambda _: None,
) -> None:
    """Wait until the stage before `stage`, of the domain's `stages`, has succeeded for the quarter.

    say: takes a sentence on what is waited for, where there is something to wait for.

    Raises:
        QuarterdeckError: it failed, or it has not succeeded when the time is over.
    """
    position = stages.index(stage)
    if position == 0:
        return
    previous = stages[position - 1]

    def status_of_previous() -> tuple[str, str | None]:
        with database.connect() as connection:
            row = connection.execute(
                "select status, error from platform.stage_status where domain = %s and quarter = %s and stage = %s",
                (domain, str(quarter), previous),
            ).fetchone()
        return (row[0], row[1]) if row else ("never started", None)

    def has_ended() -> bool:
        try:
            return status_of_previous()[0] in ("succeeded", "failed")
        except psycopg.OperationalError:
            # In a wait of an hour the server may be restarted, or its name not be known for a moment.
            return False

    if not has_ended():
        say(f"Waiting for stage {previous} of {domain}, {quarter}, for at most {timeout_seconds:g} seconds.")
        wait_until(has_ended, timeout_seconds)
    status, error = status_of_previous()
    if status == "failed":
        raise QuarterdeckError(
            f"Stage {stage} of {quarter} cannot begin: stage {previous} failed. {error or ''}".strip()
        )
    if status != "succeeded":
        raise QuarterdeckError(
            f"Stage {stage} of {quarter} cannot begin: stage {previous} is {status} after waiting {timeout_seconds:g} seconds. "
            f"Run `quarterdeck stage {previous} --quarter {quarter}` first."
        )


def publishable_quarters(database: Database, domain: str, stages: Sequence[Stage] = STAGES) -> list[str]:
    """Quarters whose labels belong to their marts, oldest first: only these are shown to readers.

    That is where the stage before publishing has succeeded: ml is pending from the moment that etl begins to change the
    marts. A refused file fails etl without touching them, and its quarter stays on the pages as it was; where etl is all
    that there is before publishing, publishing tells it, which is pending from that moment too.

    stages: those of the domain, in order.
    """
    told_by = ["etl", "publish"] if stages[-2] == "etl" else [stages[-2]]
    with database.connect() as connection:
        rows = connection.execute(
            """
            select distinct quarter from platform.stage_status
            where domain = %s and stage = any(%s) and status = 'succeeded' order by quarter
            """,
            (domain, told_by),
        ).fetchall()
    return [row[0] for row in rows]
