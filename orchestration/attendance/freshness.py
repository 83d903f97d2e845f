"""What the raw rows of attendance are made from; the rest is as in every domain (`core/freshness.py`).

raw < models < pages.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.attendance.contract import load_contract
from orchestration.attendance.ingest import DOMAIN
from orchestration.core import builds, pseudonyms
from orchestration.core.freshness import Fingerprints
from orchestration.core.partitions import Quarter
from orchestration.core.resources import Platform
from orchestration.core.status import Stage

STAGES: tuple[Stage, ...] = ("etl", "publish")
HERE = Path(__file__).parent
_READERS = ("contract.py", "contract.yml", "daily_report.py", "ingest.py", "kinds.py", "student_files.py", "tables.yml")


def raw_fingerprints(platform: Platform, quarters: Sequence[Quarter]) -> Fingerprints:
    """The quarter's files, the contract and the code that reads; None where there is no file."""
    with platform.database.connect() as connection:
        files: dict[str, list[Any]] = dict(
            connection.execute(
                """
                select quarter, jsonb_agg(jsonb_build_array(part, source_file_id) order by part)
                from platform.quarter_files where domain = %s group by quarter
                """,
                (DOMAIN,),
            )
        )
    code = builds.code_fingerprint(*(HERE / name for name in _READERS), Path(pseudonyms.__file__))
    return {
        quarter: builds.fingerprint_of(files.get(str(quarter)), load_contract().model_dump(), code)
        for quarter in quarters
    }
