"""What Dagster knows about monitoring: the sensor that looks once an hour, the seeds for people's queries, sources' freshness."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.core.builds import code_fingerprint
from orchestration.core.dbt import RESULT_EVENTS, build_arguments, explain, invoke, rows_written, target_dir
from orchestration.core.dbt_translator import DomainTranslator, dagster_events
from orchestration.core.errors import QuarterdeckError
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.monitoring.rules import SEEDS, load_rules
from orchestration.core.monitoring.watch import watch as look
from orchestration.core.resources import Platform
from orchestration.core.settings import Mode, Settings

PLATFORM = "platform"


def source_freshness(domain: str) -> dg.FreshnessPolicy:
    """The policy of a domain's received files: as late as `anomaly_rules.csv` says, with a warning two weeks earlier.

    Dagster looks at when the last file was received; the alert of the same rule looks at which quarter it was for.

    Raises:
        QuarterdeckError: no rule says how late the domain's files may be.
    """
    days = load_rules(datetime.now(UTC).date()).days_until_due(domain)
    if days is None:
        raise QuarterdeckError(
            f"{SEEDS / 'anomaly_rules.csv'}: no freshness rule is for {domain}. Add a row for it, or for *."
        )
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=days), warn_window=timedelta(days=max(1, days - 14))
    )


def build_monitoring(settings: Settings, manifest: Mapping[str, Any], dbt_vars: Mapping[str, Any]) -> dg.Definitions:
    """The platform's seeds with their job, and the sensor."""
    translator = DomainTranslator(None)

    @dbt_assets(
        manifest=manifest,
        select=f"fqn:quarterdeck.{PLATFORM}",
        name=f"{PLATFORM}_seeds",
        dagster_dbt_translator=translator,
        pool=DATABASE_WRITERS,
    )
    def seeds(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        results: list[Any] = []
        result = invoke(
            platform.settings,
            platform.database,
            "build",
            ["--no-write-json", *build_arguments([], dbt_vars), "--select", f"fqn:quarterdeck.{PLATFORM}"],
            callbacks=[lambda event: results.append(event) if event.info.name in RESULT_EVENTS else None],
        )
        yield from dagster_events(context, results, rows_written(result), manifest, translator)
        if not result.success:
            raise dg.Failure(f"dbt build failed: {explain(result, target_dir(platform.settings, 'build'))}.")

    job = dg.define_asset_job(
        f"{PLATFORM}_refresh",
        selection=dg.AssetSelection.groups(PLATFORM),
        description="Loads and tests the price list, the budgets and the rules for anomalies.",
    )
    is_on = settings.mode in (Mode.PRODUCTION, Mode.TEST)

    @dg.sensor(
        name=f"{PLATFORM}_watch",
        job=job,
        minimum_interval_seconds=60 * 60,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Looks for late sources and for alerts to tell; loads the platform's seeds when they changed.",
    )
    def watch(context: dg.SensorEvaluationContext, platform: Platform) -> dg.RunRequest:
        look(platform, context.instance, f"{PLATFORM}_watch", context.log)
        # Dagster makes one run of a key, so nothing runs until a file changes.
        return dg.RunRequest(run_key=code_fingerprint(SEEDS))

    return dg.Definitions(assets=[seeds], jobs=[job], sensors=[watch])
