"""The monitoring page: from what was measured to the template's context, a pure function, and the query of what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from orchestration.core.monitoring.measures import record_run
from orchestration.core.monitoring.rules import EVERY, Budget, Rules, load_rules
from orchestration.core.monitoring.watch import budget_values, in_words
from orchestration.core.site import SiteBuilder
from orchestration.core.site_format import count, duration, moment, money, quarter_label, size

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing

TEMPLATE = "monitoring.html"
ZONES = ("landing", "raw", "trusted", "curated", "product", "platform")
# What a page shows of a long history; everything stays in the tables.
RUNS_SHOWN, QUARTERS_SHOWN, DAYS_OF_ALERTS = 40, 40, 365
# Room for at least so many bars, so that a young installation's are not as wide as the page.
FEWEST_PLACES = 12

QUERIES = {
    "alerts": """
        select severity, domain, message, opened_at, closed_at from platform.alerts
        where closed_at is null or closed_at > %(now)s::timestamptz - make_interval(days => %(days)s)
        order by closed_at is not null, opened_at desc
    """,
    "runs": """
        select * from (
            select *, row_number() over (partition by domain order by recorded_at desc) as age from platform.run_totals
        ) as runs
        where age <= %(runs)s order by recorded_at
    """,
    "quarters": """
        select domain, quarter, sum(rows_read)::bigint as rows_read, sum(rows_quarantined)::bigint as rows_quarantined
        from platform.row_accounts inner join platform.quarter_files using (domain, quarter, source_file_id)
        group by domain, quarter order by domain, quarter
    """,
    "store": """
        select recorded_at, zone, sum(bytes)::bigint as bytes, sum(estimated_cost_per_month) as cost
        from platform.storage_measures
        where recorded_at in (select distinct recorded_at from platform.storage_measures order by 1 desc limit %(runs)s)
        group by recorded_at, zone order by recorded_at
    """,
    "steps": "select * from platform.newest_steps order by domain, recorded_at, step",
    "datasets": """
        with newest_assets as (
            select distinct on (asset) asset, rows_written, seconds from platform.asset_measures order by asset, recorded_at desc
        )
        select domain, zone, dataset, bytes, rows_written, seconds
        from platform.newest_store left join newest_assets on asset = domain || '/' || dataset
        order by bytes desc
    """,
}


@dataclass(frozen=True)
class MonitoringData:
    """What the page shows: the rows of QUERIES by name, the budgets with their present values, the currency of all costs."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    budgets: Sequence[tuple[Budget, str, float]]
    currency: str


def load_monitoring(connection: psycopg.Connection, rules: Rules, now: datetime) -> MonitoringData:
    """Everything that the page shows, in the connection's transaction."""
    arguments = {"now": now, "days": DAYS_OF_ALERTS, "runs": RUNS_SHOWN}
    cursor = connection.cursor(row_factory=dict_row)
    return MonitoringData(
        {name: cursor.execute(query.encode(), arguments).fetchall() for name, query in QUERIES.items()},
        [
            (budget, domain, value)
            for budget in rules.budgets
            for domain, value in budget_values(connection, budget, now).items()
        ],
        rules.prices.currency,
    )


def prepare_monitoring(publishing: Publishing) -> Callable[[SiteBuilder], object]:
    """Read what the page shows; of the publishing run itself what it needed so far."""
    platform = publishing.platform
    rules = load_rules(publishing.built_at.date())
    run = publishing.instance.get_run_by_id(publishing.run_id)
    if run is not None:
        record_run(platform.database, platform.settings, publishing.instance, run, rules.prices)
    with platform.database.connect() as connection:
        context = monitoring_context(load_monitoring(connection, rules, publishing.built_at))
    return lambda builder: builder.page(TEMPLATE, **context)


def monitoring_context(data: MonitoringData) -> dict[str, Any]:
    """The context of `templates/monitoring.html`."""
    alerts = [_alert(row) for row in data.rows["alerts"]]
    still_open = [alert for alert in alerts if alert["closed"] is None]
    return {
        "headline": _headline(len(still_open)),
        "standfirst": _standfirst(data),
        "open_alerts": still_open,
        "past_alerts": [alert for alert in alerts if alert["closed"] is not None],
        "budgets": [_budget(*budget, data.currency) for budget in data.budgets],
        "store": _store(data.rows["store"]),
        "domains": [_domain(domain, data) for domain in _domains(data)],
        "datasets": [{**row, "domain": words(row["domain"])} for row in data.rows["datasets"]],
        "currency": data.currency,
    }


def words(name: str) -> str:
    """A technical name as people read it."""
    return name.replace("_", " ").capitalize()


def _headline(open_count: int) -> str:
    if open_count == 0:
        return "Nothing unusual: no alert is open"
    return "One alert is open" if open_count == 1 else f"{open_count} alerts are open"


def _standfirst(data: MonitoringData) -> str:
    runs, store = data.rows["runs"], data.rows["store"]
    if not runs:
        return (
            "No run was measured yet. The first one that changes a table is shown here once the pages are built again."
        )
    newest = runs[-1]
    sentence = f"The last measured run, on {moment(newest['recorded_at'])}, took {duration(newest['seconds'])}"
    sentence += f" for {words(newest['domain']).lower()}"
    now = [row for row in store if row["recorded_at"] == store[-1]["recorded_at"]] if store else []
    if now:
        sentence += (
            f"; {size(sum(row['bytes'] for row in now))} were stored after it, "
            f"at an estimated {money(sum(row['cost'] for row in now), data.currency)} a month"
        )
    return f"{sentence}."


def _alert(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "severity": row["severity"],
        "domain": "All domains" if row["domain"] == EVERY else words(row["domain"]),
        "message": row["message"],
        "opened": row["opened_at"],
        "closed": row["closed_at"],
    }


def _budget(budget: Budget, domain: str, value: float, currency: str) -> dict[str, Any]:
    share = 100 * value / budget.highest if budget.highest else 100.0
    return {
        "name": words(budget.name),
        "domain": "All domains" if domain == EVERY else words(domain),
        "value": in_words(budget.measure, value, currency),
        "highest": in_words(budget.measure, budget.highest, currency),
        "share": share,
        "bar": min(share, 100.0),
        "is_over": value > budget.highest,
    }


def _domains(data: MonitoringData) -> list[str]:
    return sorted({row["domain"] for name in ("runs", "quarters") for row in data.rows[name]})


def _domain(domain: str, data: MonitoringData) -> dict[str, Any]:
    runs = [row for row in data.rows["runs"] if row["domain"] == domain]
    quarters = [row for row in data.rows["quarters"] if row["domain"] == domain][-QUARTERS_SHOWN:]
    labels = [f"{moment(row['recorded_at'])}{'' if row['has_succeeded'] else ', failed'}" for row in runs]

    def of_runs(identifier: str, title: str, column: str, shown: Any) -> dict[str, Any]:
        values = [float(row[column] or 0) for row in runs]
        failed = [not row["has_succeeded"] for row in runs]
        return trend(f"{domain}-{identifier}", title, "Run", labels, [shown(value) for value in values], values, failed)

    rows = [row["rows_read"] for row in quarters]
    return {
        "name": words(domain),
        "trends": [
            trend(
                f"{domain}-rows",
                "Rows received, by quarter",
                "Quarter",
                [quarter_label(row["quarter"]) for row in quarters],
                [f"{count(row['rows_read'])}, {count(row['rows_quarantined'])} quarantined" for row in quarters],
                rows,
            ),
            of_runs("seconds", "Time of each run", "seconds", duration),
            of_runs("memory", "Highest memory of each run", "peak_memory_bytes", lambda value: size(round(value))),
            of_runs("cost", "Estimated cost of each run", "estimated_cost", lambda value: money(value, data.currency)),
        ],
        "steps": [
            {
                **row,
                "name": words(row["step"].removeprefix(domain)).strip(),
                "cost": money(row["estimated_cost"], data.currency),
            }
            for row in data.rows["steps"]
            if row["domain"] == domain
        ],
    }


def trend(
    identifier: str,
    title: str,
    unit: str,
    labels: Sequence[str],
    texts: Sequence[str],
    values: Sequence[float],
    failed: Sequence[bool] = (),
) -> dict[str, Any]:
    """A small bar chart: heights in percent of the highest value, with each bar's label, text and whether it failed."""
    highest = max(values, default=0) or 1
    return {
        "id": identifier,
        "title": title,
        "unit": unit,
        "places": max(len(values), FEWEST_PLACES),
        "span": _span(labels),
        "highest": texts[list(values).index(max(values))] if values else "",
        "bars": [
            {
                "label": label,
                "text": text,
                "height": 100 * value / highest,
                "failed": place < len(failed) and failed[place],
            }
            for place, (label, text, value) in enumerate(zip(labels, texts, values, strict=True))
        ],
    }


def _span(labels: Sequence[str]) -> str:
    """What the bars reach over; of points in time, the days."""
    days = list(dict.fromkeys(label.split(",")[0] for label in labels))
    return " to ".join(days if len(days) < 2 else (days[0], days[-1]))


def _store(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Stacked bars of the bytes after each run, a series a zone, from the bottom in the order of ZONES."""
    sizes: dict[datetime, dict[str, int]] = {}
    for row in rows:
        sizes.setdefault(row["recorded_at"], {})[row["zone"]] = row["bytes"]
    highest = max((sum(zones.values()) for zones in sizes.values()), default=0) or 1
    bars = []
    for at, zones in sizes.items():
        below, parts = 0.0, []
        for series, zone in enumerate(ZONES, start=1):
            height = 100 * zones.get(zone, 0) / highest
            parts.append({"series": series, "height": height, "top": 100 - below - height})
            below += height
        bars.append(
            {
                "label": moment(at),
                "text": size(sum(zones.values())),
                "parts": parts,
                "sizes": [size(zones.get(zone, 0)) for zone in ZONES],
            }
        )
    return {
        "zones": [zone.capitalize() for zone in ZONES],
        "places": max(len(bars), FEWEST_PLACES),
        "span": _span([str(bar["label"]) for bar in bars]),
        "bars": bars,
    }
