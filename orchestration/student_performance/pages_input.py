"""What the pages are made from: one frozen value, so that building them is a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from orchestration.core.profile_store import Delivery


@dataclass(frozen=True)
class Subject:
    """A scored subject of the contract; its column is `<name>_score`."""

    name: str
    label: str
    group: str


@dataclass(frozen=True)
class Demographic:
    """A demographic column of the contract and its values in the order to show them ([]: any value)."""

    name: str
    label: str
    values: Sequence[str]


@dataclass(frozen=True)
class Definition:
    """A term used on the pages and what it means."""

    term: str
    meaning: str


LabVersions = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Clauses of the definitions lab, by definition, version (`authority@version`) and outcome, from the lowest range up."""


@dataclass(frozen=True)
class PagesData:
    """The frames hold all quarters with the columns of the tables of the same names; see docs and dbt's descriptions.

    quarters: rpt_quarters. score_ranges: fct_score_ranges. exam_cube, segment_cube, segments, segment_moves: rpt_*.
    rejected: rpt_rejected_results. exam_outcomes: rpt_exam_outcomes, of whose versions lab_versions has the clauses.
    row_accounts, stage_status, landing_files: platform tables of this domain.
    dictionary: table_name, table_description, column_name, data_type, description.
    deliveries: the profiled files, oldest first.
    built_at: the time to print as the time of the build, passed in so that the same input gives the same bytes.
    """

    subjects: Sequence[Subject]
    demographics: Sequence[Demographic]
    score_minimum: float
    score_maximum: float
    pass_mark: float
    definitions: Sequence[Definition]
    quarters: pd.DataFrame
    score_ranges: pd.DataFrame
    exam_cube: pd.DataFrame
    segment_cube: pd.DataFrame
    segments: pd.DataFrame
    segment_moves: pd.DataFrame
    rejected: pd.DataFrame
    exam_outcomes: pd.DataFrame
    lab_versions: LabVersions
    row_accounts: pd.DataFrame
    stage_status: pd.DataFrame
    landing_files: pd.DataFrame
    dictionary: pd.DataFrame
    run_id: str
    built_at: datetime
    deliveries: Sequence[Delivery] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the shown quarters came from: `kaggle`, `file`, `sample`."""
        return tuple(sorted(set(self.quarters["source"].dropna())))


# The platform's tables that the pages show, by their own names.
PLATFORM_TABLES = ("row_accounts", "stage_status", "landing_files")

# The marts that the pages show, each with the field of `PagesData` that holds it.
PAGE_MARTS = {
    "rpt_quarters": "quarters",
    "fct_score_ranges": "score_ranges",
    "rpt_exam_cube": "exam_cube",
    "rpt_segment_cube": "segment_cube",
    "rpt_segments": "segments",
    "rpt_segment_moves": "segment_moves",
    "rpt_rejected_results": "rejected",
    "rpt_exam_outcomes": "exam_outcomes",
}
