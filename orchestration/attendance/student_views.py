"""What the page about students shows: counts of the marts, in the form of its tables; one row an id is shown of conflicts only."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from orchestration.attendance.figures import figure_of
from orchestration.attendance.pages_input import PagesData
from orchestration.core.figures import FigureId, marked, sentence
from orchestration.core.pseudonyms import shortened
from orchestration.core.site_format import count, decimal, percent, plain, quarter_label

ALL = "all"
# The definition of the page's headline: the federal one of the United States, which most others follow.
HEADLINE = ("edfacts", 1)
# Lengths of streaks of absence in days, as ranges: the first and last day of each, the last open.
STREAKS = ((1, 1), (2, 2), (3, 4), (5, 9), (10, None))
# Schools in the table, those with the lowest attendance first; the download has all.
SHOWN_SCHOOLS = 200
SHOWN_CONFLICTS = 50

Row = dict[str, Any]


def student_views(data: PagesData) -> Row:
    """The page's context: of the newest quarter in which students were marked; `quarter` is None where there is none."""
    if not data.student_quarters:
        return {"quarter": None}
    quarter = data.student_quarters[-1]
    schools = _schools(data, quarter)
    everybody = schools[-1]
    return {
        "quarter": quarter,
        "headline_version": "@".join(map(str, HEADLINE)),
        "headline_key": HEADLINE,
        "tiles": _tiles(everybody),
        "tiers": _tiers(data, quarter),
        "schools": schools[:-1][:SHOWN_SCHOOLS],
        "school_count": len(schools) - 1,
        "everybody": everybody,
        "adds_up": _adds_up(schools),
        "streaks": _streaks(data, quarter),
        "conflicts": _conflicts(data, quarter),
        "reasons": _reasons(data, quarter),
        "segments": _segments(data, quarter),
        "history": _history(data),
    }


def _rows(frame: pd.DataFrame, quarter: str | None = None) -> list[Row]:
    own = frame if quarter is None else frame[frame["quarter"] == quarter]
    return [{str(name): plain(value) for name, value in row.items()} for row in own.to_dict("records")]


def _headline_chronic(data: PagesData) -> dict[tuple[str, str], Row]:
    """Counts of chronic absence by the headline's version, by quarter and school."""
    found = _rows(data.chronic_absence)
    return {
        (row["quarter"], row["school_code"]): row for row in found if (row["authority"], row["version"]) == HEADLINE
    }


def _schools(data: PagesData, quarter: str) -> list[Row]:
    """The schools, that with the lowest attendance first, and everybody as the last."""
    chronic = _headline_chronic(data)
    rows = [
        row | _chronic_of(chronic.get((quarter, row["school_code"]))) for row in _rows(data.student_attendance, quarter)
    ]
    return sorted(rows, key=lambda row: (row["school_code"] == ALL, row["attendance_pct"], row["school_code"]))


def _chronic_of(row: Mapping[str, Any] | None) -> Row:
    names = ("chronic_student_count", "chronic_at_school_count", "hidden_student_count")
    known = {name: row[name] if row else None for name in names}
    students = row["student_count"] if row else 0
    return known | {"chronic_pct": 100 * known[names[0]] / students if row and students else None}


def _adds_up(schools: Sequence[Row]) -> list[Row]:
    """Days of the schools against those of everybody: two ways to the same sums."""
    *parts, everybody = schools
    return [
        {
            "label": label,
            "column": name,
            "decimals": places,
            "schools": sum(row[name] for row in parts),
            "students": everybody[name],
        }
        for name, label, places in (("enrolled_days", "Days enrolled", 0), ("present_days", "Days present", 1))
    ]


def _tiles(everybody: Row) -> list[Row]:
    quarter = everybody["quarter"]

    def figure(column: str) -> FigureId:
        return figure_of("student_attendance", quarter, column, ALL)

    def chronic(column: str) -> Any:
        known = everybody[column]
        return marked(
            count(known), None if known is None else figure_of("chronic_absence", quarter, column, ALL, *HEADLINE)
        )

    return [
        {
            "label": "Students",
            "value": count(everybody["student_count"]),
            "note": "with a day enrolled",
            "figure": figure("student_count"),
        },
        {
            "label": "Attendance",
            "value": percent(everybody["attendance_pct"]),
            "figure": figure("attendance_pct"),
            "note": sentence(
                "{} present on an average day",
                marked(decimal(everybody["average_daily_attendance"]), figure("average_daily_attendance")),
            ),
        },
        {
            "label": "Chronically absent",
            "value": percent(everybody["chronic_pct"]),
            "figure": figure_of("chronic_rates", quarter, "chronic_pct"),
            "note": sentence("{} students, over all their schools", chronic("chronic_student_count")),
        },
        {
            "label": "Changed school",
            "value": count(everybody["transfer_student_count"]),
            "figure": figure("transfer_student_count"),
            "note": sentence("{} chronically absent students no school would see", chronic("hidden_student_count")),
        },
    ]


def _tiers(data: PagesData, quarter: str) -> list[tuple[str, list[Row]]]:
    """The tiers of each version, with their students and shares, the lowest attendance first."""
    made: dict[str, list[Row]] = {}
    for row in sorted(
        _rows(data.outcomes, quarter), key=lambda row: (row["authority"], row["version"], row["outcome_rank"])
    ):
        if row["definition"] == "attendance_tier" and row["school_code"] == ALL:
            row["key"] = [row[part] for part in ("school_code", "definition", "authority", "version", "outcome")]
            made.setdefault(f"{row['authority']}@{row['version']}", []).append(row)
    for rows in made.values():
        total = sum(row["student_count"] for row in rows)
        for row in rows:
            row["pct"] = 100 * row["student_count"] / total
    return list(made.items())


def _streaks(data: PagesData, quarter: str) -> Row:
    rows = _rows(data.streaks, quarter)
    ranges = []
    for first, last in STREAKS:
        own = [row for row in rows if row["day_count"] >= first and (last is None or row["day_count"] <= last)]
        days = (
            f"{first} days or more" if last is None else f"{first} to {last} days" if last > first else f"{first} days"
        )
        ranges.append(
            {
                "label": "1 day" if last == 1 else days,
                "shortest": first,
                "streaks": sum(row["streak_count"] for row in own),
                "students": sum(row["student_count"] for row in own),
            }
        )
    largest = max([row["students"] for row in ranges] + [1])
    return {
        "ranges": [{**row, "bar": 100 * row["students"] / largest} for row in ranges],
        "longest": max((row["day_count"] for row in rows), default=None),
    }


def _conflicts(data: PagesData, quarter: str) -> Row:
    rows = _rows(data.identity_conflicts, quarter)
    ordered = sorted(rows, key=lambda row: (row["status"] != "open", -row["row_count"], row["source_student_id"]))
    return {
        "rows": [{**row, "who": shortened(row["source_student_id"])} for row in ordered[:SHOWN_CONFLICTS]],
        "open": sum(row["status"] == "open" for row in rows),
        "decided": sum(row["status"] == "decided" for row in rows),
        "waiting_rows": sum(row["row_count"] for row in rows if row["status"] == "open"),
    }


def _reasons(data: PagesData, quarter: str) -> Row:
    rows = sorted(_rows(data.reasons, quarter), key=lambda row: -row["mention_count"])
    waiting = [row for row in rows if not row["is_mapped"]]
    return {
        "mapped": [row for row in rows if row["is_mapped"]],
        "waiting_texts": sum(row["text_count"] for row in waiting),
        "waiting_mentions": sum(row["mention_count"] for row in waiting),
        "mentions": sum(row["mention_count"] for row in rows),
    }


def _segments(data: PagesData, quarter: str) -> Row:
    """Tiers of the headline's authority for tiers by segment of the exam results, for students who have one."""
    rows = [row for row in _rows(data.segments, quarter) if (row["authority"], row["version"]) == ("edu", 1)]
    matched = [row for row in rows if row["has_exam_result"]]
    names = {row["cluster_id"]: row["cluster_label"] or "not clustered yet" for row in matched}
    tiers = {row["outcome_rank"]: row["outcome"] for row in matched}
    counts: dict[tuple[Any, int], int] = {}
    for row in matched:
        key = (row["cluster_id"], row["outcome_rank"])
        counts[key] = counts.get(key, 0) + row["student_count"]
    table = []
    for segment in sorted(names, key=lambda number: (number is None, number)):
        numbers = {tiers[rank]: counts.get((segment, rank), 0) for rank in sorted(tiers)}
        cells = [
            marked(count(number), figure_of("segment_tiers", quarter, "student_count", segment, tier))
            for tier, number in numbers.items()
        ]
        total = marked(count(sum(numbers.values())), figure_of("segment_students", quarter, "student_count", segment))
        table.append({"label": names[segment], "cells": cells, "total": total})
    return {
        "tiers": [tiers[rank] for rank in sorted(tiers)],
        "rows": table,
        "students": sum(row["student_count"] for row in rows),
        "matched": sum(row["student_count"] for row in matched),
    }


def _history(data: PagesData) -> list[Row]:
    chronic = _headline_chronic(data)
    rows = [row for row in _rows(data.student_attendance) if row["school_code"] == ALL]
    return [
        row | _chronic_of(chronic.get((row["quarter"], ALL)))
        for row in sorted(rows, key=lambda row: row["quarter"], reverse=True)
    ]


def headline(views: Row) -> str:
    """The finding that the page opens with."""
    if views["quarter"] is None:
        return "No student has been marked yet"
    share, quarter = views["everybody"]["chronic_pct"], views["quarter"]
    figure = None if share is None else figure_of("chronic_rates", quarter, "chronic_pct")
    return sentence(
        "{} of students were chronically absent in {}", marked(percent(share), figure), quarter_label(quarter)
    )
