"""Profile a file of exam results while its lines are loaded, from what loading counts anyway."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import pyarrow as pa

from orchestration.core.profile import Profile, joined, profile_counted, profile_counts
from orchestration.core.profile_counting import ColumnCounter
from orchestration.student_performance.arrival import LINE_COUNT, Arrival

KIND = "exam results"


def profile_exam_results(
    sets: Mapping[str, pa.Table], further: Mapping[str, ColumnCounter], line_count: int
) -> Profile:
    """The profile of a file: the contract's columns from its distinct sets of values, the further ones as counted.

    sets: the name of the column of a set's number, with the table of the sets: that column, values as text, `line_count`.
    further: columns of which the contract knows nothing, and the file's own student id. line_count: lines of the file.
    """
    counts = {name: values for number, table in sets.items() for name, values in value_counts(table, number).items()}
    counted = {name: counter.result() for name, counter in further.items()}
    return joined(profile_counts(counts, line_count), profile_counted(counted, line_count))


def value_counts(table: pa.Table, number: str) -> dict[str, dict[str | None, float]]:
    """Rows of each distinct value, by the columns of a table of sets; `number` is the column of a set's number."""
    counts = {}
    for name in table.column_names:
        if name not in (number, LINE_COUNT):
            grouped = table.group_by(name).aggregate([(LINE_COUNT, "sum")])
            values, rows = grouped[name].to_pylist(), grouped[f"{LINE_COUNT}_sum"].to_pylist()
            counts[name] = dict(zip(values, rows, strict=True))
    return counts


def with_differences(profile: Profile, arrival: Arrival) -> Profile:
    """The profile with how far each subject is from those after it in each group, by which swapped columns are found."""
    beside: dict[str, dict[str, dict[str, float]]] = {}
    for one, other in combinations([subject.column for subject in arrival.contract.subjects], 2):
        found = {group: round(difference.points, 4) for group, difference in arrival.differences(one, other).items()}
        beside.setdefault(one, {})[other] = found
    columns = (replace(column, beside=beside.get(column.name)) for column in profile.columns)
    return replace(profile, columns=tuple(columns))
