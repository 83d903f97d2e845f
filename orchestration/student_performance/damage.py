"""Refuse a file of exam results that is certainly damaged, although every line of it can be read.

Each rule is one that no cohort breaks: what is only unlikely is in `doubts.py`, and what is wrong with single lines
is judged in SQL.
"""

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from orchestration.core.errors import QuarterdeckError
from orchestration.student_performance.arrival import Arrival
from orchestration.student_performance.contract import STUDENT_ID

SMALLEST_JUDGED = 20
"""Different sets of scores that a file must have: of fewer students, anything may be by chance."""

_ROUNDED_ID = re.compile(r"\d([.,]\d+)?[eE]\+\d+")


def refuse_damage(arrival: Arrival) -> None:
    """Judge a file that was read to its end.

    Raises:
        QuarterdeckError: the first damage found, with the column or line, and what to do.
    """
    for sentence in _damages(arrival):
        raise QuarterdeckError(f"{arrival.name}{sentence}")


def _damages(arrival: Arrival) -> Iterator[str]:
    if not arrival.row_count:
        yield " gave no row: its line ends or quotes cannot be understood. Export it again."
    yield from _rounded_ids(arrival)
    if len(arrival.set_counts) >= SMALLEST_JUDGED:
        yield from _repetition(arrival)
        yield from _wrong_scale(arrival)
        yield from _pasted_over(arrival)


def _rounded_ids(arrival: Arrival) -> Iterator[str]:
    rounded = sorted(text for text in arrival.ids or {} if text and _ROUNDED_ID.fullmatch(text.strip()))
    if rounded:
        yield (
            f": column {STUDENT_ID} holds rounded numbers such as {rounded[0]}: a spreadsheet has taken long ids for "
            "numbers, and their last digits are lost. Export the file again from where the ids come from, without "
            "opening it in a spreadsheet."
        )


def _repetition(arrival: Arrival) -> Iterator[str]:
    """The same rows several times: then every set of scores stands there a multiple of so many times."""
    is_scored = np.all([~np.isnan(scores) for scores in arrival.scores.values()], axis=0)
    counts = arrival.set_counts[is_scored]
    times = int(np.gcd.reduce(counts)) if len(counts) >= SMALLEST_JUDGED else 1
    if times > 1:
        once = int(counts.sum()) // times
        yield (
            f" holds the same rows {times} times: every set of scores stands there {times} times or a multiple of "
            f"that. Give the file with its {once:,} rows once; if they stand one after the other, they begin again "
            f"in line {once + 2:,}."
        )


def _wrong_scale(arrival: Arrival) -> Iterator[str]:
    bounds = arrival.contract.score
    span = bounds.maximum - bounds.minimum
    for column, scores in arrival.scores.items():
        known = scores[~np.isnan(scores)]
        if not len(known) or known.min() < bounds.minimum or known.max() == known.min():
            continue
        reach = (known.max() - bounds.minimum) / span
        # A whole cohort in the lowest tenth of the scale has not sat the exam that the contract tells of.
        if 10 * reach <= 1:
            scale = 1 if known.max() <= 1 else 10
            yield (
                f": column {column} goes up to {known.max():g} only, on a scale of {bounds.minimum:g} to "
                f"{bounds.maximum:g}: its scores are out of {scale} or their decimal point is shifted. Export them "
                "in points, or state their scale in contract.yml."
            )


def _pasted_over(arrival: Arrival) -> Iterator[str]:
    for (one, scores), (other, others) in combinations(arrival.scores.items(), 2):
        known = ~np.isnan(scores) & ~np.isnan(others)
        if len(np.unique(scores[known])) >= SMALLEST_JUDGED and np.array_equal(scores[known], others[known]):
            yield (
                f": columns {one} and {other} hold the same score in every row, so one was pasted over the other. "
                "Export the file again with both subjects."
            )
