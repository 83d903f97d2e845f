"""Assemble the attendance pages: a pure function from PagesData to files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.attendance.figures import figure_of
from orchestration.attendance.lab_page import lab_results
from orchestration.attendance.pages_input import PagesData
from orchestration.attendance.student_views import headline, student_views
from orchestration.core.figures import marked, sentence
from orchestration.core.lab_page import lab_headline, lab_section
from orchestration.core.partitions import Quarter
from orchestration.core.profile_store import delivery_views
from orchestration.core.site import STATIC_FOLDER, SiteBuilder, SiteFacts, SourceFile, environment
from orchestration.core.site_downloads import write_download
from orchestration.core.site_format import MISSING, count, percent, plain, quarter_label

AREA = "attendance"
FOLDER = Path(__file__).parent
NAVIGATION = (
    ("attendance/index.html", "Overview"),
    ("attendance/students.html", "Students"),
    ("attendance/definitions.html", "Definitions"),
    ("attendance/quality.html", "Data quality"),
)
DOWNLOADS = {
    "days": "Days",
    "schools": "Schools",
    "row_accounts": "Row accounts",
    "landing_files": "Files received",
}
STUDENT_DOWNLOADS = {
    "student_attendance": "Students by school",
    "outcomes": "Outcomes by definition",
    "chronic_absence": "Chronic absence by school",
    "streaks": "Streaks of absence",
    "reasons": "Reasons of absence",
    "flips": "Differences between definitions",
}
REASONS = {
    "not_a_school": "Official total, which is no school",
    "not_submitted": "Percentage not submitted, which is not 0",
    "missing_value": "Missing value",
    "invalid_day": "No valid day",
    "repeated_school_day": "School and day reported twice",
    "not_a_number": "Percentage is no number",
    "out_of_range": "Percentage out of range",
    "unreadable_line": "Line cannot be read",
    "total_disagrees": "Class sheet whose total disagrees with its days",
    "not_recorded": "No mark",
    "unknown_mark": "Unknown mark",
    "identity_conflict": "One id with several names, not decided",
    "no_instructional_day": "Mark on a day off",
    "conflicting_marks": "Marks of a day that contradict each other",
    "repeated_mark": "Mark given twice",
    "repeated_row": "Row given twice",
}
# Of the schools in the page's data, whose table the browser draws: the figures, with their columns.
SCHOOL_FIGURES = {
    "mean": "mean_attendance_pct",
    "lowest": "lowest_attendance_pct",
    "days": "reported_day_count",
    "all_days": "day_count",
}
# Lower bounds of the distribution's ranges; each reaches up to the next, and the last includes 100.
RANGES = (0, 70, 80, 85, 90, 92.5, 95, 97.5)
# A day on which fewer schools than this share of the usual number report is no day to compare with others.
COMPARABLE_SHARE = 0.5


def build_pages(data: PagesData, folder: Path, areas: Sequence[tuple[str, str]] = ()) -> list[Path]:
    """Write the pages, as a site of this part alone, into a new folder and return its files; same data, same bytes.

    areas: the first page of every part of the site, for the navigation.

    Raises ValueError when there is no quarter to show.
    """
    if not data.quarters:
        raise ValueError("no quarter has a file of attendance, so there is nothing to show; run the quarter first")
    quarter = data.quarters[-1]
    templates = environment(FOLDER / "templates")
    templates.globals["figure_of"] = figure_of
    builder = SiteBuilder(folder, _facts(data, quarter, areas), templates)
    builder.static(STATIC_FOLDER, FOLDER / "static")
    downloads = [write_download(folder / AREA, name, title, getattr(data, name)) for name, title in DOWNLOADS.items()]
    days = _days(data)
    before = str(Quarter.parse(quarter).plus(-1))
    builder.page(
        "index.html",
        downloads=downloads,
        days=days,
        trend=_trend([day for day in days if day["is_comparable"] and day["quarter"] in (before, quarter)]),
        distribution=_distribution(data, quarter),
        accounts=_accounts(data),
        quarter_options=[(label, quarter_label(label)) for label in reversed(data.quarters)],
        payload={"quarters": data.quarters, "schools": _schools(data)},
        **_opening(data, quarter, days),
    )
    views = student_views(data)
    made = [
        write_download(folder / AREA, name, title, getattr(data, name)) for name, title in STUDENT_DOWNLOADS.items()
    ]
    builder.page("students.html", headline=headline(views), downloads=made, **views)
    results = lab_results(data, views["quarter"]) if views["quarter"] else []
    builder.page(
        "definitions.html",
        quarter=views["quarter"],
        headline=lab_headline(results, views["quarter"], figure_of),
        sections=[lab_section(result) for result in results],
    )
    builder.page("quality.html", accounts=_accounts(data), deliveries=delivery_views(data.deliveries))
    builder.manifest()
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _facts(data: PagesData, quarter: str, areas: Sequence[tuple[str, str]]) -> SiteFacts:
    rows = data.landing_files.to_dict("records")
    return SiteFacts(
        product="Quarterdeck",
        title="Attendance",
        edition="Internal edition",
        quarter=quarter,
        built_at=data.built_at,
        run_id=data.run_id,
        files=[SourceFile(row["name"], row["sha256"], row["source"]) for row in rows],
        navigation=NAVIGATION,
        sources=data.sources,
        areas=areas,
        area=AREA,
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _days(data: PagesData) -> list[dict[str, Any]]:
    rows = _records(data.days.sort_values("attendance_date"))
    usual = data.days.groupby("quarter")["reporting_school_count"].max()
    for row in rows:
        row["day"] = f"{row['attendance_date']:%a %d %b %Y}"
        row["is_comparable"] = row["reporting_school_count"] >= max(1, COMPARABLE_SHARE * usual[row["quarter"]])
    return rows


def _trend(days: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The points of the trend in a drawing of 1000 by 200, the lowest and highest percentage at its edges."""
    lines = ("mean_attendance_pct", "official_total_pct")
    values = [day[line] for day in days for line in lines if day[line]]
    if len(days) < 2:
        return None
    low, high = min(values) - 0.5, min(100.0, max(values) + 0.5)

    def points(line: str) -> list[tuple[str, str]]:
        return [
            (f"{1000 * at / (len(days) - 1):.1f}", f"{200 * (high - day[line]) / (high - low):.1f}")
            for at, day in enumerate(days)
            if day[line]
        ]

    return {
        "mean": points(lines[0]),
        "total": points(lines[1]),
        "low": percent(low),
        "high": percent(high),
        "first": days[0]["day"],
        "last": days[-1]["day"],
    }


def _distribution(data: PagesData, quarter: str) -> list[dict[str, Any]]:
    means = data.schools.loc[data.schools["quarter"] == quarter, "mean_attendance_pct"].dropna()
    made: list[dict[str, Any]] = []
    for low, high in zip(RANGES, [*RANGES[1:], None], strict=True):
        inside = int(((means >= low) & (True if high is None else means < high)).sum())
        bounds = f"{low:g}% to 100%" if high is None else f"{low:g}% to under {high:g}%"
        label = bounds if low else f"under {high:g}%"
        figure = figure_of("school_ranges", quarter, "school_count", f"{low:g}")
        made.append({"label": label, "schools": inside, "figure": figure})
    largest = max(row["schools"] for row in made) or 1
    return [{**row, "bar": 100 * row["schools"] / largest} for row in made]


def _schools(data: PagesData) -> list[dict[str, Any]]:
    names = {
        "quarter": "quarter",
        "code": "school_code",
        "name": "school_name",
        "borough": "borough",
        "district": "district",
        **SCHOOL_FIGURES,
    }
    return [{short: row[column] for short, column in names.items()} for row in _records(data.schools)]


def _accounts(data: PagesData) -> list[dict[str, Any]]:
    """Per quarter, those without a daily report too: files, items read, trusted, and set aside by reason."""
    made = []
    for quarter in reversed(data.quarters_with_files):
        rows = _records(data.row_accounts[data.row_accounts["quarter"] == quarter])
        reasons: dict[str, int] = {}
        for row in rows:
            for reason, number in (row["quarantined_by_reason"] or {}).items():
                reasons[reason] = reasons.get(reason, 0) + number
        read, trusted = sum(row["rows_read"] for row in rows), sum(row["rows_trusted"] for row in rows)
        counts = {
            "file_count": len(rows),
            "rows_read": read,
            "rows_trusted": trusted,
            "corrected_lines": sum(row["corrected_lines"] for row in rows),
        }
        made.append(
            {
                "quarter": quarter,
                **{
                    column: marked(count(number), figure_of("quarter_accounts", quarter, column))
                    for column, number in counts.items()
                },
                "reasons": [
                    (
                        REASONS.get(reason, reason),
                        marked(count(number), figure_of("set_aside", quarter, "line_count", reason)),
                    )
                    for reason, number in sorted(reasons.items())
                ],
                "balances": read == trusted + sum(reasons.values()),
            }
        )
    return made


def _opening(data: PagesData, quarter: str, days: Sequence[dict[str, Any]]) -> dict[str, Any]:
    own = [day for day in days if day["quarter"] == quarter]
    comparable = [day for day in own if day["is_comparable"]]
    schools = data.schools[data.schools["quarter"] == quarter]
    means = schools["mean_attendance_pct"].dropna()
    missing = int((schools["day_count"] - schools["reported_day_count"]).sum())
    below = int((means < 90).sum())

    def of(text: str, column: str) -> Any:
        return marked(text, figure_of("overview", quarter, column))

    headline: str = f"No school day of {quarter_label(quarter)} has been reported yet"
    standfirst: str = (
        "The reports of this quarter hold totals only."
        if own
        else "No daily report of this quarter was received. Files about students are accounted for below."
    )
    if comparable:
        lowest = min(comparable, key=lambda day: day["mean_attendance_pct"])
        headline = sentence(
            "{} of students came to an average school in {}",
            of(percent(means.mean()), "mean_attendance_pct"),
            quarter_label(quarter),
        )
        day = figure_of("days", quarter, "mean_attendance_pct", lowest["attendance_date"])
        standfirst = sentence(
            "The lowest day was {} with {}. {} of {} schools were below 90%.",
            lowest["day"],
            marked(percent(lowest["mean_attendance_pct"]), day),
            of(count(below), "school_below_90_count"),
            of(count(len(means)), "reporting_school_count"),
        )
    return {
        "headline": headline,
        "standfirst": standfirst,
        "tiles": [
            {
                "label": "Days reported",
                "value": count(len(comparable)),
                "note": sentence("{} days with a report", of(count(len(own)), "day_count") if own else "0"),
                "figure": figure_of("overview", quarter, "comparable_day_count"),
            },
            {
                "label": "Schools",
                "value": count(len(schools)),
                "note": "each weighs the same in a mean",
                "figure": figure_of("overview", quarter, "school_count"),
            },
            {
                "label": "Median school",
                "value": percent(means.median() if len(means) else None),
                "note": sentence(
                    "lowest {}", of(percent(means.min()), "lowest_attendance_pct") if len(means) else MISSING
                ),
                "figure": figure_of("overview", quarter, "median_attendance_pct") if len(means) else None,
            },
            {
                "label": "Not submitted",
                "value": count(missing),
                "note": "reports of a school and day",
                "figure": figure_of("overview", quarter, "missing_report_count"),
            },
        ],
    }
