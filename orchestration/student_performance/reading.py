"""The written reading of a quarter: plain sentences with figures, each true of its data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.core.figures import FigureId, marked, sentence
from orchestration.core.site_format import change, count, decimal, percent, plain, quarter_label
from orchestration.student_performance.figures import figure_of
from orchestration.student_performance.pages_input import PagesData

SMALLEST_COMPARED_GROUP = 30


@dataclass(frozen=True)
class Reading:
    """The quarter read in words: what happened, in one line, in a sentence, and in a few more; figures have their ids."""

    headline: str
    standfirst: str
    sentences: tuple[str, ...]


def quarters_loaded(data: PagesData) -> list[str]:
    """Return the quarters with results, oldest first."""
    return sorted(data.quarters["quarter"])


def quarter_before(quarter: str) -> str:
    """Return the calendar quarter before, `2025Q4` for `2026Q1`."""
    year, number = int(quarter[:4]), int(quarter[5:])
    return f"{year - 1}Q4" if number == 1 else f"{year}Q{number - 1}"


def why_no_moves(data: PagesData, quarter: str) -> str | None:
    """Why no moves between segments can be shown for a quarter, or None when they can."""
    if (data.segment_moves["quarter"] == quarter).any():
        return None
    before = quarter_before(quarter)
    if before not in set(data.segments["quarter"]):
        return (
            f"Moves need the quarter before: {quarter_label(before)} has no segments, "
            f"so there is nothing to follow students from into {quarter_label(quarter)}."
        )
    return (
        "Moves between segments cannot be shown: the files hold no student id of their own, "
        "so a student cannot be recognised from one quarter to the next."
    )


def _direction(difference: float, figure: FigureId, unit: str = "points", places: int = 1) -> str:
    text = decimal(abs(difference), places)
    if not any(digit in "123456789" for digit in text):
        return "the same as"
    return sentence("{} {} {} than", marked(text, figure), unit, "more" if difference > 0 else "less")


def _row(data: PagesData, quarter: str) -> dict[str, Any]:
    row = data.quarters[data.quarters["quarter"] == quarter].iloc[0]
    return {str(key): plain(value) for key, value in row.items()}


def _of(row: dict[str, Any], column: str, text: Callable[[Any], str] = count) -> Any:
    """A figure of the quarter's own row."""
    return marked(text(row[column]), figure_of("quarters", row["quarter"], column))


def _changed(now: dict[str, Any], before: dict[str, Any], column: str) -> Any:
    """How far a figure of the quarter is from the one of the quarter loaded before."""
    return marked(change(now[column] - before[column]), figure_of("changes", now["quarter"], f"{column}_change"))


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else sentence("{} and {}", Markup(", ").join(parts[:-1]), parts[-1])


def written_reading(data: PagesData, quarter: str) -> Reading:
    """Read one quarter; compared with the last loaded quarter before it, which is always named."""
    now = _row(data, quarter)
    earlier = [known for known in quarters_loaded(data) if known < quarter]
    before = _row(data, earlier[-1]) if earlier else None
    named = quarter_label(quarter)
    means = [(s.label, f"{s.name}_mean_score") for s in data.subjects if now[f"{s.name}_mean_score"] is not None]
    if now["pass_pct"] is None or not means:
        return Reading(f"No student has results in {named}", "No row of the quarter was accepted.", ())
    best, weakest = max(means, key=lambda pair: now[pair[1]]), min(means, key=lambda pair: now[pair[1]])
    headline = sentence("{} of students passed in {}", _of(now, "pass_pct", percent), named)
    ends = sentence("{} has the highest mean ({})", best[0], _of(now, best[1], decimal))
    ends += sentence(" and {} the lowest ({}).", weakest[0], _of(now, weakest[1], decimal)) if best != weakest else "."
    if before is None or before["pass_pct"] is None:
        start = sentence("{} is the first quarter loaded, so there is nothing yet to compare it with. ", named)
    else:
        figure = figure_of("changes", quarter, "pass_pct_distance")
        compared = _direction(now["pass_pct"] - before["pass_pct"], figure, "percentage points")
        start = sentence("That is {} in {}. ", compared, quarter_label(before["quarter"]))
    sentences = [_cohort(data, now, before), *_subject_changes(data, now, before), *_gap(data, quarter)]
    sentences += _segments(data, quarter, before["quarter"] if before else None)
    sentences.append(_accepted(now))
    if now["source"] == "sample":
        sentences.append("This is generated sample data: it describes no real student and supports no decision.")
    return Reading(headline, start + ends, tuple(sentences))


def _cohort(data: PagesData, now: dict[str, Any], before: dict[str, Any] | None) -> str:
    text = sentence(
        "{} of {} students reached the pass mark of {} in every subject; the mean over all subjects is {}",
        _of(now, "pass_count"),
        _of(now, "student_count"),
        decimal(data.pass_mark, 0),
        _of(now, "mean_score", decimal),
    )
    if before is not None and before["mean_score"] is not None:
        text += sentence(", {} points on {}", _changed(now, before, "mean_score"), quarter_label(before["quarter"]))
    return text + "."


def _subject_changes(data: PagesData, now: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    if before is None:
        return []
    changes = [
        sentence("{} {}", subject.label, _changed(now, before, column))
        for subject in data.subjects
        for column in [f"{subject.name}_mean_score"]
        if now[column] is not None and before[column] is not None
    ]
    if not changes:
        return []
    return [sentence("Mean scores since {}: {} points.", quarter_label(before["quarter"]), _joined(changes))]


def _gap(data: PagesData, quarter: str) -> list[str]:
    cube = data.exam_cube[data.exam_cube["quarter"] == quarter]
    widest: tuple[float, str] | None = None
    for demographic in data.demographics:
        sums = cube.groupby(demographic.name)[["student_count", "mean_score_sum"]].sum().astype(float)
        sums = sums[sums["student_count"] >= SMALLEST_COMPARED_GROUP]
        if len(sums) < 2:
            continue
        means = sums["mean_score_sum"] / sums["student_count"]
        difference = float(means.max() - means.min())
        if widest is not None and difference <= widest[0]:
            continue

        def mean_of(group: str, means: "pd.Series[float]" = means, dimension: str = demographic.name) -> Any:
            return marked(decimal(means[group]), figure_of("group_means", quarter, "mean_score", dimension, group))

        highest, lowest = str(means.idxmax()), str(means.idxmin())
        text = sentence(
            "The widest gap between groups is by {}: {} {} against {} {}, {} points in mean score "
            "(groups of at least {} students; a difference, not its cause).",
            demographic.label.lower(),
            highest,
            mean_of(highest),
            lowest,
            mean_of(lowest),
            marked(decimal(difference), figure_of("group_gaps", quarter, "mean_score_gap", demographic.name)),
            SMALLEST_COMPARED_GROUP,
        )
        widest = (difference, text)
    return [widest[1]] if widest else []


def _segments(data: PagesData, quarter: str, before: str | None) -> list[str]:
    shares = _shares(data, quarter)
    if shares.empty:
        return [f"There are no segments for {quarter_label(quarter)}."]

    def share(label: str) -> Any:
        return marked(percent(shares[label]), figure_of("segment_shares", quarter, "student_pct", label))

    largest = str(shares.idxmax())
    sentences: list[str] = [
        sentence(
            "{} segments were found; the largest is “{}” with {} of students.",
            marked(count(len(shares)), figure_of("segment_counts", quarter, "segment_count")),
            largest,
            share(largest),
        )
    ]
    earlier = _shares(data, before) if before else pd.Series(dtype=float)
    both = (shares - earlier).dropna()
    if not both.empty and before:
        label = str(both.abs().idxmax())
        sentences.append(
            sentence(
                "Since {} the share that changed most is “{}”: {} points, to {}.",
                quarter_label(before),
                label,
                marked(change(both[label]), figure_of("segment_shares", quarter, "student_pct_change", label)),
                share(label),
            )
        )
    moves = data.segment_moves[data.segment_moves["quarter"] == quarter]
    totals = moves.groupby("move")["student_count"].sum()
    stayed, moved = int(totals.get("stayed", 0)), int(totals.get("moved", 0))
    if stayed + moved:
        told = {
            "followed_student_count": count(stayed + moved),
            "stayed_student_count": count(stayed),
            "stayed_pct": percent(100 * stayed / (stayed + moved)),
            "moved_student_count": count(moved),
        }
        sentences.append(
            sentence(
                "Of {} students seen in both quarters, {} ({}) stayed in their segment and {} moved.",
                *(marked(text, figure_of("move_totals", quarter, column)) for column, text in told.items()),
            )
        )
    return sentences


def _shares(data: PagesData, quarter: str) -> "pd.Series[float]":
    rows = data.segments[data.segments["quarter"] == quarter]
    return rows.groupby("cluster_label")["student_pct"].sum().astype(float)


def _accepted(now: dict[str, Any]) -> str:
    if not now["rows_quarantined"]:
        return sentence("All {} rows of the file were accepted.", _of(now, "rows_read"))
    return sentence(
        "{} of {} rows were set aside with a reason and are in no figure here.",
        _of(now, "rows_quarantined"),
        _of(now, "rows_read"),
    )
