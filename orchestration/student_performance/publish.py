"""From the marts to the published site: read the shown quarters' frames, build the pages, check them, swap them in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from orchestration.core.page_frames import frame, mart_frames
from orchestration.core.profile_store import deliveries
from orchestration.core.publishing import Publishing, publish_part
from orchestration.core.resources import Platform
from orchestration.core.roles import Role
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.definitions_of_terms import definitions_of
from orchestration.student_performance.external_publish import external_results
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.lab_page import read_versions
from orchestration.student_performance.pages import build_pages
from orchestration.student_performance.pages_input import PAGE_MARTS, PLATFORM_TABLES, Demographic, PagesData, Subject


def publish_pages(publishing: Publishing, contract: Contract, quarters: Sequence[str], docs: Path) -> list[Path]:
    """Build, check and publish both editions of the exam pages, the internal one with dbt's `docs`; returns its files.

    Raises:
        QuarterdeckError: a built site fails its check, or the attack on the external edition succeeds; what is
            published stays as it is.
    """
    settings = publishing.platform.settings
    assert publishing.manifest is not None
    data = load_pages_data(
        publishing.platform, contract, publishing.manifest, quarters, publishing.run_id, publishing.built_at
    )
    with external_results(data, settings, publishing.platform.domains, publishing.still_ours):
        return publish_part(
            publishing, lambda build: build_pages(data, build, settings.home / "cache", publishing.areas), docs
        )


def load_pages_data(
    platform: Platform,
    contract: Contract,
    manifest: Mapping[str, Any],
    quarters: Sequence[str],
    run_id: str,
    built_at: datetime,
) -> PagesData:
    """Everything that the pages show, read in one snapshot, so that all pages tell of the same state; `manifest` is dbt's."""
    with platform.database.as_role(Role.PUBLISHER).connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frames: dict[str, Any] = mart_frames(connection, DOMAIN, PAGE_MARTS, quarters)
        frames |= {table: _platform_table(connection, table) for table in PLATFORM_TABLES}
        profiled = deliveries(connection, DOMAIN)
    _conclude(frames["stage_status"], run_id, built_at)
    return pages_data(
        contract, run_id=run_id, built_at=built_at, deliveries=profiled, dictionary=dictionary(manifest), **frames
    )


def pages_data(contract: Contract, **given: Any) -> PagesData:
    """The data of the pages, with what the contract says of subjects, demographics and scores."""
    return PagesData(
        subjects=[Subject(item.name, item.label, item.group) for item in contract.subjects],
        demographics=[Demographic(item.name, item.label, item.values) for item in contract.demographics],
        score_minimum=contract.score.minimum,
        score_maximum=contract.score.maximum,
        pass_mark=contract.score.pass_mark,
        definitions=definitions_of(contract),
        lab_versions=read_versions(),
        **given,
    )


def _conclude(stage_status: pd.DataFrame, run_id: str, built_at: datetime) -> None:
    """Say that this run's publishing succeeded: nobody ever reads these pages unless it did."""
    publishing = (stage_status["stage"] == "publish") & (stage_status["run_id"] == run_id)
    stage_status.loc[publishing, "status"] = "succeeded"
    stage_status.loc[publishing, "finished_at"] = pd.Timestamp(built_at)


def dictionary(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """The marts' tables and columns with their descriptions, from dbt's manifest."""
    rows = [
        {
            "table_name": node["name"],
            "table_description": node["description"],
            "column_name": column["name"],
            "data_type": column.get("data_type") or "",
            "description": column["description"],
        }
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == f"{DOMAIN}_marts"
        for column in node["columns"].values()
    ]
    return pd.DataFrame(rows).sort_values(["table_name"], kind="stable", ignore_index=True)


def _platform_table(connection: psycopg.Connection, table: str) -> pd.DataFrame:
    query = sql.SQL("select * from platform.{} where domain = %s").format(sql.Identifier(table))
    return frame(connection, query, (DOMAIN,))
