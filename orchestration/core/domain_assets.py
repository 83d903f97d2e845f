"""The Python assets that are alike in every domain: received files, raw tables, row account, pages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.core.accounts import RowAccount, record_accounts
from orchestration.core.builds import changed
from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_docs import generate_docs
from orchestration.core.freshness import RAW_STEP, EtlStage, PagesStep
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.leases import confirm
from orchestration.core.monitoring.defs import source_freshness
from orchestration.core.partitions import BACKFILL_POLICY, Quarter
from orchestration.core.postgres import exclusive
from orchestration.core.promotions import promote
from orchestration.core.resources import AllDefinitions, Platform
from orchestration.core.settings import Settings
from orchestration.core.status import Stage, remember, succeeded, track

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing

OWNERS = ["team:academics_office"]
UNCHANGED = "Nothing that this is made from has changed since it was built."


class SourceConfig(dg.Config):
    """Where the quarter's files come from: `auto`, a word that the domain knows such as `sample`, or a path or s3:// URL."""

    source: str = "auto"


def landing_op(domain: str) -> str:
    """The step that receives the files."""
    return f"{domain}__landing_files"


def raw_op(domain: str) -> str:
    """The step that fills the raw tables."""
    return f"{domain}__raw_tables"


def source_run_config(domain: str, source: str) -> dict[str, object]:
    """Run configuration that names where the files come from."""
    return {"ops": {landing_op(domain): {"config": {"source": source}}}}


def python_asset(domain: str, partitions_def: dg.PartitionsDefinition) -> dict[str, Any]:
    """What all Python assets of a domain have in common, as arguments of `dg.asset`."""
    return {
        "key_prefix": [domain],
        "group_name": domain,
        "partitions_def": partitions_def,
        "backfill_policy": BACKFILL_POLICY,
        "pool": DATABASE_WRITERS,
        "owners": OWNERS,
    }


def build_landing_asset(
    etl: EtlStage,
    partitions_def: dg.PartitionsDefinition,
    *,
    kinds: set[str],
    description: str,
    resolve_source: Callable[[str, Settings], tuple[str, str | None]],
    receive: Callable[[Platform, str, Sequence[Quarter], dg.DagsterLogManager], Mapping[str, Any]],
) -> dg.AssetsDefinition:
    """The asset that receives files.

    Args:
        resolve_source: what the source that was asked for means just now, and a sentence where that is something else.
        receive: fetches the files, refuses what is none of the contract, keeps and assigns them, says in the log what a person
            should know, and returns Dagster's metadata.
    """
    domain = etl.project.domain

    @dg.asset(  # type: ignore[untyped-decorator]
        **python_asset(domain, partitions_def),
        kinds=kinds,
        description=description,
        tags={"layer": "landing", "zone": "landing"},
        freshness_policy=source_freshness(domain),
    )
    def landing_files(
        context: dg.AssetExecutionContext, config: SourceConfig, platform: Platform
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        quarters = platform.take_quarters(context, domain)
        succeeded_before = succeeded(platform.database, domain, quarters, "etl")
        put_back = remember(platform.database, domain, quarters, "etl")
        with track(platform.database, domain, quarters, "etl", context.run_id, begins=True):
            source, reason = resolve_source(config.source, platform.settings)
            if reason:
                context.log.warning(reason)
            metadata = receive(platform, source, quarters, context.log)
        # A quarter whose files were received before, and all that follows from them, stands as its last build left it.
        built = etl.up_to_date(platform, quarters) & succeeded_before
        put_back([quarter for quarter in quarters if quarter in built], context.run_id)
        fresh = [quarter for quarter in quarters if quarter not in built]
        promote(platform.database, domain, fresh, "landing", ["is of the contract"], f"run {context.run_id}")
        return dg.MaterializeResult(metadata={**metadata, "quarters": ", ".join(map(str, quarters))})

    return landing_files  # type: ignore[no-any-return]


def build_raw_assets(
    etl: EtlStage,
    partitions_def: dg.PartitionsDefinition,
    *,
    tables: Mapping[str, str],
    load: Callable[[Platform, Quarter], Mapping[str, int]],
    further: Callable[[Platform, str, Sequence[Quarter], dg.DagsterLogManager], Mapping[str, Any]] = lambda *_: {},
) -> dg.AssetsDefinition:
    """The assets of the raw tables, which one step fills: the quarters whose files or readers have changed.

    Args:
        tables: what each table holds, by its name.
        load: replaces a quarter's rows of all of them, and returns the number of rows by table.
        further: more of Dagster's metadata of a table, about the quarters that were loaded.
    """
    domain = etl.project.domain

    @dg.multi_asset(
        name=raw_op(domain),
        specs=[
            dg.AssetSpec(
                [domain, table],
                deps=[dg.AssetKey([domain, "landing_files"])],
                description=description,
                group_name=domain,
                kinds={"python", "postgres"},
                owners=OWNERS,
                partitions_def=partitions_def,
                tags={"layer": "raw", "zone": "raw"},
            )
            for table, description in tables.items()
        ],
        partitions_def=partitions_def,
        backfill_policy=BACKFILL_POLICY,
        pool=DATABASE_WRITERS,
    )
    def raw_assets(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        quarters = platform.take_quarters(context, domain)
        tracked = etl.unsettled(platform, quarters)
        counts: dict[Quarter, Mapping[str, int]] = {}
        with track(platform.database, domain, tracked, "etl", context.run_id):
            for quarter, fingerprint in etl.raw_fingerprints(platform, tracked).items():
                record = {quarter: fingerprint}
                with changed(platform.database, domain, RAW_STEP, record, context.log.info) as todo:
                    if todo:
                        counts[quarter] = load(platform, quarter)
                        rows = ", ".join(f"{count:,} {table}" for table, count in counts[quarter].items())
                        context.log.info(f"{quarter}: rows read: {rows}")
            promote(platform.database, domain, tracked, "raw", ["read whole"], f"run {context.run_id}")
        for table in tables:
            metadata: dict[str, Any] = {"unchanged": UNCHANGED}
            if counts:
                row_count = sum(count[table] for count in counts.values())
                metadata = {"dagster/row_count": row_count, **further(platform, table, list(counts), context.log)}
            yield dg.MaterializeResult(asset_key=dg.AssetKey([domain, table]), metadata=metadata)

    return raw_assets


def build_row_accounts_asset(
    etl: EtlStage,
    partitions_def: dg.PartitionsDefinition,
    *,
    after: Iterable[str],
    count_rows: Callable[[Platform, Sequence[Quarter]], list[RowAccount]],
) -> dg.AssetsDefinition:
    """The asset that accounts for every row and ends stage etl, with its blocking check.

    Args:
        after: the domain's tables that must stand before rows are counted.
        count_rows: counts the quarters' rows, read and judged, independently.
    """
    domain = etl.project.domain

    @dg.asset(  # type: ignore[untyped-decorator]
        **python_asset(domain, partitions_def),
        deps=[dg.AssetKey([domain, table]) for table in after],
        kinds={"python", "postgres"},
        tags={"layer": "platform", "zone": "trusted"},
        check_specs=[
            dg.AssetCheckSpec(
                "every_row_is_accounted_for",
                asset=dg.AssetKey([domain, "row_accounts"]),
                description="Rows read = trusted + quarantined with a reason, per file. Otherwise rows were lost or doubled.",
                blocking=True,
            )
        ],
    )
    def row_accounts(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Per quarter and file: rows read, trusted and quarantined, the latter by reason."""
        database = platform.database
        quarters = platform.take_quarters(context, domain)
        tracked = etl.unsettled(platform, quarters)
        with track(database, domain, tracked, "etl", context.run_id, finishes=True) as rows:
            accounts = count_rows(platform, tracked) if tracked else []
            record_accounts(database, domain, [str(quarter) for quarter in tracked], accounts)
            for account in accounts:
                read, trusted = rows.get(account.quarter, (0, 0))
                rows[account.quarter] = (read + account.read, trusted + account.trusted)
            counts = {(account.quarter, account.source_file_id): account.trusted for account in accounts}
            promoter = f"run {context.run_id}"
            promote(database, domain, tracked, "trusted", ["rows account", "faults within limit"], promoter, counts)
            promote(database, domain, tracked, "curated", ["dbt tests"], promoter)
        return dg.MaterializeResult(
            metadata={"accounts": dg.MetadataValue.md(_table_of(accounts))} if accounts else {"unchanged": UNCHANGED},
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

    return row_accounts  # type: ignore[no-any-return]


def _table_of(accounts: Sequence[RowAccount]) -> str:
    lines = ["| quarter | file | read | trusted | quarantined | by reason |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {account.quarter} | {account.source_file_id} | {account.read} | {account.trusted} | {account.quarantined} "
        f"| {account.quarantined_by_reason} |"
        for account in accounts
    ]
    return "\n".join(lines)


def build_pages_asset(
    step: PagesStep,
    partitions_def: dg.PartitionsDefinition,
    *,
    marts: Iterable[str],
    publish: Callable[["Publishing", list[str], Path], Sequence[Path]],
) -> dg.AssetsDefinition:
    """The asset that publishes the domain's part of the site.

    Args:
        marts: those that the pages show.
        publish: builds, checks and swaps in the pages of the quarters, with dbt's docs; returns the site's files.
    """
    project = step.project
    domain = project.domain

    @dg.asset(  # type: ignore[untyped-decorator]
        **python_asset(domain, partitions_def),
        deps=[dg.AssetKey([domain, name]) for name in ("row_accounts", *marts)],
        kinds={"html"},
        tags={"layer": "pages", "zone": "product"},
    )
    def pages(
        context: dg.AssetExecutionContext,
        platform: Platform,
        all_definitions: dg.ResourceParam[AllDefinitions],
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """The published pages with the dbt data docs beside them, swapped in whole once they are checked."""
        database, settings = platform.database, platform.settings
        quarters = platform.take_quarters(context, domain)
        with exclusive(database, "publish") as still_locked:
            if step.are_up_to_date(platform):
                confirm(database)
                context.log.info("The pages show everything as it is: nothing to do.")
                return dg.MaterializeResult(metadata={"unchanged": UNCHANGED})
            step.forget(database)
            with track(database, domain, quarters, "publish", context.run_id, begins=True, finishes=True):
                # Imported here because the page libraries take a second to load and only this step needs them.
                from orchestration.core.publishing import Publishing

                made_of = step.shown(platform)
                docs = generate_docs(settings, database, project.dbt_vars)
                shown = step.quarters(database)
                now = datetime.now(UTC).replace(microsecond=0)
                manifest, definitions = load_manifest(settings, project.dbt_vars), all_definitions.get()
                publishing = Publishing(
                    platform, domain, context.run_id, now, context.instance, still_locked, manifest, definitions
                )
                published = publish(publishing, shown, docs)
                promote(database, domain, quarters, "product", ["site check"], f"run {context.run_id}")
            step.record(platform, made_of)
        return dg.MaterializeResult(
            metadata={
                "pages": dg.MetadataValue.path(str(settings.site / publishing.area / "index.html")),
                "quarters": ", ".join(shown),
                "files": len(published),
            }
        )

    return pages  # type: ignore[no-any-return]


def build_refresh_job(domain: str, description: str) -> Any:
    """The job of all the domain's assets, which the command, schedules and sensors start."""
    return dg.define_asset_job(f"{domain}_refresh", selection=dg.AssetSelection.groups(domain), description=description)


def stage_selection(definitions: dg.Definitions, domain: str, stage: Stage) -> list[dg.AssetKey]:
    """The assets of one stage: those of layer ml and what follows them are ml, the pages publish, all else etl."""
    graph = definitions.resolve_asset_graph()
    everything = dg.AssetSelection.groups(domain)
    publish = dg.AssetSelection.assets(dg.AssetKey([domain, "pages"]))
    ml = (everything & dg.AssetSelection.tag("layer", "ml")).downstream() & everything - publish
    selection = {"etl": everything - ml - publish, "ml": ml, "publish": publish}[stage]
    return sorted(selection.resolve(graph), key=str)
