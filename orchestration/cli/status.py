"""`quarterdeck status`."""

from rich.table import Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.postgres import open_database
from orchestration.core.roles import RoleUse
from orchestration.core.settings import get_settings


@app.command()
@for_people
def status() -> None:
    """Show every stage of every quarter: running, done or failed, rows, and the error's sentence."""
    database = open_database(get_settings())
    with database.connect() as connection:
        rows = connection.execute(
            """
            select
                domain, quarter, stage, status, finished_at - started_at, rows_in, rows_out, started_at,
                coalesce(
                    error,
                    'no sign of life since ' || to_char(no_sign_of_life_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                    || '; the next run takes it over'
                )
            from platform.stage_states
            order by quarter desc, domain, array_position(array['etl', 'ml', 'publish'], stage)
            """
        ).fetchall()
    if database.role_use is RoleUse.NONE:
        console.print(
            "[bold yellow]Database roles are not enforced:[/] the login of QUARTERDECK_DATABASE_URL may not create roles, "
            "so every step and query has all its rights. docs/roles.md says what an administrator must grant."
        )
    if not rows:
        console.print("Nothing has run yet. Start with: quarterdeck run")
        return
    table = Table()
    for name in ("quarter", "domain", "stage", "status", "seconds", "rows in", "rows out", "started (UTC)", "error"):
        table.add_column(name, justify="right" if name in ("seconds", "rows in", "rows out") else "left")
    colours = {"succeeded": "green", "failed": "bold red", "running": "cyan", "pending": "dim"}
    for domain, quarter, stage_name, state, took, rows_in, rows_out, started, error in rows:
        table.add_row(
            quarter,
            domain,
            stage_name,
            f"[{colours[state]}]{state}[/]",
            f"{took.total_seconds():.1f}" if took else "",
            f"{rows_in:,}" if rows_in is not None else "",
            f"{rows_out:,}" if rows_out is not None else "",
            f"{started:%Y-%m-%d %H:%M:%S}" if started else "",
            error or "",
        )
    console.print(table)
