"""`quarterdeck alerts`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings


@app.command()
@for_people
def alerts(test: Annotated[bool, typer.Option("--test", help="Send one message to every target.")] = False) -> None:
    """Show the open alerts, those of the last 90 days, and how many targets were told; or test the targets."""
    if test:
        _test_targets()
        return
    with open_database(get_settings()).connect() as connection:
        rows = connection.execute(
            """
            select severity, domain, message, opened_at, closed_at,
                (select string_agg(event || ': ' || target, ', ' order by sent_at) from platform.alert_messages
                 where alert_messages.alert_id = alerts.alert_id)
            from platform.alerts
            where closed_at is null or closed_at > now() - interval '90 days'
            order by closed_at is not null, opened_at desc
            """
        ).fetchall()
    if not rows:
        console.print("No alert is open, and none was in the last 90 days.")
        return
    table = Table("alert", "severity", "domain", "opened (UTC)", "closed (UTC)", "told")
    for severity, domain, message, opened, closed, told in rows:
        colour = "dim" if closed else "bold red" if severity == "critical" else "yellow"
        table.add_row(
            escape(message),
            f"[{colour}]{severity}[/]",
            domain,
            f"{opened:%Y-%m-%d %H:%M}",
            f"{closed:%Y-%m-%d %H:%M}" if closed else f"[{colour}]open[/]",
            told or "nobody",
        )
    console.print(table)


def _test_targets() -> None:
    from orchestration.core.alerts import send, targets

    known = targets(get_settings())
    if not known:
        raise QuarterdeckError(
            "There is no alert target. Set QUARTERDECK_ALERT_URLS to an Apprise URL, then try again."
        )
    body = "This is a test. Quarterdeck can reach this target."
    failed = [target.name for target in known if not send(target, "Quarterdeck: test", body, "info")]
    if failed:
        raise QuarterdeckError(
            f"These targets of QUARTERDECK_ALERT_URLS took no message: {', '.join(failed)}. "
            "Check their URLs and whether they can be reached from here."
        )
    console.print(f"Every target took the message: {', '.join(target.name for target in known)}.")
