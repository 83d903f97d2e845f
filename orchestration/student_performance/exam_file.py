"""Reading a file of exam results by its contract: every line as text, and the same with each distinct set of values once."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.core.corrections import CORRECTIONS
from orchestration.core.delimited import DELIMITER_NAMES, Dialect, inspect_file, read_rows
from orchestration.core.delimited_blocks import read_tables
from orchestration.core.distinct_sets import DistinctSets
from orchestration.core.errors import QuarterdeckError
from orchestration.core.profile import Profile
from orchestration.core.profile_counting import ColumnCounter
from orchestration.student_performance.arrival import Arrival
from orchestration.student_performance.contract import Contract, HeaderMapping, match_headers
from orchestration.student_performance.profiling import profile_exam_results, value_counts, with_differences

DEMOGRAPHIC_SET, SCORE_SET = "demographic_set", "score_set"
SAMPLED_LINES = 200_000
"""Lines whose sets of demographics and of scores are looked at together; more would not tell more."""
SHOWN_LINES = 10
TITLE_LINES = 20


@dataclass(frozen=True)
class ExamFile:
    """A file that is a table of the contract: how it is written, where its columns are, and its lines."""

    path: Path
    contract: Contract
    dialect: Dialect
    mapping: HeaderMapping

    def tables(self, counters: Mapping[int, ColumnCounter] | None = None) -> Iterator[pa.Table]:
        """Stream every line, in blocks: source_line, source_student_id, the contract's columns, source_text,
        field_count_problem.

        Values are text as it came, but a category that differs from a listed one in case and spaces only is given in
        the contract's spelling. A line with the wrong number of fields has only its text and the problem.

        counters: count the values at these positions of the file's fields, as written.

        Raises:
            QuarterdeckError: a line cannot be read (see `read_rows`).
        """  # noqa: D205
        mapping, count = self.mapping, self.mapping.field_count
        spellings = [Spelling(part.values) for part in self.contract.demographics]
        # A student's id is another in each line.
        repeating = set(range(count)) - {mapping.identifier}
        for block in read_tables(self.path, self.dialect, count, repeating=repeating):
            for position, counter in (counters or {}).items():
                counter.add(block[str(position)])
            ids = pa.nulls(block.num_rows, pa.string())
            if mapping.identifier is not None:
                ids = pc.utf8_trim_whitespace(block[str(mapping.identifier)])
                ids = pc.if_else(pc.equal(ids, ""), None, ids)
            columns = {"source_line": block["line"], "source_student_id": ids}
            for place, (name, position) in enumerate(zip(self.contract.raw_columns, mapping.positions, strict=True)):
                values = block[str(position)]
                columns[name] = spellings[place].apply(values) if place < len(spellings) else values
            found = pc.cast(block["found"], pa.string())
            problem = pc.binary_join_element_wise(f"expected {count} fields, found ", found, "")
            yield pa.table({**columns, "source_text": block["text"], "field_count_problem": problem})


def read_exam_results(
    path: Path, contract: Contract, aliases: Mapping[str, str], *, name: str | None = None
) -> ExamFile:
    """Open a file of exam results; `name` is what messages call it (default: the path's own name).

    Raises:
        QuarterdeckError: the file is no delimited text (see `inspect_file`), lacks a column of the contract, or has no
            line with as many fields as its header.
    """
    dialect = inspect_file(path, name=name)
    if dialect.ends_inside_character:
        raise QuarterdeckError(
            f"{dialect.name} stops in the middle of its last character, so it was cut off. Fetch or export it again."
        )
    try:
        mapping = match_headers(dialect.header, contract, aliases, name=dialect.name)
    except QuarterdeckError:
        if line := _later_header(path, dialect, contract, aliases):
            raise QuarterdeckError(
                f"{dialect.name}: the header of exam results stands in line {line}, below other lines. Delete the "
                "lines above it, or export the file without a title."
            ) from None
        raise
    if not any(len(fields) == mapping.field_count for _, fields, _ in read_rows(path, dialect)):
        raise QuarterdeckError(
            f"{dialect.name} is not a table of exam results: its header has {mapping.field_count} fields "
            f"({DELIMITER_NAMES[dialect.delimiter]}-separated), and not one line below it has as many: export it "
            "again."
        )
    return ExamFile(path, contract, dialect, mapping)


def _later_header(path: Path, dialect: Dialect, contract: Contract, aliases: Mapping[str, str]) -> int | None:
    """The line of the contract's header, where it is one of the first below the file's first line."""
    # A title has no delimiter that could have been found.
    for delimiter in DELIMITER_NAMES:
        for line, fields, _ in islice(read_rows(path, replace(dialect, delimiter=delimiter, header=())), TITLE_LINES):
            with contextlib.suppress(QuarterdeckError):
                match_headers([field.strip() for field in fields], contract, aliases)
                return line
    return None


class ExamLines:
    """A file's lines in the form of the raw tables: each distinct set of values is kept once, and a line names its number.

    A file of millions of lines has a few hundred sets of demographics and some tens of thousands of sets of scores.

    corrections: by line and column, the values to be taken instead. Such a line has sets of its own, which hold its values as they
    came, and beside them what is corrected.
    """

    def __init__(self, file: ExamFile, corrections: Mapping[int, Mapping[str, str]] | None = None) -> None:
        self._file = file
        spellings = {part.name: Spelling(part.values).of for part in file.contract.demographics}
        self._corrections = {
            line: {column: spellings.get(column, str)(value) for column, value in values.items()}
            for line, values in (corrections or {}).items()
        }
        self.demographic_sets = DistinctSets([item.name for item in file.contract.demographics], self._corrections)
        self.score_sets = DistinctSets([f"{item.name}_score" for item in file.contract.subjects], self._corrections)
        self._counters = {position: ColumnCounter() for position in file.mapping.further}
        self._row_count = self._sampled = 0
        self._sample: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
        self._unreadable_id_lines: list[int] = []

    def blocks(self) -> Iterator[pa.Table]:
        """Stream the lines: source_line, source_student_id, demographic_set, score_set, source_text, field_count_problem.

        The sets are complete once every block was taken. A line with the wrong number of fields has none.
        """
        for block in self._file.tables(self._counters):
            lines = pa.table(
                {
                    "source_line": block["source_line"],
                    "source_student_id": block["source_student_id"],
                    "demographic_set": self.demographic_sets.number(block),
                    "score_set": self.score_sets.number(block),
                    "source_text": block["source_text"],
                    "field_count_problem": block["field_count_problem"],
                }
            )
            self._look_at(lines)
            yield lines

    def _look_at(self, lines: pa.Table) -> None:
        self._row_count += lines.num_rows
        if self._sampled < SAMPLED_LINES:
            self._sampled += lines.num_rows
            whole = lines.filter(pc.is_valid(lines[SCORE_SET]))
            self._sample.append((np.asarray(whole[DEMOGRAPHIC_SET], np.int32), np.asarray(whole[SCORE_SET], np.int32)))
        if self._file.dialect.has_null_bytes and len(self._unreadable_id_lines) < SHOWN_LINES:
            is_damaged = pc.match_substring(lines["source_student_id"], "\N{REPLACEMENT CHARACTER}")
            self._unreadable_id_lines += lines.filter(pc.fill_null(is_damaged, False))["source_line"].to_pylist()

    def arrival(self) -> Arrival:
        """What is known of the file, once every block was taken."""
        demographic_sets, score_sets = self._sets_as_they_came()
        counters, identifier = self._counters, self._file.mapping.identifier
        counts = value_counts(demographic_sets, DEMOGRAPHIC_SET) | value_counts(score_sets, SCORE_SET)
        return Arrival(
            self._file.dialect,
            self._file.contract,
            self._row_count,
            {name: {value or "": int(rows) for value, rows in values.items()} for name, values in counts.items()},
            demographic_sets,
            score_sets,
            None if identifier is None else counters[identifier].result().counts,
            tuple(self._unreadable_id_lines[:SHOWN_LINES]),
            (_joined([one for one, _ in self._sample]), _joined([other for _, other in self._sample])),
        )

    def set_tables(self) -> tuple[pa.Table, pa.Table]:
        """The sets of demographics and of scores, once every block was taken; `corrections` is a JSON object, by column.

        A corrected student id stands with the demographics, so that what is made from scores alone holds no personal data.
        """
        scores = {f"{item.name}_score" for item in self._file.contract.subjects}
        corrected = {column for values in self._corrections.values() for column in values}
        return (
            self._with_corrections(self.demographic_sets.table(DEMOGRAPHIC_SET), corrected - scores),
            self._with_corrections(self.score_sets.table(SCORE_SET), scores),
        )

    def _with_corrections(self, sets: pa.Table, columns: Collection[str]) -> pa.Table:
        texts: list[str | None] = [
            json.dumps({column: value for column, value in values.items() if column in columns})
            for _, values in sorted(self._corrections.items())
        ]
        return sets.append_column(CORRECTIONS, pa.array(texts + [None] * (len(sets) - len(texts)), pa.string()))

    def _sets_as_they_came(self) -> tuple[pa.Table, pa.Table]:
        return self.demographic_sets.table(DEMOGRAPHIC_SET), self.score_sets.table(SCORE_SET)

    def profile(self, arrival: Arrival) -> Profile:
        """The file's profile."""
        profile = profile_exam_results(
            {DEMOGRAPHIC_SET: arrival.demographic_sets, SCORE_SET: arrival.score_sets},
            {self._file.mapping.further[position]: counter for position, counter in self._counters.items()},
            arrival.row_count,
        )
        return replace(with_differences(profile, arrival), written=arrival.dialect.summary)


def _joined(parts: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


class Spelling:
    """The contract's spelling of a category; of a block, each distinct value is looked at once."""

    def __init__(self, values: Sequence[str]) -> None:
        self._listed = {value.casefold(): value for value in values}

    def apply(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The categories of a column, a dictionary as before."""
        encoded = column.combine_chunks()
        spelled = pa.array(
            [self.of(value) for value in encoded.dictionary.to_pylist()], pa.string()
        ).dictionary_encode()
        places = spelled.indices.take(encoded.indices)
        return pa.chunked_array([pa.DictionaryArray.from_arrays(places, spelled.dictionary)])

    def of(self, value: str) -> str:
        """One category without the blanks around it, as the contract spells it where it lists it."""
        trimmed = value.strip()
        return self._listed.get(re.sub(r"\s+", " ", trimmed).casefold(), trimmed)
