"""Which failures of a step are worth another try, and when it comes: the one place that decides this.

Worth it: what passes by itself, such as a database that restarts, a deadlock, a lock that took too long, a network that is
away. Not worth it: a refused file, a failed check, a mistake in the code; they would fail in the same way again.

A step that wants another try raises `dg.RetryRequested`; a `retry_policy` on the assets would retry everything, Ctrl-C
included.
"""

import re
from typing import Any

import dagster as dg
import psycopg

from orchestration.core.errors import TransientError

# Tries again after about 5, 15 and 35 seconds: a database that restarts or fails over is back by then.
RETRY_POLICY = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, serialization failure, deadlock,
# lock not available, too many connections, shutdown, crash, starting up.
_TRANSIENT_SQLSTATES = re.compile(r"08...|40001|40P01|55P03|53300|57P0[123]")
# The same in Postgres's words, for a connection that was not made or was lost, and for errors that dbt passes on as text.
_TRANSIENT_WORDS = re.compile(
    r"connection (refused|reset|timed out|already closed|not open|to server .* failed: timeout)"
    r"|could not (connect|receive data|send data|serialize access)|server closed the connection|connection is lost"
    r"|terminating connection due to|the database system is (starting up|shutting down|in recovery|not yet accepting)"
    r"|deadlock detected|due to lock timeout|too many clients already|remaining connection slots|SSL connection has been closed"
    r"|could not translate host name|No such file or directory\s+Is the server running",
    re.IGNORECASE,
)


def is_transient_message(text: str) -> bool:
    """Whether a database's error, known by its words only, may pass by itself."""
    return _TRANSIENT_WORDS.search(text) is not None


def is_transient_result(result: Any) -> bool:
    """The same of a dbt command's result; a data test that failed is not an error."""
    outcomes = getattr(result.result, "results", [])
    said = [str(outcome.message) for outcome in outcomes if outcome.status in ("error", "runtime error")]
    return is_transient_message("\n".join([str(result.exception or ""), *said]))


def is_transient(error: BaseException) -> bool:
    """Whether the same step may well succeed when it is tried again."""
    if isinstance(error, dg.Failure):
        return error.allow_retries
    if isinstance(error, psycopg.OperationalError):
        if error.sqlstate is not None:
            return _TRANSIENT_SQLSTATES.fullmatch(error.sqlstate) is not None
        return is_transient_message(str(error))
    return isinstance(error, TransientError)


def another_try(error: BaseException) -> dg.RetryRequested | None:
    """What the present step raises instead of `error` to be tried again; None where that is no use, or was done enough."""
    if not is_transient(error):
        return None
    try:
        retries = dg.AssetExecutionContext.get().retry_number
    except dg.DagsterInvariantViolationError:
        return None  # not in a step: nobody would try again
    if retries >= RETRY_POLICY.max_retries:
        return None
    seconds = RETRY_POLICY.calculate_delay(retries + 1)
    return dg.RetryRequested(max_retries=RETRY_POLICY.max_retries, seconds_to_wait=seconds)
