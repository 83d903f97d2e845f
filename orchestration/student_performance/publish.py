"""From the marts to the published site: read the shown quarters' frames, build the pages, check them, swap them in."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from orchestration.core.dbt import load_manifest
from orchestration.core.disclosure_attack import attack
from orchestration.core.errors import QuarterdeckError
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings
from orchestration.core.site import publish
from orchestration.core.site_check import check_site
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.definitions_of_terms import definitions_of
from orchestration.student_performance.external import external_quarters
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.ingest import DOMAIN, dbt_variables
from orchestration.student_performance.pages import build_pages
from orchestration.student_performance.pages_input import PAGE_MARTS, Demographic, PagesData, Subject

DOCS_PAGE = "dbt/index.html"


def publish_pages(
    platform: Platform, contract: Contract, quarters: Sequence[str], run_id: str, docs: Path
) -> list[Path]:
    """Build, check and publish both editions for these quarters, the internal one with dbt's `docs`; returns its files.

    Raises:
        QuarterdeckError: a built site fails its check, or the attack on the external edition succeeds; what is
            published stays as it is.
    """
    settings = platform.settings
    data = load_pages_data(platform, contract, quarters, run_id)
    build = _new_build(settings.site, data.built_at)
    try:
        files = build_pages(data, build, bundle_cache=settings.home / "cache")
        docs_page = build / DOCS_PAGE
        docs_page.parent.mkdir()
        shutil.copyfile(docs, docs_page)
        check_site(build, beside=(DOCS_PAGE,))
        external = _build_external(data, settings)
    except BaseException:
        shutil.rmtree(build)
        raise
    publish(build, settings.site)
    if external is not None:
        publish(external, settings.external_site)
    elif settings.external_site.is_symlink():
        settings.external_site.unlink()
    return [settings.site / path.relative_to(build) for path in [*files, docs_page]]


def _new_build(site: Path, built_at: datetime) -> Path:
    """An empty folder beside the published site, which is a link to the newest build: the swap is one rename."""
    builds = site.parent / f"{site.name}-builds"
    builds.mkdir(parents=True, exist_ok=True)
    build = Path(tempfile.mkdtemp(prefix=f"{built_at:%Y%m%dT%H%M%SZ}-", dir=builds))
    build.chmod(0o755)
    return build


def _build_external(data: PagesData, settings: Settings) -> Path | None:
    """Build the external edition, check it and attack it; None where no quarter has enough students for one."""
    rules = settings.disclosure_rules
    quarters = external_quarters(data, rules)
    if not quarters:
        return None
    build = _new_build(settings.external_site, data.built_at)
    try:
        build_external_pages(data, quarters, rules, build)
        check_site(build, beside=())
        found = attack(build, rules)
        if found.succeeded:
            raise QuarterdeckError(
                f"The external edition is not safe: {len(found.pinned)} hidden counts can be worked out, "
                f"{len(found.in_the_open)} small ones are shown and {len(found.not_understood)} numbers are of unknown "
                f"meaning{''.join(f' ({place})' for place in found.not_understood[:3])}. Nothing was published; what to "
                "look at is in docs/disclosure.md."
            )
    except BaseException:
        shutil.rmtree(build)
        raise
    return build


def load_pages_data(platform: Platform, contract: Contract, quarters: Sequence[str], run_id: str) -> PagesData:
    """Everything that the pages show, read in one snapshot, so that all pages tell of the same state."""
    with platform.database.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frames: dict[str, Any] = {field: _mart(connection, mart, quarters) for mart, field in PAGE_MARTS.items()}
        frames |= {
            table: _platform_table(connection, table) for table in ("row_accounts", "stage_status", "landing_files")
        }
    built_at = datetime.now(UTC).replace(microsecond=0)
    _conclude(frames["stage_status"], run_id, built_at)
    return PagesData(
        subjects=[Subject(item.name, item.label, item.group) for item in contract.subjects],
        demographics=[Demographic(item.name, item.label, item.values) for item in contract.demographics],
        score_minimum=contract.score.minimum,
        score_maximum=contract.score.maximum,
        pass_mark=contract.score.pass_mark,
        definitions=definitions_of(contract),
        dictionary=dictionary(platform.settings, contract),
        run_id=run_id,
        built_at=built_at,
        **frames,
    )


def _conclude(stage_status: pd.DataFrame, run_id: str, built_at: datetime) -> None:
    """Say that this run's publishing succeeded: nobody ever reads these pages unless it did."""
    publishing = (stage_status["stage"] == "publish") & (stage_status["run_id"] == run_id)
    stage_status.loc[publishing, "status"] = "succeeded"
    stage_status.loc[publishing, "finished_at"] = pd.Timestamp(built_at)


def dictionary(settings: Settings, contract: Contract) -> pd.DataFrame:
    """The marts' tables and columns with their descriptions, from dbt's manifest."""
    manifest = load_manifest(settings, dbt_variables(contract, settings))
    rows = [
        {
            "table_name": node["name"],
            "table_description": node["description"],
            "column_name": column["name"],
            "data_type": column.get("data_type") or "",
            "description": column["description"],
        }
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == f"{DOMAIN}_marts"
        for column in node["columns"].values()
    ]
    return pd.DataFrame(rows).sort_values(["table_name"], kind="stable", ignore_index=True)


def _mart(connection: psycopg.Connection, mart: str, quarters: Sequence[str]) -> pd.DataFrame:
    # All columns but the quarter sort the rows, so that the same marts give the same bytes.
    cursor = connection.execute(
        sql.SQL("select * from {} where quarter = any(%s)").format(sql.Identifier(f"{DOMAIN}_marts", mart)),
        (list(quarters),),
    )
    return _frame(cursor, sort=True)


def _platform_table(connection: psycopg.Connection, table: str) -> pd.DataFrame:
    cursor = connection.execute(
        sql.SQL("select * from platform.{} where domain = %s").format(sql.Identifier(table)), (DOMAIN,)
    )
    return _frame(cursor, sort=False)


def _frame(cursor: psycopg.Cursor[Any], *, sort: bool) -> pd.DataFrame:
    assert cursor.description is not None
    rows = cursor.fetchall()
    if sort:
        rows.sort(key=lambda row: tuple((value is not None, str(value)) for value in row))
    frame = pd.DataFrame(rows, columns=[column.name for column in cursor.description])
    for column in cursor.description:
        if column.type_code == 1700:  # numeric: exact in the database, a float on a page
            frame[column.name] = pd.to_numeric(frame[column.name]).astype(float)
    return frame
