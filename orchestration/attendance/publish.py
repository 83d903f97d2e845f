"""From the marts to the published attendance pages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.pages import build_pages
from orchestration.attendance.pages_input import PAGE_MARTS, PagesData
from orchestration.core.profile_store import deliveries
from orchestration.core.publishing import Publishing, publish_part
from orchestration.core.roles import Role

NUMERIC = 1700  # Postgres' number of the type: exact in the database, a float on a page
_PLATFORM_TABLES = {
    "row_accounts": "select * from platform.row_accounts where domain = %s and quarter = any(%s) order by quarter, source_file_id",
    "landing_files": """
        select * from platform.landing_files
        where domain = %s and source_file_id in (select source_file_id from platform.quarter_files where quarter = any(%s))
        order by name, source_file_id
    """,
}


def publish_pages(publishing: Publishing, quarters: Sequence[str], docs: Path) -> list[Path]:
    """Build, check and publish the attendance pages for these quarters, with dbt's `docs`; returns the site's files.

    Raises:
        QuarterdeckError: the built site fails its check; the published one stays as it is.
    """
    data = load_pages_data(publishing, quarters)
    return publish_part(publishing, lambda build: build_pages(data, build, publishing.areas), docs)


def load_pages_data(publishing: Publishing, quarters: Sequence[str]) -> PagesData:
    """Everything that the pages show, read in one snapshot, so that all of it tells of the same state."""
    labels = list(quarters)
    with publishing.platform.database.as_role(Role.PUBLISHER).connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frames: dict[str, Any] = {
            field: _frame(
                connection.execute(
                    sql.SQL("select * from {} where quarter = any(%s) order by 1, 2").format(
                        sql.Identifier(f"{DOMAIN}_marts", mart)
                    ),
                    (labels,),
                )
            )
            for mart, field in PAGE_MARTS.items()
        }
        frames |= {
            name: _frame(connection.execute(query.encode(), (DOMAIN, labels)))
            for name, query in _PLATFORM_TABLES.items()
        }
        profiled = [one for one in deliveries(connection, DOMAIN) if one.quarter in labels]
    return PagesData(run_id=publishing.run_id, built_at=publishing.built_at, deliveries=profiled, **frames)


def _frame(cursor: psycopg.Cursor[Any]) -> pd.DataFrame:
    assert cursor.description is not None
    frame = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])
    for column in cursor.description:
        if column.type_code == NUMERIC:
            frame[column.name] = pd.to_numeric(frame[column.name]).astype(float)
    return frame
