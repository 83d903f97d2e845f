"""What is known of a file of exam results once all its lines were read, in a form in which it can be judged.

Everything is counts of distinct values and of distinct sets of scores, so that judging takes no longer for ten
million lines than
for a thousand. `damage.py` refuses what is certainly wrong, `doubts.py` says what a person should look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.core.delimited import Dialect
from orchestration.student_performance.contract import Contract

LINE_COUNT = "line_count"
NUMBER = r"^\s*[+-]?[0-9]{1,15}([.][0-9]{0,15})?\s*$"
SMALLEST_GROUP = 30

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """By how much two subjects differ in a group more than overall, in points, and the standard error of that."""

    points: float
    standard_error: float


@dataclass(frozen=True)
class Arrival:
    """A file's lines as counts.

    values: rows of each distinct value as written, by the contract's columns. score_sets: every distinct set of scores, with
    its rows. ids: rows of the file's own student ids, None without such a column; of many ids, a sample.
    unreadable_id_lines: lines whose id holds a character that could not be read. first_lines: of a sample of lines from the
    file's beginning, the numbers of their sets of demographics and of scores.
    """

    dialect: Dialect
    contract: Contract
    row_count: int
    values: Mapping[str, Mapping[str, int]]
    demographic_sets: pa.Table
    score_sets: pa.Table
    ids: Mapping[str | None, float] | None
    unreadable_id_lines: tuple[int, ...]
    first_lines: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]

    @property
    def name(self) -> str:
        """What messages call the file."""
        return self.dialect.name

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """The scores of each distinct set as numbers, by column; what is no number is not-a-number."""
        return {subject.column: _numbers(self.score_sets[subject.column]) for subject in self.contract.subjects}

    @cached_property
    def set_counts(self) -> npt.NDArray[np.int64]:
        """The rows of each distinct set of scores."""
        return np.asarray(self.score_sets[LINE_COUNT], np.int64)

    def differences(self, one: str, other: str) -> dict[str, Difference]:
        """How far column `one` is from `other` in each group, beside the overall difference; groups by 'column: category'.

        A group's difference is compared with that of all rows, so that an easier exam, or a better year, does not show.
        """
        demographic_numbers, score_numbers = self.first_lines
        apart = (self.scores[one] - self.scores[other])[score_numbers - 1]
        is_known = ~np.isnan(apart)
        apart, demographic_numbers = apart[is_known], demographic_numbers[is_known]
        if not len(apart):
            return {}
        apart = apart - apart.mean()
        found = {}
        for part in self.contract.demographics:
            encoded = self.demographic_sets[part.name].combine_chunks().dictionary_encode()
            of_line = np.asarray(encoded.indices)[demographic_numbers - 1]
            for place, category in enumerate(encoded.dictionary.to_pylist()):
                group = apart[of_line == place]
                if category and len(group) >= SMALLEST_GROUP:
                    error = float(group.std() / np.sqrt(len(group)))
                    found[f"{part.name}: {category}"] = Difference(float(group.mean()), error)
        return found


def _numbers(texts: Any) -> Floats:
    column = texts.combine_chunks()
    is_number = pc.match_substring_regex(column, NUMBER)
    numbers = pc.cast(pc.utf8_trim_whitespace(pc.if_else(is_number, column, None)), pa.float64())
    return np.asarray(pc.fill_null(numbers, float("nan")), np.float64)
