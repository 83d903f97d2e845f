"""Read the records of a delimited file as Arrow tables, block by block.

`delimited.py` says what a record is. Nearly every block of a large file is plain: each line is one record. Such a block is
read by Arrow's CSV reader, some thirty times faster than record by record; any other (a quoted line end, a blank line,
a byte that is no character) is read as `read_rows` does. Both ways give the same rows: a property test compares them.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from orchestration.core.delimited import FIELD_LIMIT, Dialect, read_records, read_rows
from orchestration.core.errors import QuarterdeckError

BLOCK_BYTES = 4 * 1024 * 1024
"""Bytes read at a time; the memory needed is a small multiple of it, whatever the file's size."""

_RECORDS_AT_ONCE = 50_000
_NEWLINE_IS_ONE_BYTE = {"ascii", "utf-8", "utf-8-sig", "cp1252"}

Record = tuple[int, list[str], str]


def read_tables(
    path: Path,
    dialect: Dialect,
    field_count: int,
    *,
    repeating: Collection[int] = (),
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.Table]:
    """Stream the records below the header, in blocks that follow the file's order.

    Columns: `line` (int64, the physical line from 1 where the record starts), then `0` ... `field_count - 1` (its values
    as written), `found` (int64) and `text`. A record with another number of fields has null values, that number in
    `found` and in `text` the line as it came; in any other record these two are null.

    repeating: positions of few distinct values, whose columns are dictionaries of them; the others are texts.

    Raises:
        QuarterdeckError: a record cannot be read (see `read_records`), or, after the last block, the file turns out to be cut
            off: its last record has another number of fields, and no line end follows; the message names the line.
    """
    last = None
    types = {str(position): pa.string() for position in range(field_count)}
    types |= {str(position): pa.dictionary(pa.int32(), pa.string()) for position in repeating}
    for table in _tables(path, dialect, types, block_bytes):
        yield table
        last = table
    if last is None or dialect.ends_with_line_end:
        return
    # A block's records stand in no order.
    line = pc.max(last["line"])
    if last["found"][pc.index(last["line"], line).as_py()].is_valid:
        raise QuarterdeckError(
            f"{dialect.name}, line {line.as_py():,}: the file stops in the middle of its last line, so it was cut off. Fetch or "
            "export it again; if nothing is missing, delete that line or end it with a line end."
        )


def _tables(path: Path, dialect: Dialect, types: dict[str, pa.DataType], block_bytes: int) -> Iterator[pa.Table]:
    # Lines are found by their newline here, of which other files have none, or not every line.
    if dialect.encoding in _NEWLINE_IS_ONE_BYTE and dialect.line_end != "\r":
        with path.open("rb") as file:
            lines = _Lines(file, dialect)
            next(read_records(lines, dialect), None)  # the header, and what may stand before it
            if lines.are_read_up_to(file.tell()):
                yield from _blocks(file, lines, dialect, types, block_bytes)
                return
    records = read_rows(path, dialect)
    while rows := list(islice(records, _RECORDS_AT_ONCE)):
        yield _table_of(rows, types)


def _blocks(
    file: io.BufferedReader, lines: _Lines, dialect: Dialect, types: dict[str, pa.DataType], block_bytes: int
) -> Iterator[pa.Table]:
    while block := file.read(block_bytes) + file.readline():
        table = _read_plain(block, dialect, types, lines.count + 1)
        if table is None:
            file.seek(-len(block), io.SEEK_CUR)
            end = file.tell() + len(block)
            table = _table_of(list(_records_up_to(end, lines, dialect)), types)
        else:
            lines.count += table.num_rows
        if table.num_rows:
            yield table


class _Lines:
    """The text lines of a file opened as bytes, whose position stays known; `count` is the number given so far."""

    def __init__(self, file: io.BufferedReader, dialect: Dialect) -> None:
        self.file, self.count, self._pending = file, 0, 0
        self._encoding = dialect.encoding
        self._errors = "replace" if dialect.ends_inside_character else "strict"

    def __iter__(self) -> Iterator[str]:
        while line := self.file.readline():
            # A lone carriage return ends a line too, as in a file opened as text.
            parts = list(io.StringIO(line.decode(self._encoding, self._errors), newline=""))
            self._encoding = self._encoding.removesuffix("-sig")
            for position, part in enumerate(parts):
                self.count += 1
                self._pending = len(parts) - position - 1
                yield part

    def are_read_up_to(self, end: int) -> bool:
        return self._pending == 0 and self.file.tell() >= end


def _records_up_to(end: int, lines: _Lines, dialect: Dialect) -> Iterator[Record]:
    """Give the records that start before byte `end`; the last may reach beyond it."""
    for record in read_records(lines, dialect, first_line=lines.count + 1):
        yield record
        if lines.are_read_up_to(end):
            return


def _read_plain(block: bytes, dialect: Dialect, types: dict[str, pa.DataType], first_line: int) -> pa.Table | None:
    """Read a block of whole lines that are a record each; None where it is not that plain."""
    if (
        len(types) < 2  # a blank line could pass for a record
        or dialect.is_wrapped
        or dialect.has_null_bytes
        or (dialect.ends_inside_character and not _is_utf_8(block))  # Arrow's handler takes no such row
        or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
    ):
        return None
    line_ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    line_count = len(line_ends) + (not block.endswith(b"\n"))
    # No field is longer than its line, so that the fields themselves need not be measured.
    longest = int(np.diff(line_ends, prepend=-1, append=len(block)).max())
    # A last line without values: where a quote is still open at the block's end, it is swallowed and missed below.
    block += b"\n" * (not block.endswith(b"\n")) + dialect.delimiter.encode() * (len(types) - 1) + b"\n"
    odd: list[arrow_csv.InvalidRow] = []

    def keep(row: arrow_csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(block if dialect.encoding != "cp1252" else block.decode("cp1252").encode()),
            arrow_csv.ReadOptions(column_names=list(types), use_threads=False, block_size=2 * len(block) + 1),
            arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote_character, invalid_row_handler=keep
            ),
            arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    count = table.num_rows + len(odd) - 1
    # A blank line and a quoted line end both show in the number of lines; a line of spaces is no record either, nor is one
    # of an empty value in quotes.
    if (
        count != line_count
        or longest > FIELD_LIMIT
        or any(not row.text.replace(dialect.quote_character, "").strip() for row in odd)
    ):
        return None
    numbers = np.arange(first_line, first_line + count)
    odd_positions = [row.number - 1 for row in odd]
    plain = table.slice(0, table.num_rows - 1).add_column(0, "line", pa.array(np.delete(numbers, odd_positions)))
    rows = [
        (int(numbers[position]), [""] * row.actual_columns, row.text)
        for position, row in zip(odd_positions, odd, strict=True)
    ]
    return pa.concat_tables([_complete(plain), _table_of(rows, types)]) if rows else _complete(plain)


def _is_utf_8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _complete(plain: pa.Table) -> pa.Table:
    return plain.append_column("found", pa.nulls(plain.num_rows, pa.int64())).append_column(
        "text", pa.nulls(plain.num_rows, pa.string())
    )


def _table_of(rows: list[Record], types: dict[str, pa.DataType]) -> pa.Table:
    fits = [len(fields) == len(types) for _, fields, _ in rows]
    columns = {"line": pa.array([line for line, _, _ in rows], pa.int64())}
    for position, (name, type_) in enumerate(types.items()):
        values = [fields[position] if fit else None for (_, fields, _), fit in zip(rows, fits, strict=True)]
        columns[name] = pa.array(values, type_)
    found = [None if fit else len(fields) for (_, fields, _), fit in zip(rows, fits, strict=True)]
    text = [None if fit else text for (_, _, text), fit in zip(rows, fits, strict=True)]
    return pa.table({**columns, "found": pa.array(found, pa.int64()), "text": pa.array(text, pa.string())})
