"""The written reading of a quarter: plain sentences with figures, each true of its data."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from orchestration.core.site_format import change, count, decimal, percent, plain, quarter_label
from orchestration.student_performance.pages_input import PagesData

SMALLEST_COMPARED_GROUP = 30


@dataclass(frozen=True)
class Reading:
    """The quarter read in words: what happened, in one line, in a sentence, and in a few more."""

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


def _direction(difference: float, unit: str = "points", places: int = 1) -> str:
    text = decimal(abs(difference), places)
    if not any(digit in "123456789" for digit in text):
        return "the same as"
    return f"{text} {unit} {'more' if difference > 0 else 'less'} than"


def _row(data: PagesData, quarter: str) -> dict[str, Any]:
    row = data.quarters[data.quarters["quarter"] == quarter].iloc[0]
    return {str(key): plain(value) for key, value in row.items()}


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def written_reading(data: PagesData, quarter: str) -> Reading:
    """Read one quarter; compared with the last loaded quarter before it, which is always named."""
    now = _row(data, quarter)
    earlier = [known for known in quarters_loaded(data) if known < quarter]
    before = _row(data, earlier[-1]) if earlier else None
    named = quarter_label(quarter)
    scored = [(s.label, now[f"{s.name}_mean_score"]) for s in data.subjects if now[f"{s.name}_mean_score"] is not None]
    if now["pass_pct"] is None or not scored:
        return Reading(f"No student has results in {named}", "No row of the quarter was accepted.", ())
    best, weakest = max(scored, key=lambda pair: pair[1]), min(scored, key=lambda pair: pair[1])
    headline = f"{percent(now['pass_pct'])} of students passed in {named}"
    ends = f"{best[0]} has the highest mean ({decimal(best[1])})"
    ends += f" and {weakest[0]} the lowest ({decimal(weakest[1])})." if best != weakest else "."
    if before is None or before["pass_pct"] is None:
        start = f"{named} is the first quarter loaded, so there is nothing yet to compare it with. "
    else:
        compared = _direction(now["pass_pct"] - before["pass_pct"], "percentage points")
        start = f"That is {compared} in {quarter_label(before['quarter'])}. "
    sentences = [_cohort(data, now, before), *_subject_changes(data, now, before), *_gap(data, quarter)]
    sentences += _segments(data, quarter, before["quarter"] if before else None)
    sentences.append(_accepted(now))
    if now["source"] == "sample":
        sentences.append("This is generated sample data: it describes no real student and supports no decision.")
    return Reading(headline, start + ends, tuple(sentences))


def _cohort(data: PagesData, now: dict[str, Any], before: dict[str, Any] | None) -> str:
    text = (
        f"{count(now['pass_count'])} of {count(now['student_count'])} students reached the pass mark of "
        f"{decimal(data.pass_mark, 0)} in every subject; the mean over all subjects is {decimal(now['mean_score'])}"
    )
    if before is not None and before["mean_score"] is not None:
        moved = change(now["mean_score"] - before["mean_score"])
        text += f", {moved} points on {quarter_label(before['quarter'])}"
    return f"{text}."


def _subject_changes(data: PagesData, now: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    if before is None:
        return []
    changes = []
    for subject in data.subjects:
        pair = now[f"{subject.name}_mean_score"], before[f"{subject.name}_mean_score"]
        if None not in pair:
            changes.append(f"{subject.label} {change(pair[0] - pair[1])}")
    if not changes:
        return []
    return [f"Mean scores since {quarter_label(before['quarter'])}: {_joined(changes)} points."]


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
        text = (
            f"The widest gap between groups is by {demographic.label.lower()}: {means.idxmax()} {decimal(means.max())} "
            f"against {means.idxmin()} {decimal(means.min())}, {decimal(difference)} points in mean score "
            f"(groups of at least {SMALLEST_COMPARED_GROUP} students; a difference, not its cause)."
        )
        if widest is None or difference > widest[0]:
            widest = (difference, text)
    return [widest[1]] if widest else []


def _segments(data: PagesData, quarter: str, before: str | None) -> list[str]:
    shares = _shares(data, quarter)
    if shares.empty:
        return [f"There are no segments for {quarter_label(quarter)}."]
    sentences = [
        f"{len(shares)} segments were found; the largest is “{shares.idxmax()}” "
        f"with {percent(shares.max())} of students."
    ]
    earlier = _shares(data, before) if before else pd.Series(dtype=float)
    both = (shares - earlier).dropna()
    if not both.empty and before:
        label = str(both.abs().idxmax())
        sentences.append(
            f"Since {quarter_label(before)} the share that changed most is “{label}”: "
            f"{change(both[label], unit='points')}, to {percent(shares[label])}."
        )
    moves = data.segment_moves[data.segment_moves["quarter"] == quarter]
    totals = moves.groupby("move")["student_count"].sum()
    stayed, moved = int(totals.get("stayed", 0)), int(totals.get("moved", 0))
    if stayed + moved:
        sentences.append(
            f"Of {count(stayed + moved)} students seen in both quarters, {count(stayed)} "
            f"({percent(100 * stayed / (stayed + moved))}) stayed in their segment and {count(moved)} moved."
        )
    return sentences


def _shares(data: PagesData, quarter: str) -> "pd.Series[float]":
    rows = data.segments[data.segments["quarter"] == quarter]
    return rows.groupby("cluster_label")["student_pct"].sum().astype(float)


def _accepted(now: dict[str, Any]) -> str:
    if not now["rows_quarantined"]:
        return f"All {count(now['rows_read'])} rows of the file were accepted."
    return (
        f"{count(now['rows_quarantined'])} of {count(now['rows_read'])} rows were set aside with a reason "
        "and are in no figure here."
    )
