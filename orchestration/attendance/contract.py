"""The contract of attendance files: `contract.yml`, read and checked."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from orchestration.core.settings import Settings


class DailyReportContract(BaseModel):
    """Elements of a daily report in XML; `fields` maps the raw table's columns to the elements of an item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str
    item: str
    day_format: str
    fields: dict[str, str]


class Contract(BaseModel):
    """What each kind of attendance file looks like."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    daily_report: DailyReportContract


@cache
def load_contract() -> Contract:
    """The shipped contract."""
    return Contract.model_validate(yaml.safe_load((Path(__file__).parent / "contract.yml").read_text(encoding="utf-8")))


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """The variables that this domain's models ask for."""
    return {
        "academic_year_start_month": settings.academic_year_start_month,
        "max_quarantined_pct": settings.max_quarantined_pct,
    }
