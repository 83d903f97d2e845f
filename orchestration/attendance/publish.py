"""From the marts to the published attendance pages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from orchestration.attendance.external_pages import build_external_pages
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.pages import build_pages
from orchestration.attendance.pages_input import PAGE_MARTS, PagesData
from orchestration.core.external_edition import external_edition
from orchestration.core.page_frames import frame, mart_frames
from orchestration.core.profile_store import deliveries
from orchestration.core.publishing import Publishing, publish_part
from orchestration.core.roles import Role

_PLATFORM_TABLES = {
    "row_accounts": "select * from platform.row_accounts where domain = %s and quarter = any(%s) order by quarter, source_file_id",
    "landing_files": """
        select * from platform.landing_files
        where domain = %s and source_file_id in (select source_file_id from platform.quarter_files where quarter = any(%s))
        order by name, source_file_id
    """,
}


def publish_pages(publishing: Publishing, quarters: Sequence[str], docs: Path) -> list[Path]:
    """Build, check and publish both editions of attendance's pages, the internal one with dbt's `docs`; returns its files.

    Raises:
        QuarterdeckError: a built site fails its check, or the attack on the external edition succeeds; what is published stays
            as it is.
    """
    data = load_pages_data(publishing, quarters)
    platform = publishing.platform
    rules = platform.settings.disclosure_rules
    with external_edition(
        platform.settings,
        DOMAIN,
        platform.domains,
        publishing.built_at,
        lambda build, areas, solved: build_external_pages(data, rules, build, areas, solved),
        publishing.still_ours,
    ):
        return publish_part(publishing, lambda build: build_pages(data, build, publishing.areas), docs)


def load_pages_data(publishing: Publishing, quarters: Sequence[str]) -> PagesData:
    """Everything that the pages show, read in one snapshot, so that all of it tells of the same state."""
    with publishing.platform.database.as_role(Role.PUBLISHER).connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frames = pages_frames(connection, quarters)
        profiled = [one for one in deliveries(connection, DOMAIN) if one.quarter in quarters]
    return PagesData(run_id=publishing.run_id, built_at=publishing.built_at, deliveries=profiled, **frames)


def pages_frames(connection: psycopg.Connection, quarters: Sequence[str]) -> dict[str, Any]:
    """The frames of the pages' data."""
    return mart_frames(connection, DOMAIN, PAGE_MARTS, quarters) | {
        name: frame(connection, query.encode(), (DOMAIN, list(quarters))) for name, query in _PLATFORM_TABLES.items()
    }
