"""Everything Dagster knows about exam results, put together."""

import dagster as dg

from ml_assets.student_performance.assets import build_clustering_assets
from ml_assets.student_performance.clustering import Subject
from orchestration.core.dbt import build_dbt_assets, load_manifest
from orchestration.core.partitions import quarterly_partitions
from orchestration.core.settings import Settings
from orchestration.core.status import Stage
from orchestration.student_performance.assets import build_python_assets
from orchestration.student_performance.automation import (
    build_kaggle_sensor,
    build_new_file_sensor,
    build_schedule,
)
from orchestration.student_performance.checks import explain_quarantine
from orchestration.student_performance.ingest import DOMAIN, RAW_TABLE, dbt_variables, office_contract
from orchestration.student_performance.pages_input import PAGE_MARTS

# The last mart of the ml stage: the dbt step that builds it finishes the stage.
LABELED_MART = "fct_labeled_score_sets"


def stage_of(models: set[str]) -> tuple[Stage, bool]:
    """The stage that a dbt step belongs to, and whether it finishes it: models up to the clusters are etl, the rest ml."""
    return ("ml", True) if LABELED_MART in models else ("etl", False)


def build_domain(settings: Settings) -> dg.Definitions:
    """The domain's assets, checks, job, schedule and sensors."""
    contract = office_contract(settings)
    dbt_vars = dbt_variables(contract, settings)
    partitions_def = quarterly_partitions(settings)
    subjects = [
        Subject(item.name, item.label, item.group, contract.score.minimum, contract.score.maximum)
        for item in contract.subjects
    ]

    dbt_models = build_dbt_assets(
        DOMAIN,
        raw_table=dg.AssetKey([DOMAIN, RAW_TABLE]),
        manifest=load_manifest(settings, dbt_vars),
        dbt_vars=dbt_vars,
        partitions_def=partitions_def,
        stage_of=stage_of,
        on_failure=explain_quarantine,
    )
    assets = [
        *build_python_assets(contract, partitions_def, [dg.AssetKey([DOMAIN, name]) for name in PAGE_MARTS]),
        dbt_models,
        build_clustering_assets(subjects, partitions_def),
    ]
    job = dg.define_asset_job(
        f"{DOMAIN}_refresh",
        selection=dg.AssetSelection.groups(DOMAIN),
        description="One quarter of exam results, from the source to the published pages.",
    )
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        schedules=[build_schedule(job, settings)],
        sensors=[build_new_file_sensor(job, settings), build_kaggle_sensor(job, settings)],
    )
