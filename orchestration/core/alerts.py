"""Alerts: opened when something is found, closed when it is gone, each told once to every target.

A target is an Apprise URL of QUARTERDECK_ALERT_URLS. What was told is recorded after the target has taken it, so that
a process that dies in between leaves a message that the next evaluation sends: at least once, and as a rule exactly once.

Docs: https://github.com/caronc/apprise/wiki
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import psycopg

from orchestration.core.monitoring.anomalies import Finding
from orchestration.core.postgres import Database, exclusive
from orchestration.core.settings import Settings

Event = Literal["opened", "closed"]
# Whoever could not be told of an alert that is over is told for so long.
TOLD_OF_THE_PAST = timedelta(days=7)


@dataclass(frozen=True)
class Target:
    """Where alerts go. `name` is its place in the setting and the kind of its URL; the URL holds secrets."""

    name: str
    url: str

    def __repr__(self) -> str:
        return f"Target({self.name})"


def targets(settings: Settings) -> list[Target]:
    """The targets of QUARTERDECK_ALERT_URLS."""
    urls = settings.alert_urls.get_secret_value().split() if settings.alert_urls else []
    return [Target(f"{place} {url.partition(':')[0]}", url) for place, url in enumerate(urls, start=1)]


def settle(
    connection: psycopg.Connection, findings: Sequence[Finding], undecided: Collection[str]
) -> tuple[list[str], list[str]]:
    """Make the open alerts those of the findings; returns the messages of what opened and of what closed.

    undecided: keys of which nothing can be said now; their alerts stay as they are.
    """
    opened = []
    for finding in findings:
        row = connection.execute(
            """
            insert into platform.alerts (key, kind, severity, domain, of_quarter, message, opened_at)
            values (%s, %s, %s, %s, %s, %s, now())
            on conflict (key) where closed_at is null
            do update set severity = excluded.severity, message = excluded.message
            returning (xmax = 0)
            """,
            (finding.key, finding.kind, finding.severity, finding.domain, finding.quarter, finding.message),
        ).fetchone()
        if row is not None and row[0]:
            opened.append(finding.message)
    closed = connection.execute(
        "update platform.alerts set closed_at = now() where closed_at is null and key <> all(%s) returning message",
        ([*(finding.key for finding in findings), *undecided],),
    ).fetchall()
    return opened, [row[0] for row in closed]


def deliver(database: Database, to: Sequence[Target], say: Callable[[str], object]) -> None:
    """Tell every target what it was not told yet. A target that does not take a message is named, and asked again next time."""
    if not to:
        return
    for target in to:
        with exclusive(database, f"alerts to {target.name}"):
            for alert_id, event, title, body, severity in _due(database, target):
                if not send(target, title, body, "success" if event == "closed" else severity):
                    say(
                        f"Alert target {target.name} did not take a message; it is sent again with the next run. "
                        "Check its URL in QUARTERDECK_ALERT_URLS with: quarterdeck alerts --test"
                    )
                    break
                with database.connect() as connection:
                    connection.execute(
                        "insert into platform.alert_messages values (%s, %s, %s, now()) on conflict do nothing",
                        (alert_id, event, target.name),
                    )


def _due(database: Database, target: Target) -> list[tuple[int, Event, str, str, str]]:
    """Messages for the target, oldest first: of open alerts, of those that closed lately, and closings of what it was told."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select alert_id, event, severity, domain, message, opened_at
            from platform.alerts
            cross join (values ('opened'), ('closed')) as events (event)
            where not exists (
                select 1 from platform.alert_messages as told
                where (told.alert_id, told.event, told.target) = (alerts.alert_id, events.event, %(target)s)
            )
            and (event = 'opened' or closed_at is not null)
            and (
                closed_at is null or opened_at > now() - %(past)s or exists (
                    select 1 from platform.alert_messages as told
                    where (told.alert_id, told.event, told.target) = (alerts.alert_id, 'opened', %(target)s)
                )
            )
            order by alert_id, event desc  -- what opened is told before what closed
            """,
            {"target": target.name, "past": TOLD_OF_THE_PAST},
        ).fetchall()
    due: list[tuple[int, Event, str, str, str]] = []
    for alert_id, event, severity, domain, message, opened_at in rows:
        if event == "opened":
            due.append((alert_id, "opened", f"Quarterdeck: {severity} in {domain}", message, severity))
        else:
            body = f"Over: {message}\nIt was open since {opened_at:%Y-%m-%d %H:%M} UTC."
            due.append((alert_id, "closed", f"Quarterdeck: over in {domain}", body, severity))
    return due


def send(target: Target, title: str, body: str, severity: str) -> bool:
    """Send one message; says whether the target took it."""
    # Imported here because it is needed only when there is something to send.
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings hold addresses
    kinds: dict[str, Any] = {"critical": "failure", "warning": "warning", "success": "success", "info": "info"}
    sender = apprise.Apprise()
    return bool(sender.add(target.url) and sender.notify(title=title, body=body, notify_type=kinds[severity]))
