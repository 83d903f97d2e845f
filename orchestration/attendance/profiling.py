"""Profile files of attendance while their rows are loaded."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.attendance.student_files import CLASS_SHEET
from orchestration.core.profile import Profile, profile_counted
from orchestration.core.profile_counting import ColumnCounter
from orchestration.core.profile_personal import SENSITIVE, Personal

# What says where a row is, and no value of the file.
_NO_VALUES = {"source_line", "line_problem"}
# Who a student is, and words that somebody wrote about one: no value of these is kept, whatever the profiler thinks of them.
_OF_PEOPLE = {"student_id", "student_name", "absence_reason", "reason"}
# Of each kind of file, what stays empty in its raw table.
_NOT_OF_SHEETS = {"absence_reason"}
_SHEETS_ONLY = {"source_column", "sheet_total"}


def _readable(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """A daily report's day, 20260930, as the date that it is."""
    return pc.replace_substring_regex(column, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3") if name == "day" else column


class FileProfiler:
    """Counts the rows of a file of this kind as they go by."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._counters: dict[str, ColumnCounter] = {}
        self._row_count = 0

    def counted(self, blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The blocks, unchanged."""
        left_out = _NO_VALUES | (_NOT_OF_SHEETS if self._kind == CLASS_SHEET else _SHEETS_ONLY)
        for block in blocks:
            self._row_count += block.num_rows
            for name in block.column_names:
                if name not in left_out:
                    self._counters.setdefault(name, ColumnCounter()).add(_readable(block[name], name))
            yield block

    @property
    def kind(self) -> str:
        """By what deliveries are compared: the kind of file, of one school where all rows are of one."""
        counter = self._counters.get("school_code")
        schools = counter.result().counts if counter else {}
        [only] = schools if len(schools) == 1 else [None]
        return f"{self._kind} {only.strip()}" if only else self._kind

    def profile(self) -> Profile:
        """The profile, once every block was taken."""
        found = profile_counted({name: counter.result() for name, counter in self._counters.items()}, self._row_count)
        return replace(
            found,
            columns=tuple(
                replace(
                    column,
                    minimum=None,
                    maximum=None,
                    mean=None,
                    quantiles=None,
                    histogram=None,
                    values=None,
                    personal=column.personal or Personal(SENSITIVE, "it tells of a person"),
                )
                if column.name in _OF_PEOPLE
                else column
                for column in found.columns
            ),
        )
