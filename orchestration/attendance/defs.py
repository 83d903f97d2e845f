"""Everything Dagster knows about attendance, put together."""

from dataclasses import asdict
from typing import Any

import dagster as dg

from orchestration.attendance.assets import build_python_assets
from orchestration.attendance.automation import build_new_file_sensor
from orchestration.attendance.checks import explain_quarantine
from orchestration.attendance.contract import dbt_variables, load_contract
from orchestration.attendance.freshness import HERE, STAGES, etl_stage
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.kinds import SCHOOL_DAYS
from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_assets import build_dbt_assets
from orchestration.core.domain_assets import build_refresh_job
from orchestration.core.freshness import DomainProject, PagesStep
from orchestration.core.partitions import quarterly_partitions
from orchestration.core.settings import Settings


def build_domain(settings: Settings, dbt_vars: dict[str, Any]) -> dg.Definitions:
    """The domain's assets, checks, job and sensor; `dbt_vars` are those of all domains."""
    project = DomainProject(DOMAIN, dbt_variables(settings), dbt_vars, STAGES)
    etl = etl_stage(project)
    # Beside the marts, the pages tell of the rules of disclosure.
    pages = PagesStep(project, HERE, further=lambda settings: asdict(settings.disclosure_rules))
    partitions_def = quarterly_partitions(settings)
    dbt_models = build_dbt_assets(
        DOMAIN,
        raw_table=dg.AssetKey([DOMAIN, SCHOOL_DAYS]),
        manifest=load_manifest(settings, dbt_vars),
        dbt_vars=dbt_vars,
        partitions_def=partitions_def,
        step_of=lambda _models: etl.dbt_step(),
        on_failure=explain_quarantine,
        stages=STAGES,
    )
    job = build_refresh_job(DOMAIN, "One quarter of attendance, from the files to the published pages.")
    return dg.Definitions(
        assets=[*build_python_assets(load_contract(), etl, pages, partitions_def), dbt_models],
        jobs=[job],
        sensors=[build_new_file_sensor(job, settings)],
    )
