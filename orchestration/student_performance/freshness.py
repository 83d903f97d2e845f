"""What each step of exam results depends on beside what holds for every domain (`core/freshness.py`).

raw < models < clusters < labels < pages.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ml_assets.student_performance.assets import CLUSTERS_STEP, cluster_fingerprints
from ml_assets.student_performance.subjects import Subject
from orchestration.core.dbt_assets import DbtStep
from orchestration.core.freshness import MODELS_STEP, DomainProject, EtlStage, PagesStep, up_to_date
from orchestration.core.partitions import Quarter
from orchestration.core.resources import Platform
from orchestration.core.status import succeeded
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.ingest import DOMAIN

LABELS_STEP = "labels"
HERE = Path(__file__).parent
# The last mart of the ml stage: the dbt step that builds it finishes the stage.
LABELED_MART = "fct_labeled_score_sets"


def contract_subjects(contract: Contract) -> list[Subject]:
    """The contract's subjects as the clustering takes them."""
    return [
        Subject(item.name, item.label, item.group, contract.score.minimum, contract.score.maximum)
        for item in contract.subjects
    ]


def etl_stage(project: DomainProject, contract: Contract) -> EtlStage:
    """Stage etl; lines are read by the contract and by header names, the shipped ones and the office's own."""
    code = [HERE / name for name in ("aliases.yml", "ingest.py", "exam_file.py", "contract.py", "raw.py")]
    return EtlStage(
        project,
        code,
        lambda settings: [contract.model_dump(), settings.aliases.read_text() if settings.aliases else ""],
    )


def unsettled_ml(
    platform: Platform, project: DomainProject, contract: Contract, quarters: Sequence[Quarter]
) -> list[Quarter]:
    """Those of the quarters on which stage ml has work to do, or has not succeeded."""
    database = platform.database
    steps = {
        CLUSTERS_STEP: cluster_fingerprints(database, quarters, contract_subjects(contract)),
        LABELS_STEP: project.following(platform, quarters, CLUSTERS_STEP),
    }
    settled = up_to_date(database, DOMAIN, quarters, steps) & succeeded(database, DOMAIN, quarters, "ml")
    return [quarter for quarter in quarters if quarter not in settled]


def dbt_step(models: set[str], etl: EtlStage, contract: Contract) -> DbtStep:
    """The step that these models are: those up to the clusters are of stage etl, the rest of ml."""
    if LABELED_MART not in models:
        return etl.dbt_step()
    return DbtStep(
        LABELS_STEP,
        "ml",
        True,
        lambda platform, quarters: unsettled_ml(platform, etl.project, contract, quarters),
        lambda platform, quarters: etl.project.following(platform, quarters, CLUSTERS_STEP),
    )


def pages_step(project: DomainProject, contract: Contract) -> PagesStep:
    """The pages of both editions: beside the marts, they tell of the contract and the rules of disclosure."""
    return PagesStep(
        project,
        HERE,
        (MODELS_STEP, LABELS_STEP),
        lambda settings: [contract.model_dump(), asdict(settings.disclosure_rules)],
    )
