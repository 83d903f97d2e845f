"""Reading in blocks gives the very rows that reading record by record gives."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.core.delimited import FIELD_LIMIT, Dialect, inspect_file, read_rows
from orchestration.core.delimited_blocks import read_tables
from orchestration.core.errors import QuarterdeckError

Rows = list[tuple[int, tuple[str | None, ...], int | None, str | None]]

# Fields as files have them, and what makes a line something else than one record.
FIELD = st.sampled_from(
    ["", "7", "group A", " 7 ", "é", '"b"', '"x,y"', '"two\nlines"', '"say ""hi"""', '5" ', '"a"b', "'", "\x00"]
)
LINE = st.one_of(
    st.lists(FIELD, min_size=3, max_size=3).map(",".join),
    st.lists(FIELD, min_size=1, max_size=5).map(",".join),
    st.sampled_from(["", "  ", '"', ",,", "a\rb", '"open', 'close"']),
)
LINE_END = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])


def as_tables(path: Path, dialect: Dialect, block_bytes: int) -> Rows:
    rows: Rows = []
    for table in read_tables(path, dialect, 3, block_bytes=block_bytes):
        columns = [table[name].to_pylist() for name in ("line", "0", "1", "2", "found", "text")]
        rows += [(line, (a, b, c), found, text) for line, a, b, c, found, text in zip(*columns, strict=True)]
    return sorted(rows, key=lambda row: row[0])


def as_records(path: Path, dialect: Dialect) -> Rows:
    return [
        (line, tuple(fields), None, None) if len(fields) == 3 else (line, (None, None, None), len(fields), text)
        for line, fields, text in read_rows(path, dialect)
    ]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(LINE, LINE_END), max_size=30), st.integers(1, 200), st.booleans())
@example([("1,2,3", "\n"), ("4,5", "\n"), ("6,7,8", "\n")], 4, True)
@example([("1,2,3", "\n"), ('"a\n', "\n"), ('b",2,3', "\n"), ("6,7,8", "\n")], 6, True)
def test_tables_hold_the_records(lines: list[tuple[str, str]], block_bytes: int, ends_with_newline: bool) -> None:
    text = "math,reading,writing\n" + "".join(line + end for line, end in lines)
    if not ends_with_newline:
        text = text.rstrip("\r\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        dialect = Dialect("t.csv", "utf-8", header=("math", "reading", "writing"), has_null_bytes="\x00" in text)
        try:
            expected = as_records(path, dialect)
        except QuarterdeckError:
            with pytest.raises(QuarterdeckError, match="cannot be read"):
                as_tables(path, dialect, block_bytes)
        else:
            assert as_tables(path, dialect, block_bytes) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_tables_hold_the_records_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    lines = [f"José {number},{number},é" for number in range(3000)]
    path.write_bytes("\r\n".join(["name,math,note", *lines, "short,1", ""]).encode(encoding))
    dialect = inspect_file(path, encoding=encoding if encoding == "cp1252" else None)
    for block_bytes in (1000, 4_000_000):
        rows = as_tables(path, dialect, block_bytes)
        assert rows == as_records(path, dialect)
        assert rows[-1] == (3002, (None, None, None), 2, "short,1")


def test_a_field_too_long_is_refused_with_its_line_in_a_plain_block_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,2,3\n4,5," + "x" * (FIELD_LIMIT + 1) + "\n")
    with pytest.raises(QuarterdeckError, match=r"t\.csv, line 3 cannot be read"):
        list(read_tables(path, inspect_file(path), 3))


@pytest.mark.parametrize("head", ["a,b,c\r", "\r\na,b,c\r", 'a,"b\rb",c\n', "a,b,c\n"])
def test_lone_carriage_returns_lose_no_line(tmp_path: Path, head: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((head + "1,2,3\r4,5,6\n7,8,9\r").encode())
    dialect = inspect_file(path)
    rows = as_tables(path, dialect, 1000)
    assert rows == as_records(path, dialect)
    assert [row[1][0] for row in rows] == ["1", "4", "7"]
