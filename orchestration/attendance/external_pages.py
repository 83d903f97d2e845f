"""Assemble attendance's part of the external edition: pages made of protected figures and public percentages, and two downloads."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestration.attendance.external import (
    CHRONIC,
    MEASURE,
    POPULATION,
    SMALLEST_QUARTER,
    TIERS,
    ExternalQuarter,
    external_quarters,
    reported_schools,
    schools_table,
    tiers_table,
)
from orchestration.attendance.pages_input import PagesData
from orchestration.core.disclosure import ALL, Group, Rules
from orchestration.core.disclosure_solved import Solved
from orchestration.core.external_edition import EDITION, Areas
from orchestration.core.external_figures import MeasureTable, Shown, shown_count, shown_share
from orchestration.core.site import SiteBuilder, SiteFacts, environment
from orchestration.core.site_downloads import write_download
from orchestration.core.site_format import decimal, plain

AREA = "attendance"
NAVIGATION = (
    ("attendance/index.html", "Overview"),
    ("attendance/daily.html", "Daily reports"),
    ("attendance/about.html", "About"),
)
TEMPLATES = Path(__file__).parent / "templates" / "external"
# What a percentage of a daily report is of, so that a reader of the files can tell it from counts of students.
DAILY = "daily_attendance"


@dataclass(frozen=True)
class GroupRow:
    """A school, or everybody: its size, who is chronically absent, and its tiers."""

    label: str
    dimension: str
    dimension_value: str
    students: Shown
    chronic: Shown
    shares: Sequence[Shown]


@dataclass(frozen=True)
class Block:
    """Rows under one head."""

    label: str
    rows: Sequence[GroupRow]


def build_external_pages(
    data: PagesData, rules: Rules, folder: Path, areas: Areas = (), solved: Solved | None = None
) -> bool:
    """Write the part into a new folder, unless nothing may be shown; the same data gives the same bytes."""
    return write_external_pages(data, external_quarters(data, rules, solved), rules, folder, areas)


def write_external_pages(
    data: PagesData, quarters: Sequence[ExternalQuarter], rules: Rules, folder: Path, areas: Areas = ()
) -> bool:
    """Write the part of these quarters, protected or not; False, and nothing written, where there is nothing to show."""
    reported = sorted(set(data.days["quarter"]))
    if not quarters and not reported:
        return False
    facts = {
        name: value for name, value in asdict(rules).items() if name not in ("minimum_width", "smallest_mean_group")
    }
    site = SiteFacts(
        product="Quarterdeck",
        title="Attendance",
        edition=EDITION,
        quarter=max([one.quarter for one in quarters] + reported),
        built_at=data.built_at,
        run_id="",
        files=[],
        navigation=NAVIGATION,
        sources=data.sources,
        areas=areas,
        area=AREA,
        disclosure={**facts, "smallest_quarter": SMALLEST_QUARTER * rules.minimum_count},
    )
    builder = SiteBuilder(folder, site, environment(TEMPLATES))
    builder.shared_static()
    if quarters:
        write_download(folder / AREA, "tiers", "Tiers", tiers_table(quarters))
        write_download(folder / AREA, "students", "Students", schools_table(quarters))
    tables = [_table(one) for one in reversed(quarters)]
    builder.page("index.html", tables=tables, everybody=[table.blocks[0].rows[0] for table in tables])
    builder.page(
        "daily.html", **(_daily(data, reported[-1]) if reported else {"quarter": "", "days": [], "schools": []})
    )
    left_out = sorted(set(data.student_quarters) - {one.quarter for one in quarters})
    builder.page("about.html", quarters=[one.quarter for one in reversed(quarters)], left_out=left_out)
    builder.manifest()
    return True


def _table(one: ExternalQuarter) -> MeasureTable:
    rows = [_row(one, group) for group in one.groups]
    blocks = [Block("", rows[:1]), Block("School of the last day enrolled", rows[1:])]
    return MeasureTable(
        one.quarter, MEASURE, "Tiers", [(tier.replace("_", " "), "") for tier in TIERS], blocks, POPULATION
    )


def _row(one: ExternalQuarter, group: Group) -> GroupRow:
    students = shown_count(one.protected.figures[one.cell(group, ALL)])
    return GroupRow(
        group[0][1] if group else "All students",
        students.dimension,
        students.dimension_value,
        students,
        shown_share(one.protected, one.cell(group, CHRONIC)),
        [shown_share(one.protected, one.cell(group, tier)) for tier in TIERS],
    )


def _daily(data: PagesData, quarter: str) -> dict[str, Any]:
    """Percentages of the newest quarter's daily reports: by day over all schools, and by school over its days."""

    def public(dimension: str, value: str, category: str, percentage: Any) -> Shown:
        text = decimal(percentage) if plain(percentage) is not None else "not reported"
        return Shown(quarter, dimension, value, DAILY, category, "mean_score", text, None, POPULATION)

    days = data.days[data.days["quarter"] == quarter].sort_values("attendance_date", ascending=False)
    return {
        "quarter": quarter,
        "days": [
            (
                f"{row['attendance_date']:%a %d %b %Y}",
                public(ALL, ALL, f"{row['attendance_date']:%a %d %b %Y}: mean of schools", row["mean_attendance_pct"]),
                public(ALL, ALL, f"{row['attendance_date']:%a %d %b %Y}: official total", row["official_total_pct"]),
            )
            for row in days.to_dict("records")
        ],
        "schools": [
            (name, public("school", name, "mean of days", row["mean_attendance_pct"]))
            for row in reported_schools(data, quarter).to_dict("records")
            for name in (f"{row['school_name']} ({row['school_code']})",)
        ],
    }
