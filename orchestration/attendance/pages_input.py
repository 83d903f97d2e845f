"""What the attendance pages are made from: one frozen value, so that building them is a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from orchestration.core.profile_store import Delivery


@dataclass(frozen=True)
class PagesData:
    """The frames hold all shown quarters with the columns of the tables of the same names.

    `PAGE_MARTS` says which mart each frame is. row_accounts: of these quarters. landing_files: the files they are made of.
    deliveries: the profiled files of these quarters, oldest first.
    built_at: the time to print as the time of the build, passed in so that the same input gives the same bytes.
    """

    days: pd.DataFrame
    schools: pd.DataFrame
    student_attendance: pd.DataFrame
    outcomes: pd.DataFrame
    chronic_absence: pd.DataFrame
    streaks: pd.DataFrame
    identity_conflicts: pd.DataFrame
    reasons: pd.DataFrame
    segments: pd.DataFrame
    flips: pd.DataFrame
    boundary_cases: pd.DataFrame
    row_accounts: pd.DataFrame
    landing_files: pd.DataFrame
    run_id: str
    built_at: datetime
    deliveries: Sequence[Delivery] = ()

    @property
    def quarters(self) -> list[str]:
        """The shown quarters, oldest first: those with a daily report; where there is none at all, those with any file."""
        return sorted(set(self.days["quarter"])) or self.quarters_with_files

    @property
    def quarters_with_files(self) -> list[str]:
        """The quarters that have a row account, oldest first."""
        return sorted(set(self.row_accounts["quarter"]))

    @property
    def student_quarters(self) -> list[str]:
        """The quarters in which students were marked, oldest first."""
        return sorted(set(self.student_attendance["quarter"]))

    @property
    def sources(self) -> Sequence[str]:
        """Where the files came from: `file`, `sample`."""
        return sorted(set(self.landing_files["source"]))


# The marts that the pages show, each with the field of `PagesData` that holds it.
PAGE_MARTS = {
    "rpt_attendance_days": "days",
    "rpt_schools": "schools",
    "rpt_student_attendance": "student_attendance",
    "rpt_attendance_outcomes": "outcomes",
    "rpt_chronic_absence": "chronic_absence",
    "rpt_absence_streaks": "streaks",
    "rpt_identity_conflicts": "identity_conflicts",
    "rpt_absence_reasons": "reasons",
    "rpt_attendance_by_segment": "segments",
    "rpt_definition_flips": "flips",
    "rpt_boundary_cases": "boundary_cases",
}
