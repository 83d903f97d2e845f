"""The Python assets of exam results around the dbt models: received file, raw lines, row account, pages, data docs."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.core.builds import changed
from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_docs import generate_docs
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.monitoring.defs import source_freshness
from orchestration.core.partitions import BACKFILL_POLICY, from_partition_keys
from orchestration.core.postgres import exclusive
from orchestration.core.profile_store import arrival_metadata
from orchestration.core.promotions import promote
from orchestration.core.resources import AllDefinitions, Platform
from orchestration.core.status import publishable_quarters, remember, succeeded, track
from orchestration.student_performance.checks import record_row_accounts
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.freshness import (
    RAW_STEP,
    forget_pages,
    pages_are_up_to_date,
    raw_fingerprints,
    record_pages,
    shown_fingerprint,
    unsettled_etl,
    up_to_date_etl,
)
from orchestration.student_performance.ingest import (
    DOMAIN,
    dbt_variables,
    receive,
    received_sentence,
    resolve_source,
)
from orchestration.student_performance.raw import load_raw, preview

OWNERS = ["team:academics_office"]
UNCHANGED = "Nothing that this is made from has changed since it was built."


class SourceConfig(dg.Config):
    """Where the quarter's file comes from: `auto`, `kaggle`, `sample`, or a CSV file's path or s3:// URL."""

    source: str = "auto"


def build_python_assets(
    contract: Contract, partitions_def: dg.PartitionsDefinition, page_sources: list[dg.AssetKey]
) -> list[dg.AssetsDefinition]:
    """The domain's Python assets; `page_sources` are the marts that the pages show."""
    common: dict[str, Any] = {
        "key_prefix": [DOMAIN],
        "group_name": DOMAIN,
        "partitions_def": partitions_def,
        "backfill_policy": BACKFILL_POLICY,
        "pool": DATABASE_WRITERS,
        "owners": OWNERS,
    }

    @dg.asset(  # type: ignore[untyped-decorator]
        **common,
        kinds={"csv", "file"},
        tags={"layer": "landing", "zone": "landing"},
        freshness_policy=source_freshness(DOMAIN),
    )
    def landing_files(
        context: dg.AssetExecutionContext, config: SourceConfig, platform: Platform
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """The quarter's file as it came, kept by its hash; refused where it is no table of the contract."""
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        succeeded_before = succeeded(platform.database, DOMAIN, quarters, "etl")
        put_back = remember(platform.database, DOMAIN, quarters, "etl")
        with track(platform.database, DOMAIN, quarters, "etl", context.run_id, begins=True):
            source, reason = resolve_source(config.source, platform.settings)
            if reason:
                context.log.warning(reason)
            landed = None
            for quarter in quarters:
                receipt = receive(platform.database, platform.settings, source, quarter, contract)
                landed = receipt.landed
                context.log.info(received_sentence(landed, quarter))
                for remark in receipt.remarks(quarter):
                    context.log.warning(remark)
        assert landed is not None
        # A quarter whose file was received before, and all that follows from it, stands as its last build left it.
        built = up_to_date_etl(platform, contract, quarters) & succeeded_before
        put_back([quarter for quarter in quarters if quarter in built], context.run_id)
        fresh = [quarter for quarter in quarters if quarter not in built]
        promote(platform.database, DOMAIN, fresh, "landing", ["is of the contract"], f"run {context.run_id}")
        return dg.MaterializeResult(
            metadata={
                "source": landed.source,
                "file": landed.name,
                "sha256": landed.sha256,
                "bytes": landed.size,
                "quarters": ", ".join(map(str, quarters)),
            }
        )

    @dg.asset(  # type: ignore[untyped-decorator]
        **common, deps=[landing_files], kinds={"python", "postgres"}, tags={"layer": "raw", "zone": "raw"}
    )
    def exam_results(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Every line of the quarter's file as text, with quarter, file and line number."""
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        tracked = unsettled_etl(platform, contract, quarters)
        counts = {}
        with track(platform.database, DOMAIN, tracked, "etl", context.run_id):
            fingerprints = raw_fingerprints(platform.database, platform.settings, contract, tracked)
            for quarter, fingerprint in fingerprints.items():
                record = {quarter: fingerprint}
                with changed(platform.database, DOMAIN, RAW_STEP, record, context.log.info) as todo:
                    if todo:
                        loaded = load_raw(platform.database, platform.settings, quarter, contract)
                        counts[quarter] = loaded.line_count
                        context.log.info(
                            f"{quarter}: {loaded.line_count:,} lines read from {loaded.landed.name} ({loaded.written})"
                        )
                        for doubt in loaded.doubts:
                            context.log.warning(f"{quarter}, {loaded.landed.name}: {doubt}")
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

    @dg.asset(  # type: ignore[untyped-decorator]
        **common,
        deps=[
            exam_results,
            *(dg.AssetKey([DOMAIN, f"stg_{DOMAIN}__{name}"]) for name in ("accepted_lines", "rejected_results")),
            dg.AssetKey([DOMAIN, "fct_score_range_cells"]),
        ],
        kinds={"python", "postgres"},
        tags={"layer": "platform", "zone": "trusted"},
        check_specs=[
            dg.AssetCheckSpec(
                "every_row_is_accounted_for",
                asset=dg.AssetKey([DOMAIN, "row_accounts"]),
                description="Rows read = trusted + quarantined, per file. Otherwise rows were lost or doubled.",
                blocking=True,
            )
        ],
    )
    def row_accounts(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Per quarter and file: rows read, trusted and quarantined, the latter by reason."""
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        tracked = unsettled_etl(platform, contract, quarters)
        with track(platform.database, DOMAIN, tracked, "etl", context.run_id, finishes=True) as rows:
            accounts = record_row_accounts(platform, tracked) if tracked else []
            rows.update({account.quarter: (account.read, account.trusted) for account in accounts})
            counts = {(account.quarter, account.source_file_id): account.trusted for account in accounts}
            promoter = f"run {context.run_id}"
            promote(
                platform.database, DOMAIN, tracked, "trusted", ["rows account", "faults within limit"], promoter, counts
            )
            promote(platform.database, DOMAIN, tracked, "curated", ["dbt tests"], promoter)
        table = "\n".join(
            ["| quarter | read | trusted | quarantined | by reason |", "|---|---|---|---|---|"]
            + [
                f"| {account.quarter} | {account.read} | {account.trusted} | {account.quarantined} "
                f"| {account.quarantined_by_reason} |"
                for account in accounts
            ]
        )
        return dg.MaterializeResult(
            metadata={"accounts": dg.MetadataValue.md(table)} if accounts else {"unchanged": UNCHANGED},
            check_results=[
                dg.AssetCheckResult(
                    check_name="every_row_is_accounted_for",
                    passed=all(account.read == account.trusted + account.quarantined for account in accounts),
                    metadata={
                        "rows_read": sum(account.read for account in accounts),
                        "rows_trusted": sum(account.trusted for account in accounts),
                    },
                )
            ],
        )

    @dg.asset(  # type: ignore[untyped-decorator]
        **common, deps=page_sources, kinds={"html"}, tags={"layer": "pages", "zone": "product"}
    )
    def pages(
        context: dg.AssetExecutionContext,
        platform: Platform,
        all_definitions: dg.ResourceParam[AllDefinitions],
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """The published pages with the dbt data docs beside them, swapped in whole once they are checked."""
        database = platform.database
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        with exclusive(database, "publish"):
            if pages_are_up_to_date(platform, contract):
                context.log.info("The pages show everything as it is: nothing to do.")
                return dg.MaterializeResult(metadata={"unchanged": UNCHANGED})
            forget_pages(database)
            with track(database, DOMAIN, quarters, "publish", context.run_id, begins=True, finishes=True):
                # Imported here because the chart libraries take a second to load and only this step needs them.
                from orchestration.core.publishing import Publishing
                from orchestration.student_performance.publish import publish_pages

                made_of = shown_fingerprint(platform, contract)
                dbt_vars = dbt_variables(contract, platform.settings)
                docs = generate_docs(platform.settings, database, dbt_vars)
                shown = publishable_quarters(database, DOMAIN)
                now = datetime.now(UTC).replace(microsecond=0)
                manifest, definitions = load_manifest(platform.settings, dbt_vars), all_definitions.get()
                publishing = Publishing(platform, DOMAIN, context.run_id, now, context.instance, manifest, definitions)
                published = publish_pages(publishing, contract, shown, docs)
                promote(database, DOMAIN, quarters, "product", ["site check"], f"run {context.run_id}")
            record_pages(platform, made_of)
        return dg.MaterializeResult(
            metadata={
                "pages": dg.MetadataValue.path(str(platform.settings.site / "index.html")),
                "quarters": ", ".join(shown),
                "files": len(published),
            }
        )

    return [landing_files, exam_results, row_accounts, pages]
