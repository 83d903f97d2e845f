"""What the `quarterdeck` command does for attendance: which quarters to run, what to say after."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from orchestration.attendance.contract import load_contract
from orchestration.attendance.freshness import STAGES
from orchestration.attendance.ingest import DOMAIN, fetched, look_through, require_source, resolve_source
from orchestration.core.domain_assets import landing_op, raw_op
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import sample_quarters
from orchestration.core.partitions import Quarter, to_partition_key
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings

# What the command asks of every domain.
__all__ = [
    "STAGES",
    "STEP_TITLES",
    "print_summary",
    "quarters_to_run",
    "require_source",
    "resolve_source",
]

SAMPLE_QUARTERS = 2
STEP_TITLES = {
    landing_op(DOMAIN): "Receive the files",
    raw_op(DOMAIN): "Load every row as text",
    f"{DOMAIN}_models": "Check the rows and build the marts (dbt)",
    f"{DOMAIN}__row_accounts": "Account for every row",
    f"{DOMAIN}__pages": "Build, check and publish the pages",
}


def quarters_to_run(database: Database, settings: Settings, source: str, asked: Quarter | None) -> list[Quarter]:
    """The quarters that the files tell of, by the days inside; of the sample the running one, and first the one before too.

    Raises:
        QuarterdeckError: a file is refused, or none tells of the quarter asked for.
    """
    if source == "sample":
        with database.connect() as connection:
            return sample_quarters(connection, settings, DOMAIN, asked, SAMPLE_QUARTERS)
    with fetched(source, [], settings, load_contract()) as paths:
        found = sorted(
            {quarter for file in look_through(paths, settings, load_contract()) for quarter in file.quarters}
        )
    if asked is not None:
        if asked not in found:
            told = ", ".join(map(str, found))
            raise QuarterdeckError(
                f"{source}: it tells of {told}, not of {asked}. Leave --quarter out to load what it tells of."
            )
        return [asked]
    for quarter in found:
        to_partition_key(quarter, settings)
    return found


def print_summary(console: Console, database: Database, settings: Settings, quarters: Sequence[Quarter]) -> None:
    """Row accounts by quarter and reason, and where the pages are."""
    labels = [str(quarter) for quarter in quarters]
    with database.connect() as connection:
        accounts = connection.execute(
            """
            with reasons as (
                select quarter, reason, sum(count::bigint) as rows
                from platform.row_accounts, jsonb_each_text(quarantined_by_reason) as by_reason (reason, count)
                where domain = %(domain)s and quarter = any(%(quarters)s) group by 1, 2
            )
            select quarter, count(*), bool_or(source = 'sample'), sum(rows_read), sum(rows_trusted), sum(rows_quarantined),
                (
                    select string_agg(rows || ' ' || replace(reason, '_', ' '), ', ' order by reason)
                    from reasons where reasons.quarter = row_accounts.quarter
                ),
                sum(corrected_lines)
            from platform.row_accounts join platform.landing_files using (source_file_id)
            where row_accounts.domain = %(domain)s and quarter = any(%(quarters)s) group by quarter order by quarter
            """,
            {"domain": DOMAIN, "quarters": labels},
        ).fetchall()
    table = Table(title="Row account of attendance: read = trusted + set aside", title_justify="left")
    for name in ("quarter", "files", "read", "trusted", "set aside", "reasons"):
        table.add_column(name, justify="left" if name in ("quarter", "reasons") else "right")
    for quarter, files, _, *counts, reasons, corrected in accounts:
        words = "; ".join(filter(None, [reasons, f"{corrected:,} lines corrected" if corrected else ""]))
        table.add_row(quarter, f"{files:,}", *(f"{count:,}" for count in counts), words)
    if len(accounts) > 1:
        sums = [sum(row[column] for row in accounts) for column in (1, 3, 4, 5)]
        table.add_row("all", *(f"{value:,}" for value in sums), "")
    console.print(table)
    if any(row[2] for row in accounts):
        console.print(
            "[bold yellow]SAMPLE DATA:[/] these figures come from generated schools, not from real ones. "
            "Load files with: quarterdeck run --domain attendance --source FOLDER"
        )
    console.print(f"Pages: {settings.site / DOMAIN / 'index.html'}   (or: make serve)")
    if (settings.external_site / DOMAIN / "about.html").exists():
        console.print(f"For the public: {settings.external_site / DOMAIN / 'index.html'}")
