"""The Python assets of attendance around the dbt models: received files, raw items, row account, pages."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.attendance.checks import JUDGED, count_rows
from orchestration.attendance.contract import Contract
from orchestration.attendance.ingest import DOMAIN, load_raw, receive, remarks_on, resolve_source
from orchestration.attendance.kinds import RAW_TABLES, kinds_of
from orchestration.attendance.pages_input import PAGE_MARTS
from orchestration.core.domain_assets import (
    build_landing_asset,
    build_pages_asset,
    build_raw_assets,
    build_row_accounts_asset,
)
from orchestration.core.freshness import EtlStage, PagesStep
from orchestration.core.partitions import Quarter
from orchestration.core.profile_store import arrival_metadata
from orchestration.core.resources import Platform

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing

# Stage etl has succeeded when these stand; all other models lead to them or to the pages.
FINAL_MODELS = (
    "stg_attendance__school_days",
    "stg_attendance__set_aside_items",
    "stg_attendance__identity_conflicts",
    "fct_school_days",
    "fct_school_attendance",
    "fct_absence_streaks",
    "fct_attendance_outcomes",
    "rpt_absence_reasons",
    "rpt_attendance_quarter_measures",
)


def build_python_assets(
    contract: Contract, etl: EtlStage, pages_step: PagesStep, partitions_def: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The domain's Python assets."""

    def receive_files(
        platform: Platform, source: str, quarters: Sequence[Quarter], log: dg.DagsterLogManager
    ) -> dict[str, Any]:
        received = receive(platform.database, platform.settings, source, quarters, contract)
        if remark := remarks_on(received):
            log.warning(remark)
        return {
            "files": len(received),
            "new_files": sum(file.landed.is_new for file in received),
            "rows": sum(file.examined.row_count for file in received),
            "bytes": sum(file.landed.size for file in received),
        }

    landing_files = build_landing_asset(
        etl,
        partitions_def,
        kinds={"xml", "file"},
        description="The quarter's files as they came, kept by their hashes; all refused where one is none of the contract.",
        resolve_source=resolve_source,
        receive=receive_files,
    )

    def profiles(
        platform: Platform, table: str, quarters: Sequence[Quarter], log: dg.DagsterLogManager
    ) -> dict[str, Any]:
        with platform.database.connect() as connection:
            return arrival_metadata(connection, DOMAIN, list(map(str, quarters)), log.info, kinds_of(table))

    raw_tables = build_raw_assets(
        etl,
        partitions_def,
        tables={
            table: f"Every row of the quarter's files for {table}, as text, with quarter, file and line."
            for table in RAW_TABLES
        },
        load=lambda platform, quarter: load_raw(platform.database, platform.settings, quarter, contract),
        further=profiles,
    )
    row_accounts = build_row_accounts_asset(
        etl,
        partitions_def,
        after=(*RAW_TABLES, *(f"stg_{DOMAIN}__{name}" for name in JUDGED.values()), *FINAL_MODELS),
        count_rows=lambda platform, quarters: count_rows(platform.database, platform.settings, quarters),
    )

    def publish(publishing: "Publishing", shown: list[str], docs: Path) -> list[Path]:
        # Imported here because the page libraries take a second to load and only this step needs them.
        from orchestration.attendance.publish import publish_pages

        return publish_pages(publishing, shown, docs)

    pages = build_pages_asset(pages_step, partitions_def, marts=PAGE_MARTS, publish=publish)
    return [landing_files, raw_tables, row_accounts, pages]
