"""Everything Dagster knows about attendance, put together."""

from typing import Any

import dagster as dg

from orchestration.attendance.assets import build_python_assets
from orchestration.attendance.automation import build_new_file_sensor
from orchestration.attendance.checks import explain_quarantine
from orchestration.attendance.contract import load_contract
from orchestration.attendance.freshness import STAGES, dbt_step
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.kinds import SCHOOL_DAYS
from orchestration.attendance.pages_input import PAGE_MARTS
from orchestration.core.dbt import build_dbt_assets, load_manifest
from orchestration.core.partitions import quarterly_partitions
from orchestration.core.settings import Settings


def project_variables(settings: Settings) -> dict[str, Any]:
    """The variables that this domain's models ask of every dbt command."""
    return {
        "academic_year_start_month": settings.academic_year_start_month,
        "max_quarantined_pct": settings.max_quarantined_pct,
    }


def build_domain(settings: Settings, dbt_vars: dict[str, Any]) -> dg.Definitions:
    """The domain's assets, checks, job and sensor; `dbt_vars` are those of all domains."""
    partitions_def = quarterly_partitions(settings)
    dbt_models = build_dbt_assets(
        DOMAIN,
        raw_table=dg.AssetKey([DOMAIN, SCHOOL_DAYS]),
        manifest=load_manifest(settings, dbt_vars),
        dbt_vars=dbt_vars,
        partitions_def=partitions_def,
        step_of=lambda _models: dbt_step(dbt_vars),
        on_failure=explain_quarantine,
        stages=STAGES,
    )
    page_sources = [dg.AssetKey([DOMAIN, name]) for name in PAGE_MARTS]
    job = dg.define_asset_job(
        f"{DOMAIN}_refresh",
        selection=dg.AssetSelection.groups(DOMAIN),
        description="One quarter of attendance, from the files to the published pages.",
    )
    return dg.Definitions(
        assets=[*build_python_assets(load_contract(), dbt_vars, partitions_def, page_sources), dbt_models],
        jobs=[job],
        sensors=[build_new_file_sensor(job, settings)],
    )
