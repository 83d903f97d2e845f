"""What each step of attendance depends on, so that a run works only on the quarters for which something has changed.

raw < models < pages: each step's fingerprint holds the one before it, and its own code and settings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.attendance.contract import load_contract
from orchestration.attendance.ingest import DOMAIN
from orchestration.core import builds, pseudonyms
from orchestration.core.dbt import DbtStep, project_fingerprint
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.promotions import promoted
from orchestration.core.resources import Platform
from orchestration.core.site_parts import area_of, published_part
from orchestration.core.status import Stage, succeeded

STAGES: tuple[Stage, ...] = ("etl", "publish")
RAW_STEP, MODELS_STEP, PAGES_STEP = "raw", "models", "pages"
ALL_QUARTERS = "all"
HERE = Path(__file__).parent
_READERS = ("contract.py", "contract.yml", "daily_report.py", "ingest.py", "kinds.py", "student_files.py", "tables.yml")


def raw_fingerprints(database: Database, quarters: Sequence[Quarter]) -> dict[Quarter, str | None]:
    """The quarter's files, the contract and the code that reads; None where there is no file."""
    with database.connect() as connection:
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


def unsettled_etl(platform: Platform, dbt_vars: Mapping[str, Any], quarters: Sequence[Quarter]) -> list[Quarter]:
    """Those of the quarters on which stage etl has work to do, or has not succeeded."""
    settled = up_to_date_etl(platform, dbt_vars, quarters) & succeeded(platform.database, DOMAIN, quarters, "etl")
    return [quarter for quarter in quarters if quarter not in settled]


def up_to_date_etl(platform: Platform, dbt_vars: Mapping[str, Any], quarters: Sequence[Quarter]) -> set[Quarter]:
    """Those of the quarters whose rows and models stand as their last build left them, and would be built alike."""
    database = platform.database
    project = project_fingerprint(platform.settings, dbt_vars)
    steps = {
        RAW_STEP: raw_fingerprints(database, quarters),
        MODELS_STEP: builds.following(database, DOMAIN, quarters, RAW_STEP, project),
    }
    found = promoted(database, DOMAIN, quarters, "curated")
    for step, fingerprints in steps.items():
        records = builds.recorded(database, DOMAIN, quarters, step)
        found &= {quarter for quarter, (fingerprint, _) in records.items() if fingerprint == fingerprints[quarter]}
    return found


def dbt_step(dbt_vars: Mapping[str, Any]) -> DbtStep:
    """All models are one step, of stage etl."""
    return DbtStep(
        MODELS_STEP, RAW_STEP, "etl", False, lambda platform, quarters: unsettled_etl(platform, dbt_vars, quarters)
    )


def publishable_quarters(database: Database) -> list[str]:
    """Quarters whose marts are whole and accounted for, oldest first: only these are shown to readers.

    That is where stage etl has succeeded. A refused file fails it without touching the marts: the quarter then stays on the
    pages as it was published, since publishing is pending from the moment that the marts begin to change.
    """
    with database.connect() as connection:
        rows = connection.execute(
            """
            select distinct quarter from platform.stage_status
            where domain = %s and (stage, status) in (('etl', 'succeeded'), ('publish', 'succeeded')) order by quarter
            """,
            (DOMAIN,),
        ).fetchall()
    return [row[0] for row in rows]


def shown_fingerprint(platform: Platform, dbt_vars: Mapping[str, Any]) -> str | None:
    """Hash of everything that the pages show."""
    database = platform.database
    quarters = [Quarter.parse(quarter) for quarter in publishable_quarters(database)]
    records = builds.recorded(database, DOMAIN, quarters, MODELS_STEP)
    return builds.fingerprint_of(
        [[str(quarter), *records.get(quarter, ())] for quarter in quarters],
        project_fingerprint(platform.settings, dbt_vars),
        builds.code_fingerprint(HERE, Path(builds.__file__).parent),
    )


def pages_are_up_to_date(platform: Platform, dbt_vars: Mapping[str, Any]) -> bool:
    """Whether the published pages show everything as it is."""
    with platform.database.connect() as connection:
        row = connection.execute(
            "select fingerprint from platform.quarter_builds where (domain, quarter, step) = (%s, %s, %s)",
            (DOMAIN, ALL_QUARTERS, PAGES_STEP),
        ).fetchone()
    shown = shown_fingerprint(platform, dbt_vars)
    return row is not None and row[0] == _published(platform, shown)


def forget_pages(database: Database) -> None:
    """Take the pages' record away, before they are built."""
    builds.forget(database, DOMAIN, [ALL_QUARTERS], PAGES_STEP)


def record_pages(platform: Platform, shown: str | None) -> None:
    """Record what the pages were built from: `shown_fingerprint` before that, and the part as published."""
    builds.record(platform.database, DOMAIN, {ALL_QUARTERS: _published(platform, shown)}, PAGES_STEP)


def _published(platform: Platform, shown: str | None) -> str | None:
    area = area_of(DOMAIN, platform.domains)
    return builds.fingerprint_of(shown, published_part(platform.settings.site, area))
