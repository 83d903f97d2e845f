"""The Python assets of attendance around the dbt models: received files, raw items, row account, pages."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.attendance.checks import JUDGED, record_row_accounts
from orchestration.attendance.contract import Contract
from orchestration.attendance.freshness import (
    RAW_STEP,
    forget_pages,
    pages_are_up_to_date,
    publishable_quarters,
    raw_fingerprints,
    record_pages,
    shown_fingerprint,
    unsettled_etl,
    up_to_date_etl,
)
from orchestration.attendance.ingest import DOMAIN, load_raw, receive, remarks_on, resolve_source
from orchestration.attendance.kinds import RAW_TABLES
from orchestration.core.builds import changed
from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_docs import generate_docs
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.monitoring.defs import source_freshness
from orchestration.core.partitions import BACKFILL_POLICY, from_partition_keys
from orchestration.core.postgres import exclusive
from orchestration.core.promotions import promote
from orchestration.core.resources import AllDefinitions, Platform
from orchestration.core.status import remember, succeeded, track

RAW_OP = f"{DOMAIN}__raw_tables"
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
)
OWNERS = ["team:academics_office"]
UNCHANGED = "Nothing that this is made from has changed since it was built."


class SourceConfig(dg.Config):
    """Where the quarter's files come from: `auto`, `sample`, a folder, or a file's path or s3:// URL."""

    source: str = "auto"


def build_python_assets(
    contract: Contract,
    dbt_vars: Mapping[str, Any],
    partitions_def: dg.PartitionsDefinition,
    page_sources: list[dg.AssetKey],
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
        kinds={"xml", "file"},
        tags={"layer": "landing", "zone": "landing"},
        freshness_policy=source_freshness(DOMAIN),
    )
    def landing_files(
        context: dg.AssetExecutionContext, config: SourceConfig, platform: Platform
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """The quarter's files as they came, kept by their hashes; all refused where one is none of the contract."""
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        succeeded_before = succeeded(platform.database, DOMAIN, quarters, "etl")
        put_back = remember(platform.database, DOMAIN, quarters, "etl")
        with track(platform.database, DOMAIN, quarters, "etl", context.run_id, begins=True):
            source, reason = resolve_source(config.source, platform.settings)
            if reason:
                context.log.warning(reason)
            received = receive(platform.database, platform.settings, source, quarters, contract)
            if remark := remarks_on(received):
                context.log.warning(remark)
        built = up_to_date_etl(platform, dbt_vars, quarters) & succeeded_before
        put_back([quarter for quarter in quarters if quarter in built], context.run_id)
        fresh = [quarter for quarter in quarters if quarter not in built]
        promote(platform.database, DOMAIN, fresh, "landing", ["is of the contract"], f"run {context.run_id}")
        return dg.MaterializeResult(
            metadata={
                "files": len(received),
                "new_files": sum(file.landed.is_new for file in received),
                "rows": sum(file.examined.row_count for file in received),
                "bytes": sum(file.landed.size for file in received),
                "quarters": ", ".join(map(str, quarters)),
            }
        )

    @dg.multi_asset(
        name=RAW_OP,
        specs=[
            dg.AssetSpec(
                [DOMAIN, table],
                deps=[landing_files],
                description=f"Every row of the quarter's files for {table}, as text, with quarter, file and line.",
                group_name=DOMAIN,
                kinds={"python", "postgres"},
                owners=OWNERS,
                partitions_def=partitions_def,
                tags={"layer": "raw", "zone": "raw"},
            )
            for table in RAW_TABLES
        ],
        partitions_def=partitions_def,
        backfill_policy=BACKFILL_POLICY,
        pool=DATABASE_WRITERS,
    )
    def raw_tables(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        """Every row of the quarter's files as text, with quarter, file and line number."""
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        tracked = unsettled_etl(platform, dbt_vars, quarters)
        counts = {}
        with track(platform.database, DOMAIN, tracked, "etl", context.run_id):
            for quarter, fingerprint in raw_fingerprints(platform.database, tracked).items():
                record = {quarter: fingerprint}
                with changed(platform.database, DOMAIN, RAW_STEP, record, context.log.info) as todo:
                    if todo:
                        counts[quarter] = load_raw(platform.database, platform.settings, quarter, contract)
                        context.log.info(f"{quarter}: {counts[quarter]}")
            promote(platform.database, DOMAIN, tracked, "raw", ["read whole"], f"run {context.run_id}")
        for table in RAW_TABLES:
            metadata: dict[str, Any] = (
                {"dagster/row_count": sum(count[table] for count in counts.values())}
                if counts
                else {"unchanged": UNCHANGED}
            )
            yield dg.MaterializeResult(asset_key=dg.AssetKey([DOMAIN, table]), metadata=metadata)

    @dg.asset(  # type: ignore[untyped-decorator]
        **common,
        deps=[
            *(dg.AssetKey([DOMAIN, table]) for table in RAW_TABLES),
            *(dg.AssetKey([DOMAIN, f"stg_{DOMAIN}__{name}"]) for name in JUDGED.values()),
            *(dg.AssetKey([DOMAIN, name]) for name in FINAL_MODELS),
        ],
        kinds={"python", "postgres"},
        tags={"layer": "platform", "zone": "trusted"},
        check_specs=[
            dg.AssetCheckSpec(
                "every_row_is_accounted_for",
                asset=dg.AssetKey([DOMAIN, "row_accounts"]),
                description="Items read = trusted + set aside with a reason, per file. Otherwise rows were lost or doubled.",
                blocking=True,
            )
        ],
    )
    def row_accounts(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Per quarter and file: items read, trusted and set aside, the latter by reason."""
        database = platform.database
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        tracked = unsettled_etl(platform, dbt_vars, quarters)
        with track(database, DOMAIN, tracked, "etl", context.run_id, finishes=True) as rows:
            accounts = record_row_accounts(platform, tracked) if tracked else []
            for account in accounts:
                read, trusted = rows.get(account.quarter, (0, 0))
                rows[account.quarter] = (read + account.read, trusted + account.trusted)
            counts = {(account.quarter, account.source_file_id): account.trusted for account in accounts}
            promoter = f"run {context.run_id}"
            promote(database, DOMAIN, tracked, "trusted", ["rows account", "faults within limit"], promoter, counts)
            promote(database, DOMAIN, tracked, "curated", ["dbt tests"], promoter)
        return dg.MaterializeResult(
            metadata={"quarters": ", ".join(map(str, tracked))} if accounts else {"unchanged": UNCHANGED},
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
        **common, deps=[row_accounts, *page_sources], kinds={"html"}, tags={"layer": "pages", "zone": "product"}
    )
    def pages(
        context: dg.AssetExecutionContext,
        platform: Platform,
        all_definitions: dg.ResourceParam[AllDefinitions],
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """The published attendance pages, swapped in with the whole site once they are checked."""
        database = platform.database
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        with exclusive(database, "publish"):
            if pages_are_up_to_date(platform, dbt_vars):
                context.log.info("The pages show everything as it is: nothing to do.")
                return dg.MaterializeResult(metadata={"unchanged": UNCHANGED})
            forget_pages(database)
            with track(database, DOMAIN, quarters, "publish", context.run_id, begins=True, finishes=True):
                # Imported here because the page libraries take a second to load and only this step needs them.
                from orchestration.attendance.publish import publish_pages
                from orchestration.core.publishing import Publishing

                made_of = shown_fingerprint(platform, dbt_vars)
                docs = generate_docs(platform.settings, database, dbt_vars)
                shown = publishable_quarters(database)
                now = datetime.now(UTC).replace(microsecond=0)
                manifest, definitions = load_manifest(platform.settings, dbt_vars), all_definitions.get()
                publishing = Publishing(platform, DOMAIN, context.run_id, now, context.instance, manifest, definitions)
                published = publish_pages(publishing, shown, docs)
                promote(database, DOMAIN, quarters, "product", ["site check"], f"run {context.run_id}")
            record_pages(platform, made_of)
        return dg.MaterializeResult(
            metadata={
                "pages": dg.MetadataValue.path(str(platform.settings.site / DOMAIN / "index.html")),
                "quarters": ", ".join(shown),
                "files": len(published),
            }
        )

    return [landing_files, raw_tables, row_accounts, pages]
