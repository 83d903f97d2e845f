"""Whatever bytes come in: rows that account for every line, or one sentence; never another error, and never without an end."""

import io
import os
import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.attendance.contract import load_contract as load_attendance_contract
from orchestration.attendance.kinds import KINDS, examine
from orchestration.core.delimited import Dialect, inspect_file, read_records, read_rows
from orchestration.core.delimited_blocks import read_tables
from orchestration.core.errors import QuarterdeckError
from orchestration.faults.quiet import read_through
from orchestration.student_performance.contract import load_contract

ATTENDANCE = load_attendance_contract()
HEADER = ",".join(load_contract().headers.values())
ROW = "S1,female,group A,high school,standard,none,72,70,71"
# The same examples in every run, so that a failure is of a change and not of the day; the exam asks for many others.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
FUZZ = settings(
    max_examples=int(EXAMPLES or 100),
    deadline=None,
    derandomize=EXAMPLES is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

PIECE = st.sampled_from(
    [
        HEADER, ROW, ROW + "\n", HEADER + "\n", "\n", "\r", "\r\n", '"', '""', ",", ";", "\t", "|", "'", " ", "\x00", "\x1a",
        "\x1c", "\u2028", "\x85", "\x0c", "é", "\ufeff", "sep=;\n", "1.5", "=cmd|'/C calc'!A0", "<b>", "\\", "2.1E+18",
        "\ufffd", "-1", "999",
    ]
)  # fmt: skip
TEXT = st.lists(PIECE | st.text(max_size=5), max_size=30).map("".join)
ENCODING = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "cp1251", "utf-32"]
)
BYTES = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda text, encoding: text.encode(encoding, "replace"), TEXT, ENCODING),
    st.builds(lambda text, encoding: f"{HEADER}\n{ROW}\n{text}".encode(encoding, "replace"), TEXT, ENCODING),
    # Cut and spliced in the middle, as broken transfers are.
    st.builds(
        lambda text, noise, place: (
            (whole := f"{HEADER}\n{text}\n{ROW}\n".encode())[: place % len(whole)] + noise + whole[place % len(whole) :]
        ),
        TEXT,
        st.binary(max_size=4),
        st.integers(0, 10_000),
    ),
)


def stored(folder: str, content: bytes, name: str = "results.csv") -> Path:
    path = Path(folder) / name
    path.write_bytes(content)
    return path


def check_sentence(error: QuarterdeckError, name: str) -> None:
    assert str(error).startswith(name)
    assert "\n" not in str(error)


def decoded(path: Path, dialect: Dialect) -> str:
    errors = "replace" if dialect.ends_inside_character else "strict"
    return path.read_bytes().decode(dialect.encoding, errors).replace("\x00", "\N{REPLACEMENT CHARACTER}")


@FUZZ
@given(BYTES)
@example(f"{HEADER}\r{ROW}\r{ROW}\r".encode())  # every line was lost where lines end in carriage returns alone
@example(f"{HEADER}\r{ROW}\n{ROW}\n".encode())
@example(f'{HEADER}\n"{ROW}\n{ROW}\n'.encode())
@example(f'"{HEADER}"\n"\n"\n'.encode())
@example(b"\x00\t;\n1\t2\n")  # the library that tells delimiters apart fails on a null byte
@example(b',\n!\n""')  # a blank line to one reader, a record of one field to the other
def test_every_character_of_a_table_is_in_one_record(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = stored(folder, content)
        try:
            dialect = inspect_file(path)
            records = list(read_rows(path, dialect))
        except QuarterdeckError as error:
            check_sentence(error, "results.csv")
            return
        text = decoded(path, dialect)
        place = 0
        for _, _, written in read_records(io.StringIO(text, newline=""), dialect):
            found = text.index(written, place)
            # Between two records there are line ends, blank lines, and a first line that declares the delimiter.
            between = re.sub(r'\A\ufeff?\s*"?sep=."?\s', "", text[place:found], flags=re.IGNORECASE)
            assert not between.strip().strip('"' + dialect.quote_character).strip("\ufeff"), between
            place = found + len(written)
        assert not text[place:].strip().strip('"' + dialect.quote_character)
        lines = [line for line, _, _ in records]
        assert lines == sorted(set(lines))
        count = len(dialect.header)
        try:
            tables = list(read_tables(path, dialect, count, block_bytes=64))
        except QuarterdeckError as error:
            check_sentence(error, "results.csv")
            # Only the blocks say that a file is cut off.
            assert len(records[-1][1]) != count
            return
        in_blocks = sorted(line for table in tables for line in table["line"].to_pylist())
        assert in_blocks == lines


@FUZZ
@given(BYTES)
@example(f"{HEADER}\n{ROW}".encode())
@example(f"{HEADER}\n{ROW}\nS2,fem".encode())
def test_any_bytes_are_exam_results_or_one_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = stored(folder, content)
        try:
            arrival, profile = read_through(path)
        except QuarterdeckError as error:
            check_sentence(error, "results.csv")
            return
        records = list(read_rows(path, arrival.dialect))
        assert arrival.row_count == profile.row_count == len(records) > 0
        in_sets = int(arrival.set_counts.sum())
        assert in_sets == sum(len(fields) == len(arrival.dialect.header) for _, fields, _ in records)


XML = st.lists(
    st.sampled_from(
        [
            "<?xml version='1.0'?>", "<?xml version='1.0' encoding='x-none'?>", "<schooldailyattendance>",
            "</schooldailyattendance>", "<item>", "</item>", "<DBN>02M001</DBN>",
            "<ATTN_DATE_YMD>20260701</ATTN_DATE_YMD>", "<ATTN_DATE_YMD>", "&amp;", "&#0;",
            "<!DOCTYPE x [<!ENTITY a 'b'>]>", "&a;", "<![CDATA[", "]]>", "<!--", "\x1a", "\x00", "é", "\n", "<", "<?pi?>",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip
MARKS = st.lists(
    st.sampled_from(
        [
            "Student ID,Student Name,School,Date,Status,Reason\n", "A-1,Ann,ALPHA,2026-07-01,Present,\n", "\r", "\n",
            ",", '"', "[", "]", "Student ID,Year,Day 1,Total\n", "A-1,2026Q3,1,1\n", "A-1,0000Q9,1,1\n",
            "Holiday,Description\n", "2026-07-13,Break\n", "9999-99-99,x\n", "Student ID,School,Enrolled From\n", "null", "1e999",
            '{"student_id": "1", "date": "2026-07-01", "reason": "x"}',
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@FUZZ
@given(
    st.one_of(
        st.binary(max_size=100), XML.map(str.encode), MARKS.map(str.encode), XML.map(lambda text: text.encode("utf-16"))
    )
)
@example(b"<!--\x00\x00\x00")  # the parser's message has two lines
def test_any_bytes_are_an_attendance_file_or_one_sentence(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = stored(folder, content, "drop")
        try:
            examined = examine(path, ATTENDANCE, path.name, 1)
            kind = KINDS[examined.kind]
            blocks: list[pa.Table] = [
                block for quarter in examined.quarters for block in kind.blocks(path, ATTENDANCE, quarter, 1)
            ]
        except QuarterdeckError as error:
            check_sentence(error, "drop")
            return
        if kind.name != "class_sheet":  # of which a row becomes a mark a day
            assert sum(block.num_rows for block in blocks) == examined.row_count


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_long_line_is_refused_before_it_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "results.csv"
    with path.open("wb") as stream:
        stream.write(f"{HEADER}\n{'7' * 3_000_000}".encode(encoding))
        stream.truncate(2 * 1024**3)
    with pytest.raises(QuarterdeckError, match="does not end"):
        read_through(path)
