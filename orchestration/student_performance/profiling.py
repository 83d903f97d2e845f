"""Profile a file of exam results while its lines are loaded, from what loading counts anyway."""

from collections.abc import Mapping

import pyarrow as pa

from orchestration.core.profile import Profile, joined, profile_counted, profile_counts
from orchestration.core.profile_counting import ColumnCounter

KIND = "exam results"
LINE_COUNT = "line_count"


def profile_exam_results(
    sets: Mapping[str, pa.Table], further: Mapping[str, ColumnCounter], line_count: int
) -> Profile:
    """The profile of a file: the contract's columns from its distinct sets of values, the further ones as counted.

    sets: the name of the column of a set's number, with the table of the sets: that column, values as text, `line_count`.
    further: columns of which the contract knows nothing, and the file's own student id. line_count: lines of the file.
    """
    counts: dict[str, dict[str | None, float]] = {}
    for number, table in sets.items():
        for name in table.column_names:
            if name not in (number, LINE_COUNT):
                grouped = table.group_by(name).aggregate([(LINE_COUNT, "sum")])
                values, rows = grouped[name].to_pylist(), grouped[f"{LINE_COUNT}_sum"].to_pylist()
                counts[name] = dict(zip(values, rows, strict=True))
    counted = {name: counter.result() for name, counter in further.items()}
    return joined(profile_counts(counts, line_count), profile_counted(counted, line_count))
