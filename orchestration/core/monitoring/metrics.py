"""The state of the platform as a text file of Prometheus metrics, for the textfile collector of node_exporter.

The file is written whole and renamed into its place. Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from datetime import datetime
from pathlib import Path

import psycopg
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from orchestration.core.settings import Settings

# Metric: its help, and a query whose last column is the value and whose other columns are the labels, by their names.
METRICS = {
    "quarterdeck_stage_status": (
        "1 for the status that each stage of each quarter has",
        "select domain, quarter, stage, status, 1 from platform.stage_status",
    ),
    "quarterdeck_quarter_rows": (
        "Rows of a quarter's files by what became of them",
        """
        select domain, quarter, outcome, sum(counted)
        from platform.row_accounts inner join platform.quarter_files using (domain, quarter, source_file_id)
        cross join lateral (values ('trusted', rows_trusted), ('quarantined', rows_quarantined)) as outcomes (outcome, counted)
        group by domain, quarter, outcome
        """,
    ),
    "quarterdeck_step_seconds": (
        "Elapsed seconds of each step when it last did something",
        "select domain, step, seconds from platform.newest_steps",
    ),
    "quarterdeck_step_rows": (
        "Rows that each step wrote when it last did something",
        "select domain, step, rows_written from platform.newest_steps",
    ),
    "quarterdeck_step_peak_memory_bytes": (
        "Highest memory of the run's process up to the end of the step",
        "select domain, step, coalesce(peak_memory_bytes, 0) from platform.newest_steps",
    ),
    "quarterdeck_step_estimated_cost": (
        "Estimated cost of the step, in the currency of the price list",
        "select domain, step, estimated_cost from platform.newest_steps",
    ),
    "quarterdeck_stored_bytes": (
        "Bytes stored, by zone",
        "select domain, zone, sum(bytes) from platform.newest_store group by domain, zone",
    ),
    "quarterdeck_stored_estimated_cost_per_month": (
        "Estimated cost of what is stored for a month, in the currency of the price list",
        "select domain, zone, sum(estimated_cost_per_month) from platform.newest_store group by domain, zone",
    ),
    "quarterdeck_alerts_open": (
        "Open alerts",
        "select domain, kind, severity, count(*) from platform.alerts where closed_at is null group by domain, kind, severity",
    ),
}


def metrics_file(settings: Settings) -> Path:
    """Where the metrics are."""
    return settings.home / "metrics" / "quarterdeck.prom"


def write_metrics(connection: psycopg.Connection, settings: Settings, now: datetime) -> Path:
    """Write all metrics as they are now; returns the file's path."""
    registry = CollectorRegistry()
    for name, (meaning, query) in METRICS.items():
        cursor = connection.execute(query.encode())
        labels = [column.name for column in cursor.description or []][:-1]
        gauge = Gauge(name, meaning, labels, registry=registry)
        for *values, number in cursor.fetchall():
            gauge.labels(*values).set(float(number))
    Gauge("quarterdeck_evaluated_timestamp_seconds", "When this was written", registry=registry).set(now.timestamp())
    path = metrics_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
    return path
