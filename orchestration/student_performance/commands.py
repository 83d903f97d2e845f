"""What the `quarterdeck` command does for exam results: which quarters to run, what to say after."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from orchestration.core import sources
from orchestration.core.domain_assets import landing_op, raw_op
from orchestration.core.landing import sample_quarters
from orchestration.core.partitions import Quarter, current_quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings
from orchestration.core.status import STAGES
from orchestration.student_performance.ingest import DOMAIN, resolve_source

# What the command asks of every domain.
__all__ = [
    "STAGES",
    "STEP_TITLES",
    "print_summary",
    "quarters_to_run",
    "require_source",
    "resolve_source",
]
STEP_TITLES = {
    landing_op(DOMAIN): "Receive the file",
    raw_op(DOMAIN): "Load every line as text",
    f"{DOMAIN}_models": "Check the rows and build the marts (dbt)",
    f"{DOMAIN}__row_accounts": "Account for every row",
    f"{DOMAIN}_clusters": "Find the segments",
    f"{DOMAIN}_models_2": "Label every student and build the reports (dbt)",
    f"{DOMAIN}__pages": "Build, check and publish the pages",
}


def require_source(source: str, settings: Settings) -> str:
    """Refuse a source that is neither a word nor a file before anything starts; returns its word, absolute path or URL.

    Raises:
        QuarterdeckError: there is no such file, or its store fails.
    """
    return sources.require_source(source, settings, ("auto", "kaggle", "sample"))


def quarters_to_run(database: Database, settings: Settings, source: str, asked: Quarter | None) -> list[Quarter]:
    """The quarter asked for, else the running one; on the sample's first run also those before it, for a story to tell."""
    if source != "sample":
        return [asked or current_quarter(settings)]
    with database.connect() as connection:
        return sample_quarters(connection, settings, DOMAIN, asked, settings.sample_quarters)


def print_summary(console: Console, database: Database, settings: Settings, quarters: Sequence[Quarter]) -> None:
    """Row accounts, segments and stage times of the quarters, and where the pages are."""
    labels = [str(quarter) for quarter in quarters]
    with database.connect() as connection:
        accounts = connection.execute(
            """
            select quarter, name, source, rows_read, rows_trusted, rows_quarantined, quarantined_by_reason, repeated_rows,
                corrected_lines
            from platform.row_accounts join platform.landing_files using (source_file_id)
            where row_accounts.domain = %s and quarter = any(%s) order by quarter
            """,
            (DOMAIN, labels),
        ).fetchall()
        segments = connection.execute(
            """
            select cluster_label, student_count, student_pct from student_performance_marts.rpt_segments
            where quarter = %s order by cluster_id
            """,
            (labels[-1],),
        ).fetchall()
        stages = connection.execute(
            """
            select stage, min(started_at), max(finished_at) from platform.stage_status
            where domain = %s and quarter = any(%s) group by stage
            """,
            (DOMAIN, labels),
        ).fetchall()
    table = Table(title="Row account: read = trusted + quarantined", title_justify="left")
    for name in ("quarter", "source", "read", "trusted", "quarantined", "reasons"):
        table.add_column(name, justify="right" if name in ("read", "trusted", "quarantined") else "left")
    for quarter, _, source, read, trusted, quarantined, reasons, repeated, corrected in accounts:
        words = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))
        words += f"{'; ' if words else ''}{repeated} equal to another row (kept)" if repeated else ""
        words += f"{'; ' if words else ''}{corrected} corrected" if corrected else ""
        table.add_row(quarter, source, f"{read:,}", f"{trusted:,}", f"{quarantined:,}", words)
    console.print(table)
    console.print(f"{labels[-1]} is made of {accounts[-1][1]}")
    table = Table(title=f"Segments of {labels[-1]}", title_justify="left")
    for name in ("segment", "students", "share"):
        table.add_column(name, justify="left" if name == "segment" else "right")
    for label, count, share in segments:
        table.add_row(label, f"{count:,}", f"{share:.1f} %")
    console.print(table)
    order = {"etl": 0, "ml": 1, "publish": 2}
    for stage, started, finished in sorted(stages, key=lambda row: order[row[0]]):
        console.print(f"{stage:<8} {(finished - started).total_seconds():6.1f} s")
    if any(account[2] == "sample" for account in accounts):
        console.print(
            "[bold yellow]SAMPLE DATA:[/] these figures come from generated students, not from real ones. "
            "Load a file with: quarterdeck run --source FILE"
        )
    console.print(f"Pages: {settings.site / 'index.html'}   (or: make serve)")
    if (settings.external_site / "index.html").exists():
        console.print(f"For the public: {settings.external_site / 'index.html'}")
