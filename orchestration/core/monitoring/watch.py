"""Look at everything that is watched: measure the run, find what is unusual, open and close alerts, tell and export it.

This happens at the end of every run, in its own process, and once an hour in a sensor, since time alone makes a source late.
Monitoring never fails what it watches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from logging import Logger
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from orchestration.core.alerts import deliver, settle, targets
from orchestration.core.landing import CORRECTIONS_PART
from orchestration.core.monitoring.anomalies import (
    JUDGED_QUARTERS,
    Figures,
    Finding,
    is_expected,
    late_source,
    unusual_quarters,
)
from orchestration.core.monitoring.measures import record_run
from orchestration.core.monitoring.metrics import write_metrics
from orchestration.core.monitoring.rules import EVERY, Budget, Rules, load_rules
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.profile_store import file_doubts
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings
from orchestration.core.site_format import duration, money, size
from orchestration.core.status import error_sentence

# A domain's rates and shares are in a mart of one of these names; `docs/monitoring.md` says how to add one. dbt wants each
# name once in a project.
QUARTER_MEASURES = ("rpt_{domain}_quarter_measures", "rpt_quarter_measures")


@dataclass(frozen=True)
class Outlook:
    """What an evaluation changed: the messages of the alerts that it opened and closed."""

    opened: Sequence[str]
    closed: Sequence[str]


def watch_run(platform: Platform, instance: dg.DagsterInstance, run: dg.DagsterRun, log: dg.DagsterLogManager) -> None:
    """Measure the run and evaluate everything; what does not work is said in the run's log, and the run goes on."""
    try:
        rules = load_rules(datetime.now(UTC).date())
        record_run(platform.database, platform.settings, instance, run, rules.prices)
        watch(platform, instance, run.run_id, log)
    except Exception as error:
        log.warning(f"Monitoring did not work; the run is not affected. {error_sentence(error)}")


def watch(platform: Platform, instance: dg.DagsterInstance, run_id: str, log: Logger) -> None:
    """Evaluate everything, say what changed, and show it on the page. `run_id` is what the page says it was built by.

    Raises:
        QuarterdeckError: a row of the rules cannot be read, or the site fails its check and stays as it is.
    """
    outlook = evaluate(platform.database, platform.settings, datetime.now(UTC), log.warning)
    for message in outlook.opened:
        log.warning(f"Alert: {message}")
    for message in outlook.closed:
        log.info(f"Alert is over: {message}")
    if outlook.opened or outlook.closed:
        # Imported here because the pages were built before this, or will be later, in most runs.
        from orchestration.core.publishing import publish_platform

        with exclusive(platform.database, "publish") as still_locked:
            publish_platform(platform, run_id, instance, still_locked)


def evaluate(database: Database, settings: Settings, now: datetime, say: Callable[[str], object]) -> Outlook:
    """Find what is unusual, open and close alerts, export the measures, tell the targets. Safe to repeat at any time.

    Raises:
        QuarterdeckError: a row of the rules cannot be read.
    """
    rules = load_rules(now.date())
    with database.connect() as connection:
        # One evaluation at a time; readers of the table do not wait.
        connection.execute("lock table platform.alerts in share row exclusive mode")
        findings, undecided = find(connection, settings, rules, now)
        opened, closed = settle(connection, findings, undecided)
        write_metrics(connection, settings, now)
    deliver(database, targets(settings), say)
    return Outlook(opened, closed)


def find(
    connection: psycopg.Connection, settings: Settings, rules: Rules, now: datetime
) -> tuple[list[Finding], set[str]]:
    """Everything that is not as it should be now, and the keys of which nothing can be said."""
    findings, undecided = _stages(connection)
    start_month = settings.academic_year_start_month
    for domain, received in _received(connection).items():
        findings += unusual_quarters(_figures(connection, domain, Quarter.of(now.date(), start_month)), rules)
        findings += _doubtful_files(connection, domain)
        if is_expected(domain, received, start_month, rules) and (
            late := late_source(domain, max(received), now.date(), start_month, rules)
        ):
            findings.append(late)
    for budget in rules.budgets:
        findings += _over_budget(connection, budget, now, rules.prices.currency)
    return findings, undecided


def _stages(connection: psycopg.Connection) -> tuple[list[Finding], set[str]]:
    """Failed stages; a stage that works or waits is undecided: only its success ends the alert of its failure."""
    rows = connection.execute("select domain, quarter, stage, status, error from platform.stage_status").fetchall()
    findings = [
        Finding(
            f"stage {domain} {quarter} {stage}",
            "stage",
            "critical",
            domain,
            quarter,
            f"{quarter}: stage {stage} of {domain} failed. {error or ''}".strip(),
        )
        for domain, quarter, stage, status, error in rows
        if status == "failed"
    ]
    unfinished = {
        f"stage {domain} {quarter} {stage}"
        for domain, quarter, stage, status, _ in rows
        if status in ("running", "pending")
    }
    return findings, unfinished


def _doubtful_files(connection: psycopg.Connection, domain: str) -> list[Finding]:
    """What a person should look at in the newest files, until another file takes their place or a year has gone by."""
    rows = connection.execute(
        "select distinct quarter from platform.quarter_files where domain = %s order by quarter desc limit %s",
        (domain, JUDGED_QUARTERS),
    ).fetchall()
    newest = {quarter for (quarter,) in rows}
    return [
        Finding(
            f"file {domain} {quarter} {name} {place}", "file", "warning", domain, quarter, f"{quarter}, {name}: {doubt}"
        )
        for quarter, name, place, doubt in file_doubts(connection, domain)
        if quarter in newest
    ]


def _received(connection: psycopg.Connection) -> dict[str, dict[str, date]]:
    """By domain: the quarters of which files were received, with the day of each one's first."""
    rows = connection.execute(
        "select domain, quarter, min(assigned_at) from platform.quarter_files group by domain, quarter"
    ).fetchall()
    received: dict[str, dict[str, date]] = {}
    for domain, quarter, first in rows:
        received.setdefault(domain, {})[quarter] = first.astimezone(UTC).date()
    return received


def _figures(connection: psycopg.Connection, domain: str, running: Quarter) -> Figures:
    """A domain's counts; without those of the running quarter where a quarter is made of many files, since some are to come."""
    figures = _all_figures(connection, domain)
    in_parts = connection.execute(
        "select 1 from platform.quarter_files where domain = %s and part <> '' and not starts_with(part, %s) limit 1",
        (domain, CORRECTIONS_PART),
    ).fetchone()
    if in_parts:
        by_measure: list[dict[str, Any]] = [figures.rows, *figures.rates.values(), *figures.shares.values()]
        for by_quarter in by_measure:
            by_quarter.pop(str(running), None)
    return figures


def _all_figures(connection: psycopg.Connection, domain: str) -> Figures:
    figures = Figures(domain)
    accounts = connection.execute(
        """
        select quarter, sum(rows_read)::bigint, sum(rows_quarantined)::bigint
        from platform.row_accounts inner join platform.quarter_files using (domain, quarter, source_file_id)
        where domain = %s group by quarter
        """,
        (domain,),
    ).fetchall()
    figures.rows = {quarter: rows for quarter, rows, _ in accounts}
    figures.rates["quarantined"] = {quarter: (quarantined, rows) for quarter, rows, quarantined in accounts}
    mart = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace(%s) and relname = any(%s)",
        (f"{domain}_marts", [name.format(domain=domain) for name in QUARTER_MEASURES]),
    ).fetchone()
    if mart is None:
        return figures
    measures = connection.execute(
        sql.SQL("select quarter, measure, category, counted, counted_among from {}").format(
            sql.Identifier(f"{domain}_marts", mart[0])
        )
    ).fetchall()
    for quarter, measure, category, counted, among in measures:
        if category is None:
            figures.rates.setdefault(measure, {})[quarter] = (counted, among)
        else:
            figures.shares.setdefault(measure, {}).setdefault(quarter, {})[category] = counted
    return figures


# What each budget's measure is now, by domain. A run is the newest of its domain; a month is the running one, with its runs so
# far and the present store for all of it.
_VALUES = {
    "run_cost": "select distinct on (domain) domain, estimated_cost from platform.run_totals order by domain, recorded_at desc",
    "run_seconds": "select distinct on (domain) domain, seconds from platform.run_totals order by domain, recorded_at desc",
    "run_memory": """
        select distinct on (domain) domain, peak_memory_bytes from platform.run_totals order by domain, recorded_at desc
    """,
    "stored_bytes": "select domain, sum(bytes) from platform.newest_store group by domain",
    "month_cost": """
        select domain, sum(cost)
        from (
            select domain, estimated_cost_per_month as cost from platform.newest_store
            union all
            select domain, estimated_cost from platform.run_measures
            where recorded_at >= date_trunc('month', %(now)s::timestamptz, 'UTC')
        ) as costs
        group by domain
    """,
}
_OF_EACH_RUN = {"run_cost", "run_seconds", "run_memory"}


def budget_values(connection: psycopg.Connection, budget: Budget, now: datetime) -> dict[str, float]:
    """The present values that the budget is for: by domain, or under `*` the sum over all of them."""
    rows = connection.execute(_VALUES[budget.measure].encode(), {"now": now}).fetchall()
    values = {str(domain): float(value or 0) for domain, value in rows}
    if budget.domain != EVERY:
        return {domain: value for domain, value in values.items() if domain == budget.domain}
    return values if budget.measure in _OF_EACH_RUN else {EVERY: sum(values.values())}


def _over_budget(connection: psycopg.Connection, budget: Budget, now: datetime, currency: str) -> list[Finding]:
    found = []
    for domain, value in budget_values(connection, budget, now).items():
        if value > budget.highest:
            whose = "all domains" if domain == EVERY else domain
            now_and_highest = [in_words(budget.measure, number, currency) for number in (value, budget.highest)]
            sentence = (
                f"Budget {budget.name.replace('_', ' ')}, {whose}: {now_and_highest[0]}, against at most {now_and_highest[1]}. "
                "Steps and datasets on the monitoring page say what it went into."
            )
            found.append(Finding(f"budget {budget.name} {domain}", "budget", budget.severity, domain, None, sentence))
    return found


def in_words(measure: str, value: float, currency: str) -> str:
    """A measure's value with its unit."""
    if measure.endswith("_cost"):
        return money(value, currency)
    return duration(value) if measure == "run_seconds" else size(round(value))
