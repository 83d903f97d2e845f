"""The Python assets of exam results around the dbt models: received file, raw lines, row account, pages, data docs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.core.accounts import RowAccount
from orchestration.core.domain_assets import (
    build_landing_asset,
    build_pages_asset,
    build_raw_assets,
    build_row_accounts_asset,
)
from orchestration.core.freshness import EtlStage, PagesStep
from orchestration.core.partitions import Quarter
from orchestration.core.profile_store import arrival_metadata, file_doubts
from orchestration.core.resources import Platform
from orchestration.student_performance.checks import count_rows
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.ingest import DOMAIN, receive, received_sentence, resolve_source
from orchestration.student_performance.pages_input import PAGE_MARTS
from orchestration.student_performance.raw import RAW_VIEW, drop_replaced, load_raw, preview

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing


def build_python_assets(
    contract: Contract, etl: EtlStage, pages_step: PagesStep, partitions_def: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """The domain's Python assets."""

    def receive_file(
        platform: Platform, source: str, quarters: Sequence[Quarter], log: dg.DagsterLogManager
    ) -> dict[str, Any]:
        for quarter in quarters:
            receipt = receive(platform.database, platform.settings, source, quarter, contract)
            log.info(received_sentence(receipt.landed, quarter))
            for remark in receipt.remarks(quarter):
                log.warning(remark)
        landed = receipt.landed
        return {"source": landed.source, "file": landed.name, "sha256": landed.sha256, "bytes": landed.size}

    landing_files = build_landing_asset(
        etl,
        partitions_def,
        kinds={"csv", "file"},
        description="The quarter's file as it came, kept by its hash; refused where it is no table of the contract.",
        resolve_source=resolve_source,
        receive=receive_file,
    )

    def load(platform: Platform, quarter: Quarter) -> dict[str, int]:
        _, count = load_raw(platform.database, platform.settings, quarter, contract)
        return {RAW_VIEW: count}

    def profile_and_preview(
        platform: Platform, _table: str, quarters: Sequence[Quarter], log: dg.DagsterLogManager
    ) -> dict[str, Any]:
        with platform.database.connect() as connection:
            labels = list(map(str, quarters))
            profiled = arrival_metadata(connection, DOMAIN, labels, log.info)
            for quarter, name, _, doubt in file_doubts(connection, DOMAIN):
                if quarter in labels:
                    log.warning(f"{quarter}, {name}: {doubt}")
        lines = preview(platform.database, platform.settings, quarters[-1], contract)
        return {**profiled, "preview": dg.MetadataValue.md(lines)}

    exam_results = build_raw_assets(
        etl,
        partitions_def,
        tables={RAW_VIEW: "Every line of the quarter's file as text, with quarter, file and line number."},
        load=load,
        further=profile_and_preview,
    )

    def account_and_tidy(platform: Platform, quarters: Sequence[Quarter]) -> list[RowAccount]:
        accounts = count_rows(platform.database, platform.settings, quarters)
        drop_replaced(platform.database, platform.settings, quarters, contract)
        return accounts

    row_accounts = build_row_accounts_asset(
        etl,
        partitions_def,
        after=(
            RAW_VIEW,
            f"stg_{DOMAIN}__accepted_sets",
            f"stg_{DOMAIN}__rejected_results",
            "fct_score_range_cells",
        ),
        count_rows=account_and_tidy,
    )

    def publish(publishing: "Publishing", shown: list[str], docs: Path) -> list[Path]:
        # Imported here because the chart libraries take a second to load and only this step needs them.
        from orchestration.student_performance.publish import publish_pages

        return publish_pages(publishing, contract, shown, docs)

    pages = build_pages_asset(pages_step, partitions_def, marts=PAGE_MARTS, publish=publish)
    return [landing_files, exam_results, row_accounts, pages]
