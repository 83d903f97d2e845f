"""What each step of exam results depends on, so that a run works only on the quarters for which something has changed.

raw < models < clusters < labels < pages: each step's fingerprint holds the one before it, and its own code and settings.
"""

from collections.abc import Sequence
from pathlib import Path

from psycopg import sql

from ml_assets.student_performance.assets import CLUSTERS_STEP, MODELS_STEP, cluster_fingerprints
from ml_assets.student_performance.subjects import Subject
from orchestration.core import builds, delimited, delimited_blocks
from orchestration.core.dbt import DbtStep, project_fingerprint
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.promotions import promoted
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings
from orchestration.core.site_parts import area_of, published_part
from orchestration.core.status import publishable_quarters, succeeded
from orchestration.student_performance import contract as contract_module
from orchestration.student_performance import exam_file, ingest
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.ingest import DOMAIN, dbt_variables

RAW_STEP, LABELS_STEP, PAGES_STEP = "raw", "labels", "pages"
ALL_QUARTERS = "all"
HERE = Path(__file__).parent
# The last mart of the ml stage: the dbt step that builds it finishes the stage.
LABELED_MART = "fct_labeled_score_sets"


def contract_subjects(contract: Contract) -> list[Subject]:
    """The contract's subjects as the clustering takes them."""
    return [
        Subject(item.name, item.label, item.group, contract.score.minimum, contract.score.maximum)
        for item in contract.subjects
    ]


def raw_fingerprints(
    database: Database, settings: Settings, contract: Contract, quarters: Sequence[Quarter]
) -> dict[Quarter, str | None]:
    """The quarter's file, the contract, header names, engine, and the code that reads; None where there is no file."""
    with database.connect() as connection:
        files: dict[str, str] = dict(
            connection.execute(
                "select quarter, source_file_id from platform.quarter_files where domain = %s", (DOMAIN,)
            )
        )
    aliases = settings.aliases.read_text() if settings.aliases else ""
    modules = [str(module.__file__) for module in (ingest, exam_file, contract_module, delimited, delimited_blocks)]
    code = builds.code_fingerprint(HERE / "aliases.yml", *map(Path, modules))
    return {
        quarter: builds.fingerprint_of(files.get(str(quarter)), contract.model_dump(), aliases, settings.engine, code)
        for quarter in quarters
    }


def up_to_date_etl(platform: Platform, contract: Contract, quarters: Sequence[Quarter]) -> set[Quarter]:
    """Those of the quarters whose raw lines and models stand as their last build left them, and would be built alike."""
    database, settings = platform.database, platform.settings
    project = project_fingerprint(settings, dbt_variables(contract, settings))
    return promoted(database, DOMAIN, quarters, "curated") & _up_to_date(
        database,
        quarters,
        {
            RAW_STEP: raw_fingerprints(database, settings, contract, quarters),
            MODELS_STEP: builds.following(database, DOMAIN, quarters, RAW_STEP, project),
        },
    )


def unsettled_etl(platform: Platform, contract: Contract, quarters: Sequence[Quarter]) -> list[Quarter]:
    """Those of the quarters on which stage etl has work to do, or has not succeeded."""
    settled = up_to_date_etl(platform, contract, quarters) & succeeded(platform.database, DOMAIN, quarters, "etl")
    return [quarter for quarter in quarters if quarter not in settled]


def unsettled_ml(platform: Platform, contract: Contract, quarters: Sequence[Quarter]) -> list[Quarter]:
    """Those of the quarters on which stage ml has work to do, or has not succeeded."""
    database = platform.database
    project = project_fingerprint(platform.settings, dbt_variables(contract, platform.settings))
    steps = {
        CLUSTERS_STEP: cluster_fingerprints(database, quarters, contract_subjects(contract)),
        LABELS_STEP: builds.following(database, DOMAIN, quarters, CLUSTERS_STEP, project),
    }
    settled = _up_to_date(database, quarters, steps) & succeeded(database, DOMAIN, quarters, "ml")
    return [quarter for quarter in quarters if quarter not in settled]


def _up_to_date(
    database: Database, quarters: Sequence[Quarter], steps: dict[str, dict[Quarter, str | None]]
) -> set[Quarter]:
    found = set(quarters)
    for step, fingerprints in steps.items():
        records = builds.recorded(database, DOMAIN, quarters, step)
        found &= {quarter for quarter, (fingerprint, _) in records.items() if fingerprint == fingerprints[quarter]}
    return found


def dbt_step(models: set[str], contract: Contract) -> DbtStep:
    """The step that these models are: those up to the clusters are of stage etl, the rest of ml."""
    if LABELED_MART in models:
        return DbtStep(
            LABELS_STEP,
            CLUSTERS_STEP,
            "ml",
            True,
            lambda platform, quarters: unsettled_ml(platform, contract, quarters),
        )
    return DbtStep(
        MODELS_STEP, RAW_STEP, "etl", False, lambda platform, quarters: unsettled_etl(platform, contract, quarters)
    )


def shown_fingerprint(platform: Platform, contract: Contract) -> str | None:
    """Hash of everything that the pages show, but for how publishing stands, which only publishing changes."""
    database, settings = platform.database, platform.settings
    quarters = [Quarter.parse(quarter) for quarter in publishable_quarters(database, DOMAIN)]
    records = [builds.recorded(database, DOMAIN, quarters, step) for step in (MODELS_STEP, LABELS_STEP)]
    return builds.fingerprint_of(
        [[str(quarter), *(record.get(quarter) for record in records)] for quarter in quarters],
        _rows(database, "row_accounts"),
        _rows(database, "landing_files"),
        _rows(database, "stage_status", ["etl", "ml"]),
        contract.model_dump(),
        project_fingerprint(settings, dbt_variables(contract, settings)),
        builds.code_fingerprint(HERE, Path(builds.__file__).parent),
    )


def pages_are_up_to_date(platform: Platform, contract: Contract) -> bool:
    """Whether the published pages show everything as it is."""
    with platform.database.connect() as connection:
        row = connection.execute(
            "select fingerprint from platform.quarter_builds where (domain, quarter, step) = (%s, %s, %s)",
            (DOMAIN, ALL_QUARTERS, PAGES_STEP),
        ).fetchone()
    shown = shown_fingerprint(platform, contract)
    return row is not None and row[0] == _published(platform, shown)


def forget_pages(database: Database) -> None:
    """Take the pages' record away, before they are built."""
    builds.forget(database, DOMAIN, [ALL_QUARTERS], PAGES_STEP)


def record_pages(platform: Platform, shown: str | None) -> None:
    """Record what the pages were built from: `shown_fingerprint` before that, and how publishing stands now."""
    builds.record(platform.database, DOMAIN, {ALL_QUARTERS: _published(platform, shown)}, PAGES_STEP)


def _published(platform: Platform, shown: str | None) -> str | None:
    publishing = _rows(platform.database, "stage_status", ["publish"])
    area = area_of(DOMAIN, platform.domains)
    return builds.fingerprint_of(shown, publishing, published_part(platform.settings.site, area))


def _rows(database: Database, table: str, stages: Sequence[str] | None = None) -> str:
    """Hash of a platform table's rows of this domain, whatever their order; of the stages only where they are named."""
    query = sql.SQL(
        """
        select md5(coalesce(string_agg(shown::text, ' ' order by shown::text), ''))
        from {} as shown where domain = %s and (%s::text[] is null or to_jsonb(shown) ->> 'stage' = any(%s::text[]))
        """
    ).format(sql.Identifier("platform", table))
    with database.connect() as connection:
        row = connection.execute(query, (DOMAIN, stages, stages)).fetchone()
    assert row is not None
    return str(row[0])
