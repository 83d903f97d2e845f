"""What differs in a file of exam results from those of other quarters as no cohort does, in sentences for a person.

The bounds are so wide that clean quarters raise nothing, and a difference must also be larger than chance.
A file with such doubts is used all the same: only a person can judge them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import median

import numpy as np

from orchestration.core.profile import ColumnProfile, Profile, is_numeral, quantiles
from orchestration.student_performance.arrival import Arrival, Floats
from orchestration.student_performance.doubts import REPEATED_ROWS, REPEATED_SHARE, named

FEWER, MORE = 0.6, 1 / 0.6
"""Rows against the quarters before, as the rule `rows_received` of the monitoring; that one needs four quarters."""
MONITORED_AFTER = 4
COMPARED_QUARTERS = 8
MEAN_SHIFT = 0.15
"""Share of the scale by which no cohort's mean moves from one quarter to the next."""
SPREADSHEET_ROWS = (1_048_575, 65_535)
GONE_SHARE = 0.05
SMALLEST_FILE = 30
"""Rows from which on two files of different students do not agree in every count by chance."""


def differences(arrival: Arrival, profile: Profile, earlier: Mapping[str, Profile]) -> list[str]:
    """What differs from the files of earlier quarters as no cohort does.

    Args:
        earlier: the profiles of the files of other quarters, by a name for people such as `exams.csv (2026Q3)`, oldest first;
            those of later quarters are among them where quarters are loaded out of order.
    """
    found = list(_same_values(arrival, profile, earlier))
    before = list(earlier.values())[-COMPARED_QUARTERS:]
    if profile.row_count in SPREADSHEET_ROWS:
        found.append(
            f"The file has {profile.row_count:,} rows, as many as a spreadsheet can hold, so the rest is probably "
            "cut off. Export it without a spreadsheet."
        )
    if 0 < len(before) < MONITORED_AFTER:
        found += _volume(profile, before)
        found += _gone_categories(arrival, profile, before)
    for subject in arrival.contract.subjects:
        columns = [column for column in (_column(other, subject.column) for other in before) if column is not None]
        if (now := _column(profile, subject.column)) is not None and columns:
            found += _scores_against(arrival, now, columns)
    return [*found, *_swapped_subjects(arrival, before)]


def _same_values(arrival: Arrival, profile: Profile, earlier: Mapping[str, Profile]) -> Iterator[str]:
    for name, other in earlier.items():
        pairs = [(_column(profile, column), _column(other, column)) for column in arrival.contract.raw_columns]
        if profile.row_count == other.row_count >= SMALLEST_FILE and all(
            one is not None and two is not None and _figures(one) == _figures(two) for one, two in pairs
        ):
            yield f"The file holds the same values as {name}, row for row. Load the file of this quarter if that was a mistake."


def _figures(column: ColumnProfile) -> tuple[object, ...]:
    return (column.missing, column.distinct, column.mean, column.quantiles, column.histogram, column.values)


def _volume(profile: Profile, before: Sequence[Profile]) -> Iterator[str]:
    usual = median(other.row_count for other in before)
    if not FEWER * usual <= profile.row_count <= MORE * usual:
        yield (
            f"The file has {profile.row_count:,} rows, against about {usual:,.0f} in the quarters before. Check "
            "whether it is whole and holds each student once."
        )


def _gone_categories(arrival: Arrival, profile: Profile, before: Sequence[Profile]) -> Iterator[str]:
    for part in arrival.contract.demographics:
        now = _column(profile, part.name)
        was = [column.values for column in (_column(other, part.name) for other in before) if column and column.values]
        if now is None or now.values is None or not was or profile.row_count < SMALLEST_FILE:
            continue
        for value in part.values:
            share = min(values.get(value, 0) / sum(values.values()) for values in was)
            if share >= GONE_SHARE and value not in now.values:
                yield (
                    f"Column {part.name} has no row with '{value}', which {100 * share:.0f} % or more had before. "
                    "Check whether a filter was on when the file was saved."
                )


def _scores_against(arrival: Arrival, now: ColumnProfile, before: Sequence[ColumnProfile]) -> Iterator[str]:
    bounds = arrival.contract.score
    means = [column.mean for column in before if column.mean is not None]
    if now.mean is None or not means:
        return
    if abs(now.mean - median(means)) > MEAN_SHIFT * (bounds.maximum - bounds.minimum):
        yield (
            f"The mean of column {now.name} is {now.mean:.1f}, after {median(means):.1f} in the quarters before. "
            "Check whether it is the same exam, on the same scale."
        )
    values = arrival.values[now.name]
    decimals = {value: rows for value, rows in values.items() if re.fullmatch(r"\s*\d+\.\d*[1-9]\d*\s*", value)}
    rows = sum(decimals.values())
    if rows >= max(REPEATED_ROWS, REPEATED_SHARE * arrival.row_count) and all(
        column.type == "integer" for column in before
    ):
        yield (
            f"Column {now.name} has decimals in {rows:,} rows (such as {named(decimals)}), after whole numbers "
            "alone. Check whether their decimal point is shifted."
        )
    zeros = sum(rows for value, rows in values.items() if is_numeral(value.strip()) and float(value) == bounds.minimum)
    is_new = all(column.quantiles is not None and quantiles(column)[1] > bounds.minimum for column in before)
    if zeros >= GONE_SHARE * arrival.row_count and is_new:
        yield (
            f"Column {now.name} is {bounds.minimum:g} in {zeros:,} rows, which was rare before: it may stand for a "
            "missing score. Leave such fields empty."
        )


def _swapped_subjects(arrival: Arrival, before: Sequence[Profile]) -> Iterator[str]:
    """Two subjects whose columns have changed places: what sets groups apart in one is in the other, with the opposite sign.

    How far apart two subjects are in each group is projected on how far they were: 1 where nothing has changed, -1 where they
    have changed places. It is judged only where the groups differ by far more than chance.
    """
    found: list[tuple[float, str, str, str]] = []
    for one, other in combinations([subject.column for subject in arrival.contract.subjects], 2):
        was = [beside for profile in before if (beside := _beside(profile, one, other))]
        now = arrival.differences(one, other) if was else {}
        groups = [
            group for group, one_now in now.items() if one_now.standard_error > 0 and any(group in old for old in was)
        ]
        old = np.array([np.mean([beside[group] for beside in was if group in beside]) for group in groups])
        new = np.array([now[group].points for group in groups])
        weight = np.array([now[group].standard_error ** -2.0 for group in groups])
        # The sum of squares that chance alone gives is about the number of groups.
        strength = float((weight * old * old).sum())
        if strength > 5 * len(groups):
            projection = float((weight * old * new).sum()) / strength
            if projection < -0.5:
                found.append((abs(projection + 1), one, other, _strongest(groups, old)))
    if found:
        # Where two columns have changed places, each of them is odd beside the others too.
        _, one, other, strongest = min(found)
        yield (
            f"Columns {one} and {other} seem to be swapped: their differences between {strongest} are those that the "
            "other column had before. Check the headers of both columns."
        )


def _strongest(groups: Sequence[str], differences: Floats) -> str:
    """The demographic whose groups differ most."""
    return groups[int(np.abs(differences).argmax())].split(":")[0].replace("_", " ") + " groups"


def _beside(profile: Profile, one: str, other: str) -> dict[str, float]:
    column = _column(profile, one)
    return (column.beside or {}).get(other, {}) if column else {}


def _column(profile: Profile, name: str) -> ColumnProfile | None:
    return next((column for column in profile.columns if column.name == name), None)
