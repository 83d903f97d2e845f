"""Everything Dagster knows about exam results, put together."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ml_assets.student_performance.assets import build_clustering_assets
from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_assets import build_dbt_assets
from orchestration.core.domain_assets import build_refresh_job
from orchestration.core.freshness import DomainProject
from orchestration.core.partitions import Quarter, quarterly_partitions
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings
from orchestration.student_performance.assets import build_python_assets
from orchestration.student_performance.automation import (
    build_kaggle_sensor,
    build_new_file_sensor,
    build_schedule,
)
from orchestration.student_performance.checks import explain_quarantine
from orchestration.student_performance.contract import dbt_variables, office_contract
from orchestration.student_performance.freshness import (
    contract_subjects,
    dbt_step,
    etl_stage,
    pages_step,
    unsettled_ml,
)
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.raw import RAW_VIEW


def build_domain(settings: Settings, dbt_vars: dict[str, Any]) -> dg.Definitions:
    """The domain's assets, checks, job, schedule and sensors; `dbt_vars` are those of all domains."""
    contract = office_contract(settings)
    project = DomainProject(DOMAIN, dbt_variables(settings), dbt_vars)
    etl = etl_stage(project, contract)
    partitions_def = quarterly_partitions(settings)

    def unsettled(platform: Platform, quarters: Sequence[Quarter]) -> list[Quarter]:
        return unsettled_ml(platform, project, contract, quarters)

    dbt_models = build_dbt_assets(
        DOMAIN,
        raw_table=dg.AssetKey([DOMAIN, RAW_VIEW]),
        manifest=load_manifest(settings, dbt_vars),
        dbt_vars=dbt_vars,
        partitions_def=partitions_def,
        step_of=lambda models: dbt_step(models, etl, contract),
        on_failure=explain_quarantine,
    )
    assets = [
        *build_python_assets(contract, etl, pages_step(project, contract), partitions_def),
        dbt_models,
        build_clustering_assets(contract_subjects(contract), partitions_def, unsettled),
    ]
    job = build_refresh_job(DOMAIN, "One quarter of exam results, from the source to the published pages.")
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        schedules=[build_schedule(job, settings)],
        sensors=[build_new_file_sensor(job, settings), build_kaggle_sensor(job, settings)],
    )
