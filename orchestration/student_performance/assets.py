"""The Python assets of exam results around the dbt models: received file, raw lines, row account, pages, data docs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.core.builds import changed
from orchestration.core.domain_assets import (
    UNCHANGED,
    build_landing_asset,
    build_pages_asset,
    build_row_accounts_asset,
    python_asset,
)
from orchestration.core.freshness import RAW_STEP, EtlStage, PagesStep
from orchestration.core.partitions import Quarter
from orchestration.core.profile_store import arrival_metadata
from orchestration.core.promotions import promote
from orchestration.core.resources import Platform
from orchestration.core.status import track
from orchestration.student_performance.checks import count_rows
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.ingest import DOMAIN, receive, received_sentence, resolve_source
from orchestration.student_performance.pages_input import PAGE_MARTS
from orchestration.student_performance.raw import load_raw, preview

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

    @dg.asset(  # type: ignore[untyped-decorator]
        **python_asset(DOMAIN, partitions_def),
        deps=[landing_files],
        kinds={"python", "postgres"},
        tags={"layer": "raw", "zone": "raw"},
    )
    def exam_results(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Every line of the quarter's file as text, with quarter, file and line number."""
        quarters = platform.take_quarters(context, DOMAIN)
        tracked = etl.unsettled(platform, quarters)
        counts = {}
        with track(platform.database, DOMAIN, tracked, "etl", context.run_id):
            for quarter, fingerprint in etl.raw_fingerprints(platform, tracked).items():
                record = {quarter: fingerprint}
                with changed(platform.database, DOMAIN, RAW_STEP, record, context.log.info) as todo:
                    if todo:
                        landed, counts[quarter] = load_raw(platform.database, platform.settings, quarter, contract)
                        context.log.info(f"{quarter}: {counts[quarter]:,} lines read from {landed.name}")
            promote(platform.database, DOMAIN, tracked, "raw", ["read whole"], f"run {context.run_id}")
        if not counts:
            return dg.MaterializeResult(metadata={"unchanged": UNCHANGED})
        with platform.database.connect() as connection:
            profiled = arrival_metadata(connection, DOMAIN, list(map(str, counts)), context.log.info)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(counts.values()),
                **profiled,
                "preview": dg.MetadataValue.md(preview(platform.database, platform.settings, quarters[-1], contract)),
            }
        )

    row_accounts = build_row_accounts_asset(
        etl,
        partitions_def,
        after=(
            "exam_results",
            f"stg_{DOMAIN}__accepted_lines",
            f"stg_{DOMAIN}__rejected_results",
            "fct_score_range_cells",
        ),
        count_rows=lambda platform, quarters: count_rows(platform.database, platform.settings, quarters),
    )

    def publish(publishing: "Publishing", shown: list[str], docs: Path) -> list[Path]:
        # Imported here because the chart libraries take a second to load and only this step needs them.
        from orchestration.student_performance.publish import publish_pages

        return publish_pages(publishing, contract, shown, docs)

    pages = build_pages_asset(pages_step, partitions_def, marts=PAGE_MARTS, publish=publish)
    return [landing_files, exam_results, row_accounts, pages]
