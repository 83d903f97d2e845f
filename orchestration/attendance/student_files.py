"""Read the delimited files about students: class sheets, long sheets, enrolments and holidays; and absence reasons in JSON.

`tables.yml` says by which header each is known. Values are given as text, as they came; what is wrong with one is said later,
in SQL. A class sheet, one row a student with a column a day or week, is turned long: one mark a row, each with its
sheet's total.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from orchestration.core.delimited import Dialect, inspect_file
from orchestration.core.delimited_blocks import read_tables
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter

MARKS, CLASS_SHEET, ENROLMENTS, HOLIDAYS = "student_marks", "class_sheet", "enrolments", "holidays"
REASONS = "absence_reasons"
MOST_JSON_BYTES = 256 * 1024 * 1024
"""JSON is read at once, which takes several times its size; so many bytes are some three million reasons."""
MARK_COLUMNS = (
    "source_line",
    "source_column",
    "student_id",
    "student_name",
    "school_code",
    "attendance_day",
    "mark",
    "absence_reason",
    "sheet_total",
    "line_problem",
)
ENROLMENT_COLUMNS = (
    "source_line",
    "student_id",
    "student_name",
    "school_code",
    "enrolled_from",
    "enrolled_to",
    "line_problem",
)
HOLIDAY_COLUMNS = ("source_line", "holiday_date", "description", "line_problem")
_TIME_COLUMNS = {MARKS: "attendance_day", CLASS_SHEET: "period", HOLIDAYS: "holiday_date"}
REASON_COLUMNS = ("source_line", "student_id", "absence_date", "reason")
_PERIOD = re.compile(r"(day|week) ?0*([1-9][0-9]{0,2})")

Row = tuple[object, ...]


@dataclass(frozen=True)
class StudentFile:
    """A delimited file that was recognised: its kind, the position of each column, and of each day or week of a class sheet."""

    path: Path
    kind: str
    dialect: Dialect
    positions: dict[str, int]
    periods: dict[str, int]

    def blocks(self) -> Iterator[pa.Table]:
        """Stream the lines below the header as text, by the file's order.

        Columns: `source_line`, the contract's columns that the file has, a class sheet's periods such as `Day 1`, and
        `line_problem`. Of a line with the wrong number of fields, that is said there and all else is null.
        """
        count = len(self.dialect.header)
        for block in read_tables(self.path, self.dialect, count):
            columns = {name: block[str(place)] for name, place in (self.positions | self.periods).items()}
            found = block["found"].cast(pa.string())
            problem = pc.binary_join_element_wise(f"expected {count} fields, found ", found, "")
            yield pa.table({"source_line": block["line"], **columns, "line_problem": problem})


@cache
def _contract() -> dict[str, dict[str, object]]:
    contract: dict[str, dict[str, object]] = yaml.safe_load(
        (Path(__file__).parent / "tables.yml").read_text(encoding="utf-8")
    )
    return contract


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", name.casefold()).split())


def recognise(path: Path, name: str | None = None) -> StudentFile | None:
    """The file as one of the kinds, by its header; None where it is no delimited text or none of them.

    A header with days or weeks and a total is a class sheet, whatever else it has.
    """
    try:
        dialect = inspect_file(path, name=name)
    except QuarterdeckError:
        return None
    header = [_plain(field) for field in dialect.header]
    periods = {
        f"{match[1].capitalize()} {int(match[2])}": place
        for place, field in enumerate(header)
        if (match := _PERIOD.fullmatch(field))
    }
    for kind, described in _contract().items():
        if (kind == CLASS_SHEET) != bool(periods):
            continue
        aliases, required = described["columns"], described["required"]
        assert isinstance(aliases, dict)
        assert isinstance(required, list)
        positions = {
            column: next(header.index(alias) for alias in names if alias in header)
            for column, names in aliases.items()
            if any(alias in header for alias in names)
        }
        if all(column in positions for column in required):
            return StudentFile(path, kind, dialect, positions, periods)
    return None


def read_date(text: str | None) -> date | None:
    """A day written as 2026-10-05; None for anything else."""
    try:
        return date.fromisoformat(text.strip()) if text and re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()) else None
    except ValueError:
        return None


def read_period(text: str | None) -> Quarter | None:
    """The quarter of a class sheet: `2026Q4`, or a year alone, which is its first quarter."""
    text = (text or "").strip()
    if re.fullmatch(r"[1-9]\d{3}", text):
        return Quarter(int(text), 1)
    try:
        return Quarter.parse(text)
    except QuarterdeckError:
        return None


def by_value(texts: pa.ChunkedArray, read: Callable[[str], str | None]) -> pa.Array:
    """What `read` makes of each text, called once for each different one; null stays null."""
    encoded = texts.combine_chunks().dictionary_encode()
    return pa.array([read(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _quarters_of(file: StudentFile, block: pa.Table, start_month: int) -> pa.Array:
    """The quarter that each line tells of: null where it cannot be read, and for a stay, which may be open at both ends."""

    def of_day(text: str) -> str | None:
        day = read_date(text)
        return str(Quarter.of(day, start_month)) if day else None

    def of_period(text: str) -> str | None:
        quarter = read_period(text)
        return str(quarter) if quarter else None

    if file.kind == ENROLMENTS:
        return pa.nulls(block.num_rows, pa.string())
    return by_value(block[_TIME_COLUMNS[file.kind]], of_period if file.kind == CLASS_SHEET else of_day)


def look_through(file: StudentFile, start_month: int) -> tuple[dict[Quarter, str], int]:
    """The quarters that a file tells of, with what it is of each, and its number of lines.

    A list of enrolments is of the quarter of the newest day in it, since most stays have begun long before.
    A file is the same part of a quarter as another one of its kind, schools, students and span of days: it then takes the
    other's place.

    Raises:
        QuarterdeckError: no line says which quarter it is of.
    """
    quarters: set[str] = set()
    who: set[tuple[str | None, ...]] = set()
    texts: set[str] = set()
    count = 0
    columns = [column for column in ("school_code", "student_id") if column in file.positions]
    time_columns = [column for column in ("attendance_day", "enrolled_from", "enrolled_to") if column in file.positions]
    for block in file.blocks():
        count += block.num_rows
        quarters.update(_quarters_of(file, block, start_month).drop_null().unique().to_pylist())
        if columns:
            distinct = block.select(columns).group_by(columns).aggregate([])
            who.update(zip(*(distinct[column].to_pylist() for column in columns), strict=True))
        for column in time_columns:
            texts.update(block[column].drop_null().unique().to_pylist())
    days = [day for text in texts if (day := read_date(text))]
    if file.kind == ENROLMENTS and days:
        quarters = {str(Quarter.of(max(days), start_month))}
    if not quarters:
        raise QuarterdeckError(
            f"{file.dialect.name}: no line has a day or period that can be read (write days as 2026-10-05, a sheet's "
            "period as 2026Q4), so nobody can say which quarter it is of."
        )
    names = [*file.periods, *(day.isoformat() for day in days if file.kind == MARKS)]
    span = [min(names), max(names)] if names else []
    people = sorted({"/".join(["", *((value or "").strip() for value in values)][-2:]) for values in who or {("",)}})
    mark = hashlib.sha256(json.dumps([people, span]).encode()).hexdigest()[:12]
    return dict.fromkeys(map(Quarter.parse, sorted(quarters)), f"{file.kind}:{mark}"), count


def raw_blocks(file: StudentFile, quarter: Quarter, start_month: int) -> Iterator[pa.Table]:
    """The quarter's raw rows, with the columns above. A line that says no quarter is of the file's first: quarantined there."""
    columns = {CLASS_SHEET: MARK_COLUMNS, MARKS: MARK_COLUMNS, ENROLMENTS: ENROLMENT_COLUMNS, HOLIDAYS: HOLIDAY_COLUMNS}
    first = None
    for block in file.blocks():
        quarters = _quarters_of(file, block, start_month)
        if quarters.null_count:
            first = first or str(min(look_through(file, start_month)[0]))
        own = block.filter(pc.equal(quarters.fill_null(first or ""), str(quarter)))
        if file.kind == CLASS_SHEET:
            own = _turned_long(file, own)
        for missing in set(columns[file.kind]) - set(own.column_names):
            own = own.append_column(missing, pa.nulls(own.num_rows, pa.string()))
        yield own.select(columns[file.kind])


def _turned_long(file: StudentFile, sheet: pa.Table) -> pa.Table:
    """A row for each line and period, each with its line's total; one alone for a line that could not be read."""
    is_broken = sheet["line_problem"].is_valid()
    readable, broken = sheet.filter(pc.invert(is_broken)), sheet.filter(is_broken)
    invalid = "the sheet's period is no quarter and no year"
    problem = by_value(readable["period"], lambda text: None if read_period(text) else invalid)
    who = [column for column in ("student_id", "student_name", "school_code") if column in file.positions]

    def marks_of(period: str, place: int) -> pa.Table:
        return pa.table(
            {
                "source_line": readable["source_line"],
                "source_column": pa.repeat(file.dialect.header[place], len(readable)),
                **{column: readable[column] for column in who},
                "attendance_day": pa.repeat(period, len(readable)),
                "mark": readable[period],
                "sheet_total": readable["total"],
                "line_problem": problem,
            }
        )

    long = [marks_of(period, place) for period, place in file.periods.items()]
    return pa.concat_tables([*long, broken.select(["source_line", "line_problem"])], promote_options="default")


def is_reasons(path: Path) -> bool:
    """Whether the file is a JSON list of absence reasons."""
    try:
        return bool(read_reasons(path))
    except QuarterdeckError:
        return False


def is_list(path: Path) -> bool:
    """Whether the file begins as a JSON list does."""
    with path.open("rb") as stream:
        return stream.read(64).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"[")


def read_reasons(path: Path, name: str | None = None) -> list[dict[str, str]]:
    """Absence reasons: a JSON list of objects with student_id, date and reason, all text.

    Raises:
        QuarterdeckError: the file is no such list.
    """
    if is_list(path) and path.stat().st_size > MOST_JSON_BYTES:
        raise QuarterdeckError(
            f"{name or path.name}: a list of absence reasons has at most {MOST_JSON_BYTES:,} bytes. Split it."
        )
    try:
        items = json.loads(path.read_bytes()) if is_list(path) else None
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and all(isinstance(item.get(key), str) for key in ("student_id", "date", "reason"))
        for item in items
    ):
        raise QuarterdeckError(
            f"{name or path.name} is no list of absence reasons: each needs student_id, date and reason as text."
        )
    return items


def reason_quarters(items: Sequence[dict[str, str]], name: str, start_month: int) -> dict[Quarter, str]:
    """The quarters of absence reasons, and what part they are of each.

    Raises:
        QuarterdeckError: none has a day that can be read.
    """
    days = [day for item in items if (day := read_date(item["date"]))]
    if not days:
        raise QuarterdeckError(f"{name}: no absence reason has a day that can be read, such as 2026-10-05.")
    part = [sorted({item["student_id"] for item in items}), min(days).isoformat(), max(days).isoformat()]
    who = hashlib.sha256(json.dumps(part).encode()).hexdigest()[:12]
    return dict.fromkeys(sorted({Quarter.of(day, start_month) for day in days}), f"{REASONS}:{who}")


def reason_rows(items: Sequence[dict[str, str]], quarter: Quarter, start_month: int) -> Iterator[Row]:
    """The quarter's reasons, numbered from 1; one without a readable day is of the first quarter."""
    first = min(reason_quarters(items, "", start_month))
    for number, item in enumerate(items, start=1):
        day = read_date(item["date"])
        if (Quarter.of(day, start_month) if day else first) == quarter:
            yield number, item["student_id"], item["date"], item["reason"]
