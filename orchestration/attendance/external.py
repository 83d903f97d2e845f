"""What the external edition tells of attendance: tiers of everybody and by school, and the public percentages of daily reports.

One definition of tiers only, with chronic absence as the sum of its two lowest: two authorities' counts side by side would tell, by
their difference, how many students are exactly on a bound. No streak, change of school, reason or segment: their cells are small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from orchestration.attendance.pages_input import PagesData
from orchestration.core.disclosure import ALL, STUDENTS, Cell, Group, Rules, Scheme
from orchestration.core.disclosure_solved import Solved
from orchestration.core.disclosure_suppression import Protected, TooFewStudentsError, protect
from orchestration.core.external_figures import note, place_of, share_pct

POPULATION = "attendance"
MEASURE = "attendance_tier"
# EDU's tiers: its two lowest together are its definition of chronic absence, at most 90 % of at least 20 days.
AUTHORITY, VERSION = "edu", 1
TIERS = ("severe", "chronic", "at_risk", "satisfactory", "not_enough_days")
CHRONIC = "chronically_absent"
SCHEME = Scheme({CHRONIC: ["severe", "chronic"]}, {})
# A quarter with fewer times the smallest shown count is left out: nearly all of it would be hidden.
SMALLEST_QUARTER = 10


@dataclass(frozen=True)
class ExternalQuarter:
    """A quarter's protected counts."""

    quarter: str
    protected: Protected

    def cell(self, group: Group, category: str) -> Cell:
        """The cell of a tier; of a group's size where the category is `all`."""
        return cell_of(self.quarter, group, category)

    @property
    def groups(self) -> list[Group]:
        """Everybody, then each school."""
        return sorted({cell.group for cell in self.protected.figures})


def cell_of(quarter: str, group: Group, category: str) -> Cell:
    """The cell of a tier, or of a group's size where the category is `all`."""
    return Cell(quarter, group, STUDENTS if category == ALL else MEASURE, category, POPULATION)


def external_quarters(data: PagesData, rules: Rules, solved: Solved | None = None) -> list[ExternalQuarter]:
    """Every quarter with enough students, protected; oldest first. solved: as in `protect`."""
    made = []
    for quarter in data.student_quarters:
        counts = quarter_counts(data, quarter)
        if counts.get(cell_of(quarter, (), ALL), 0) < SMALLEST_QUARTER * rules.minimum_count:
            continue
        try:
            made.append(ExternalQuarter(quarter, protect(counts, [], {MEASURE: SCHEME}, rules, solved)))
        except TooFewStudentsError:
            continue
    return made


def quarter_counts(data: PagesData, quarter: str) -> dict[Cell, int]:
    """The true count of every cell of the edition; a student counts at the school of the last day enrolled."""
    rows = data.outcomes[
        (data.outcomes["quarter"] == quarter)
        & (data.outcomes["definition"] == MEASURE)
        & (data.outcomes["authority"] == AUTHORITY)
        & (data.outcomes["version"] == VERSION)
    ]
    counts: dict[Cell, int] = {}
    for school, part in rows.groupby("school_code"):
        group: Group = () if school == ALL else (("school", str(school)),)
        by_tier = dict(zip(part["outcome"], part["student_count"], strict=True))
        for tier in TIERS:
            counts[cell_of(quarter, group, tier)] = int(by_tier.get(tier, 0))
        counts[cell_of(quarter, group, CHRONIC)] = sum(int(by_tier.get(tier, 0)) for tier in SCHEME.sums[CHRONIC])
        counts[cell_of(quarter, group, ALL)] = int(part["student_count"].sum())
    return counts


def tiers_table(quarters: Sequence[ExternalQuarter]) -> pd.DataFrame:
    """The download: one row a quarter, group and tier, hidden ones with a note and no count."""
    rows = []
    for one in quarters:
        for group in one.groups:
            for category in (*TIERS, CHRONIC):
                figure = one.protected.figures[one.cell(group, category)]
                dimension, value = place_of(figure.cell)
                rows.append(
                    {
                        "quarter": one.quarter,
                        "population": POPULATION,
                        "dimension": dimension,
                        "dimension_value": value,
                        "measure": MEASURE,
                        "category": category,
                        "sum_of": "; ".join(SCHEME.sums.get(category, ())),
                        "student_count": figure.count,
                        "student_pct": share_pct(one.protected, figure),
                        "note": note(figure),
                    }
                )
    return pd.DataFrame(rows).astype({"student_count": "Int64", "student_pct": "Int64"})


def schools_table(quarters: Sequence[ExternalQuarter]) -> pd.DataFrame:
    """The download of sizes: one row a quarter and group."""
    rows = []
    for one in quarters:
        for group in one.groups:
            figure = one.protected.figures[one.cell(group, ALL)]
            dimension, value = place_of(figure.cell)
            rows.append(
                {
                    "quarter": one.quarter,
                    "population": POPULATION,
                    "dimension": dimension,
                    "dimension_value": value,
                    "student_count": figure.count,
                    "note": note(figure),
                }
            )
    return pd.DataFrame(rows).astype({"student_count": "Int64"})


def reported_schools(data: PagesData, quarter: str) -> pd.DataFrame:
    """The schools of the quarter's daily reports whose percentages may be repeated: those without counts of students here.

    A school's mean attendance bounds how many of its students can be chronically absent, so no school has both.
    """
    counted = set(data.student_attendance["school_code"])
    own = data.schools[(data.schools["quarter"] == quarter) & ~data.schools["school_code"].isin(counted)]
    return own.dropna(subset=["mean_attendance_pct"]).sort_values(["school_code"])
