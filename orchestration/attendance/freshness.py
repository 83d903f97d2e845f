"""What the steps of attendance depend on, beside what holds for every domain (`core/freshness.py`): raw < models < pages."""

from pathlib import Path

from orchestration.attendance.contract import load_contract
from orchestration.core.freshness import DomainProject, EtlStage
from orchestration.core.status import Stage

STAGES: tuple[Stage, ...] = ("etl", "publish")
HERE = Path(__file__).parent
_READERS = ("contract.py", "contract.yml", "daily_report.py", "ingest.py", "kinds.py", "student_files.py", "tables.yml")


def etl_stage(project: DomainProject) -> EtlStage:
    """Stage etl; rows are read by the contract."""
    return EtlStage(project, [HERE / name for name in _READERS], lambda _settings: load_contract().model_dump())
