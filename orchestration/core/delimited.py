"""Read delimited text (CSV and its relatives) as it comes from offices: any encoding, delimiter, quoting and line ends.

`inspect_file` finds out how a file is written and refuses what is no table; `read_rows` then streams its records
(`delimited_blocks.py` gives the same records as tables, much faster).
Encodings are told apart by byte order mark, by whether the whole file is valid UTF-8, and otherwise by
charset-normalizer; delimiters by the header line, and by clevercsv where the header allows more than one.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from charset_normalizer import from_bytes

from orchestration.core.errors import QuarterdeckError
from orchestration.core.other_files import binary_file, refuse_binary, refuse_other_text

DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
FIELD_LIMIT = 131_072
"""Most characters in one field; a longer one is nearly always a quote that was opened and never closed."""

_SAMPLE_BYTES = 64 * 1024
_DIALECT_CHARACTERS = 8_000
_CHUNK_BYTES = 1024 * 1024
_LONGEST_LINE = 2 * _CHUNK_BYTES
_MOST_COLUMNS = 2_000
_SWALLOWED_LINES = 20  # more than a text of one row has, and a stray quote soon takes
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    `name` is what messages call the file. `header` holds the first record's fields, `header_line` the physical
    line (from 1) where it starts. `is_wrapped` means that every record is one quoted field which itself holds a
    delimited record (a CSV that was pasted into a spreadsheet and saved again). `ends_inside_character` means that
    the file was cut within its last character, `ends_with_line_end` that a line end is its last character.
    `first_null_line` is the line of the first null byte.
    """

    name: str
    encoding: str
    delimiter: str = ","
    quote_character: str = '"'
    line_end: str = "\n"
    header: tuple[str, ...] = ()
    header_line: int = 1
    is_wrapped: bool = False
    has_null_bytes: bool = False
    ends_inside_character: bool = False
    ends_with_line_end: bool = True
    first_null_line: int | None = None

    @property
    def summary(self) -> str:
        """The dialect in words, for reports: 'utf-8, comma, CRLF'."""
        line_end = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}[self.line_end]
        wrapped = ", each record wrapped in quotes" if self.is_wrapped else ""
        return f"{self.encoding}, {DELIMITER_NAMES[self.delimiter]}, {line_end}{wrapped}"


@dataclass(frozen=True)
class _Decoding:
    encoding: str
    has_null_bytes: bool
    ends_inside_character: bool
    ends_with_line_end: bool
    first_null_line: int | None
    has_returns_alone: bool


def inspect_file(path: Path, *, name: str | None = None, encoding: str | None = None) -> Dialect:
    """Find out how `path` is written: all of it is decoded once, in pieces; the dialect is judged on its beginning.

    `name` is what messages call the file (default: the path's own name); `encoding` overrules the detection.

    Raises:
        QuarterdeckError: what the file is and what to do, for a file that is absent, empty, only a header, an HTML
            page, a Git LFS pointer, XML, JSON, an archive, a workbook, a PDF or otherwise binary, one that no
            supported encoding decodes, and one with a line longer than two mebibytes.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
    except OSError as error:
        raise QuarterdeckError(f"{path} cannot be read: {error.strerror or error}.") from None
    refuse_binary(name, sample)
    decoding = _decode(path, name, sample, encoding)
    text = codecs.getincrementaldecoder(decoding.encoding)("replace").decode(sample)
    refuse_other_text(name, text)

    line_end = next((end for end in ("\r\n", "\n", "\r") if end in text), "\n")
    decoded = asdict(decoding)
    if decoded.pop("has_returns_alone"):
        line_end = "\r"
    dialect = _detect_delimiter(path, text, Dialect(name, **decoded, line_end=line_end))
    records = _records(path, dialect)
    header_line, header, _ = next(records, (1, [], ""))
    if not header:
        raise QuarterdeckError(f"{name} holds nothing but blank lines: export it again.")
    if next(records, None) is None:
        raise QuarterdeckError(f"{name} holds a header and no rows: export it again with its rows.")
    return replace(dialect, header=tuple(field.strip() for field in header), header_line=header_line)


def read_rows(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str], str]]:
    """Stream the records below the header as (line, fields, text), never holding more than one of them.

    `line` is the physical line (from 1) where the record starts, `fields` its values as written, `text` the line or
    lines as they came, without the last line end. Blank lines (nothing, or only spaces) are no records; a line of
    delimiters alone is one. Null characters become U+FFFD, since databases refuse them: such a value then fails its
    checks.

    Raises:
        QuarterdeckError: a field is longer than FIELD_LIMIT characters; the message names the line.
    """
    records = _records(path, dialect)
    next(records, None)
    return records


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str], str]]:
    errors = "replace" if dialect.ends_inside_character else "strict"
    with path.open("r", encoding=dialect.encoding, errors=errors, newline="") as file:
        yield from read_records(file, dialect)


def read_records(
    lines: Iterable[str], dialect: Dialect, *, first_line: int = 1
) -> Iterator[tuple[int, list[str], str]]:
    """Stream the records in `lines` as `read_rows` does, the header among them where `first_line` is the file's first.

    Each record takes as many lines as it needs and none more.

    Raises:
        QuarterdeckError: a field is longer than FIELD_LIMIT characters, or a record of the wrong number of fields has
            swallowed many lines; the message names the line.
    """
    csv.field_size_limit(FIELD_LIMIT)
    delimiter, quote_character = dialect.delimiter, dialect.quote_character
    pieces: list[str] = []
    reader = csv.reader(
        _remember(lines, pieces, dialect.has_null_bytes), delimiter=delimiter, quotechar=quote_character
    )
    line, may_declare = first_line, first_line == 1
    try:
        for fields in reader:
            text = pieces[0] if len(pieces) == 1 else "".join(pieces)
            pieces.clear()
            following = first_line + reader.line_num
            is_blank = len(fields) < 2 and not "".join(fields).strip()
            if is_blank or (may_declare and _delimiter_line(text)):
                line = following
                continue
            may_declare = False
            if dialect.is_wrapped and len(fields) == 1:
                fields = next(csv.reader(fields, delimiter=delimiter, quotechar=quote_character), [])
            if following - line > _SWALLOWED_LINES and dialect.header and len(fields) != len(dialect.header):
                raise csv.Error(f"it goes on to line {following - 1:,}")
            start, line = line, following
            yield start, fields, text.rstrip("\r\n")
    except csv.Error as error:
        raise QuarterdeckError(
            f"{dialect.name}, line {line} cannot be read ({error}): most likely a quote is opened there and never "
            "closed; correct that line."
        ) from None


def _remember(lines: Iterable[str], pieces: list[str], has_null_bytes: bool) -> Iterator[str]:
    """Pass lines on and keep them in `pieces`, so that a broken record can be shown as it came."""
    for line in lines:
        if has_null_bytes:
            line = line.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        pieces.append(line)
        yield line


def _decode(path: Path, name: str, sample: bytes, encoding: str | None) -> _Decoding:
    """Find the encoding where none is given, and decode the whole file by it, so that no load fails half-way."""
    encoding = encoding or _marked_encoding(sample)
    try:
        return _scan(path, name, encoding or "utf-8")
    except UnicodeDecodeError as error:
        offset = error.start
    if encoding is None and _is_windows_1252(path, name, offset):
        try:
            return _scan(path, name, "cp1252")
        except UnicodeDecodeError as error:
            offset = error.start
    raise QuarterdeckError(
        f"{name} is text in an encoding that is not supported (byte {offset:,} is not {encoding or 'UTF-8'}, and it "
        "reads as neither UTF-16 nor Windows-1252): save it as CSV UTF-8."
    )


def _marked_encoding(sample: bytes) -> str | None:
    """Give the encoding that a byte order mark or the zero bytes of UTF-16 declare."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 4 > len(sample) and min(even, odd) * 20 < len(sample):
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def _is_windows_1252(path: Path, name: str, offset: int) -> bool:
    """Judge the bytes around the first one that is not UTF-8."""
    with path.open("rb") as file:
        file.seek(max(0, offset - _SAMPLE_BYTES // 2))
        surroundings = file.read(_SAMPLE_BYTES)
    if sum(surroundings.count(code) for code in (*range(9), *range(14, 32))) * 100 > len(surroundings):
        raise binary_file(name)
    # The library's usual threshold of 0.2 refuses honest files with only a handful of accented letters.
    guesses = from_bytes(surroundings, cp_isolation=["cp1252"], threshold=0.5, preemptive_behaviour=False)
    return guesses.best() is not None


def _scan(path: Path, name: str, encoding: str) -> _Decoding:
    """Decode every byte; UnicodeDecodeError has the offset in the file. Refuses lines without an end."""
    decoder = codecs.getincrementaldecoder(encoding)()
    first_null_line: int | None = None
    ends_inside_character = has_returns_alone = False
    line, offset, length, since_newline, last = 1, 0, 0, 0, ""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                error.start += offset - pending
                raise
            offset += len(chunk)
            if first_null_line is None and (null := text.find("\x00")) >= 0:
                first_null_line = line + _line_ends(text[:null])
            newline = text.rfind("\n")
            last_break = max(newline, text.rfind("\r"))
            length = length + len(text) if last_break < 0 else len(text) - last_break
            since_newline = since_newline + len(text) if newline < 0 else len(text) - newline
            has_returns_alone = has_returns_alone or since_newline >= _LONGEST_LINE
            line += _line_ends(text)
            last = text[-1:] or last
            if length >= _LONGEST_LINE:
                raise QuarterdeckError(
                    f"{name}, line {line:,}: the line does not end within {length:,} characters, so this is no table: "
                    "export it again."
                )
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        ends_inside_character = True
    return _Decoding(
        encoding,
        first_null_line is not None,
        ends_inside_character,
        last in ("\n", "\r"),
        first_null_line,
        has_returns_alone,
    )


def _line_ends(text: str) -> int:
    return max(text.count("\n"), text.count("\r"))


def _delimiter_line(text: str) -> str | None:
    """Give the delimiter that a first line such as 'sep=;' declares, as Excel writes and reads it."""
    found = re.fullmatch(r'\ufeff?"?sep=([,;\t|])"?', text.strip("\r\n "), re.IGNORECASE)
    return found.group(1) if found else None


def _detect_delimiter(path: Path, text: str, dialect: Dialect) -> Dialect:
    start = text.lstrip("\ufeff \r\n")
    first_line = re.split(r"\r\n|\n|\r", start, maxsplit=1)[0]
    if (columns := max(map(first_line.count, DELIMITERS))) >= _MOST_COLUMNS:
        raise QuarterdeckError(
            f"{dialect.name}, line 1 has more than {columns:,} columns, and no table of people has so many: export it again, "
            "a row a person."
        )
    if declared := _delimiter_line(first_line):
        return replace(dialect, delimiter=declared)
    # An apostrophe is a quote only where the header itself begins with one: "associate's degree" is no quoting.
    quote_character = "'" if first_line.startswith("'") else '"'
    dialect = replace(dialect, quote_character=quote_character)
    _, header, _ = next(_records(path, replace(dialect, delimiter="\x1f")), (1, [""], ""))
    outside = re.sub(f"{quote_character}[^{quote_character}]*{quote_character}", "", first_line)
    possible = [delimiter for delimiter in DELIMITERS if delimiter in outside]
    is_quoted = first_line.startswith(quote_character) and first_line.rstrip().endswith(quote_character)
    inside = [delimiter for delimiter in DELIMITERS if delimiter in header[0]]
    if is_quoted and inside and not possible:
        return replace(dialect, delimiter=max(inside, key=header[0].count), is_wrapped=True)
    if len(possible) > 1:
        from clevercsv import Detector  # takes half a second to import, and few files need it

        # It fails on null characters.
        visible = start[:_DIALECT_CHARACTERS].replace("\x00", "\N{REPLACEMENT CHARACTER}")
        detected = Detector().detect(visible, delimiters=possible)
        chosen = detected.delimiter if detected and detected.delimiter in possible else max(possible, key=outside.count)
        return replace(dialect, delimiter=chosen)
    return replace(dialect, delimiter=possible[0] if possible else ",")
