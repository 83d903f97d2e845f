"""Reading delimited text: whatever is written comes back, and what is no table is refused in one sentence."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.core import delimited
from orchestration.core.delimited import FIELD_LIMIT, inspect_file, read_rows
from orchestration.core.errors import QuarterdeckError

Table = list[list[str]]


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows_of(path: Path) -> Table:
    return [fields for _, fields, _ in read_rows(path, inspect_file(path))]


HEADER = ["gender", "Año", "math score"]
# What makes reading hard, and words with letters that encodings differ in.
CELL = st.text("abcde0123456789 ,;\t|'\"\n./-", max_size=12) | st.sampled_from(["José Muñoz", "Zürich", "naïve, so"])
RECORD = st.lists(CELL, min_size=3, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(RECORD, min_size=1, max_size=8),
    delimiter=st.sampled_from(delimited.DELIMITERS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([["it's", "a;b", 'say "no"']], ",", "utf-16-le", "\r\n", csv.QUOTE_MINIMAL)
def test_read_rows_gives_back_any_table(
    tmp_path: Path, table: Table, delimiter: str, encoding: str, line_end: str, quoting: int
) -> None:
    # csv.writer does not quote a line end of another kind than its own.
    table = [[cell.replace("\n", line_end) for cell in record] for record in table]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([HEADER, *table])
    path = write(tmp_path / "table.csv", buffer.getvalue(), encoding)
    dialect = inspect_file(path)
    assert dialect.delimiter == delimiter
    assert list(dialect.header) == HEADER
    assert [fields for _, fields, _ in read_rows(path, dialect)] == table


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_read_rows_gives_the_physical_line_and_the_text(tmp_path: Path, line_end: str) -> None:
    lines = ["a,b", "1,2", "", '"3', '4",5', "6,7,8", '"9""",10']
    path = write(tmp_path / "t.csv", line_end.join(lines))
    assert inspect_file(path).line_end == line_end
    assert list(read_rows(path, inspect_file(path))) == [
        (2, ["1", "2"], "1,2"),
        (4, [f"3{line_end}4", "5"], f'"3{line_end}4",5'),
        (6, ["6", "7", "8"], "6,7,8"),
        (7, ['9"', "10"], '"9""",10'),
    ]


def test_blank_lines_are_no_records_and_lines_of_delimiters_are(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "\n  \na,b\n\n1,2\n   \n,\n\n")
    dialect = inspect_file(path)
    assert (dialect.header, dialect.header_line) == (("a", "b"), 3)
    assert [(line, fields) for line, fields, _ in read_rows(path, dialect)] == [(5, ["1", "2"]), (7, ["", ""])]


def test_records_wrapped_in_quotes_are_unwrapped(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", '"gender,""math score"""\n"female,""7,5"""\n"male,70"\n')
    dialect = inspect_file(path)
    assert dialect.is_wrapped
    assert dialect.header == ("gender", "math score")
    assert rows_of(path) == [["female", "7,5"], ["male", "70"]]


def test_a_declared_delimiter_is_obeyed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "sep=;\r\na,x;b\r\n1;2\r\n")
    dialect = inspect_file(path)
    assert (dialect.header, dialect.header_line) == (("a,x", "b"), 2)
    assert list(read_rows(path, dialect)) == [(3, ["1", "2"], "1;2")]


def test_apostrophes_quote_only_where_the_header_does(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "t.csv", "'a','b'\n'1,2','3'\n")) == [["1,2", "3"]]
    assert rows_of(write(tmp_path / "t.csv", "a,b\nmaster's,bachelor's\n")) == [["master's", "bachelor's"]]


def test_clevercsv_decides_where_the_header_has_two_delimiters(tmp_path: Path) -> None:
    lines = "".join(f"group {letter};{score};{score + 1}\n" for letter in "ABCDE" for score in (50, 61, 72))
    assert inspect_file(write(tmp_path / "t.csv", "race, or group;math;reading\n" + lines)).delimiter == ";"


def test_null_characters_become_visible(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n" + "1,2\n" * 500 + "3\x00,4\n")
    assert rows_of(path)[-1] == ["3\N{REPLACEMENT CHARACTER}", "4"]


def test_a_file_cut_within_a_character_keeps_its_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "año,b\n1,é".encode()[:-1])
    dialect = inspect_file(path)
    assert (dialect.encoding, dialect.header) == ("utf-8", ("año", "b"))
    assert [fields for _, fields, _ in read_rows(path, dialect)] == [["1", "\N{REPLACEMENT CHARACTER}"]]


def test_windows_1252_is_seen_far_into_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"name,score\n" + b"Ann,70\n" * 400_000 + "José Muñoz,71\n".encode("cp1252"))
    dialect = inspect_file(path)
    assert dialect.encoding == "cp1252"
    assert list(read_rows(path, dialect))[-1] == (400_002, ["José Muñoz", "71"], "José Muñoz,71")


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "a,b\n1,2\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "nothing but blank lines"),
        (b"\n \r\n\n", "nothing but blank lines"),
        (b"a,b\n", "a header and no rows"),
        (b"a,b\n\n  \n", "a header and no rows"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML page"),
        ("\n <HTML>".encode("utf-16"), "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 72036\n", "git lfs pull"),
        (b'{"a": 1}', "JSON"),
        (b'[\n  {"a": 1}]', "JSON"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (zipped("students.csv"), "zip archive"),
        (zipped("xl/workbook.xml"), "Excel workbook"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "binary"),
        (bytes(range(1, 9)) * 100 + b"a,b\n1,2\n", "binary"),
        (b"a,b\n" + "Б,ц\n".encode() * 3 + bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D]) * 8 + b"\n", "encoding"),
        ("дневник,итог\nЖдин Пётр,7\nЩитин Юлий,8\n".encode("cp1251"), "encoding"),
        (b"\xef\xbb\xbfa,b\n\xff\xfe\xfd,2\n", "is not utf-8-sig"),
        (b"a,b\n" + b"x" * 3_500_000, "does not end"),
    ],
)
def test_inspect_file_refuses_in_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    path = write(tmp_path / "students.csv", content)
    with pytest.raises(QuarterdeckError, match=expected) as caught:
        inspect_file(path)
    message = str(caught.value)
    assert message.startswith("students.csv")
    assert message.endswith(".")
    assert "\n" not in message


def test_messages_use_the_name_given(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match=r"^term\.csv is empty"):
        inspect_file(write(tmp_path / "0123abcd", b""), name="term.csv")
    with pytest.raises(QuarterdeckError, match="cannot be read"):
        inspect_file(tmp_path / "absent.csv")


def test_read_rows_names_the_line_of_a_quote_never_closed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n1,2\n"3,4\n' + "5,6\n" * FIELD_LIMIT)
    with pytest.raises(QuarterdeckError, match=r"t\.csv, line 3 cannot be read .*never closed"):
        rows_of(path)
