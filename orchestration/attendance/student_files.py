"""Read the delimited files about students: class sheets, long sheets, enrolments and holidays; and absence reasons in JSON.

`tables.yml` says by which header each is known. Values are given as text, as they came; what is wrong with one is said later,
in SQL. A class sheet, one row a student with a column a day or week, is turned long: one mark a row, each with its
sheet's total.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

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

    def records(self) -> Iterator[tuple[int, list[str] | None, str | None]]:
        """Stream line, fields, problem; a line with the wrong number of fields has no fields and says so."""
        count = len(self.dialect.header)
        for block in read_tables(self.path, self.dialect, count):
            columns = [block[str(position)].to_pylist() for position in range(count)]
            for place, (line, found) in enumerate(
                zip(block["line"].to_pylist(), block["found"].to_pylist(), strict=True)
            ):
                if found is not None:
                    yield line, None, f"expected {count} fields, found {found}"
                else:
                    yield line, [column[place] for column in columns], None

    def value(self, fields: Sequence[str] | None, column: str) -> str | None:
        """The field of a column, or None where the file or the line has none."""
        position = self.positions.get(column)
        return None if fields is None or position is None else fields[position]


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


def _quarters_of(file: StudentFile, fields: list[str] | None, start_month: int) -> list[Quarter]:
    """The quarters that a line tells of: none where it cannot be read, and none of a stay, which may be open at both ends."""
    if file.kind == CLASS_SHEET:
        quarter = read_period(file.value(fields, "period"))
        return [quarter] if quarter else []
    column = {MARKS: "attendance_day", HOLIDAYS: "holiday_date"}.get(file.kind)
    day = read_date(file.value(fields, column)) if column else None
    return [Quarter.of(day, start_month)] if day else []


def look_through(file: StudentFile, start_month: int) -> tuple[dict[Quarter, str], int]:
    """The quarters that a file tells of, with what it is of each, and its number of lines.

    A list of enrolments is of the quarter of the newest day in it, since most stays have begun long before.
    A file is the same part of a quarter as another one of its kind, schools, students and span of days: it then takes the
    other's place.

    Raises:
        QuarterdeckError: no line says which quarter it is of.
    """
    quarters: set[Quarter] = set()
    who: set[str] = set()
    days: set[str] = set(file.periods)
    newest: date | None = None
    count = 0
    for _, fields, _ in file.records():
        count += 1
        quarters.update(_quarters_of(file, fields, start_month))
        who.add("/".join((file.value(fields, column) or "").strip() for column in ("school_code", "student_id")))
        if file.kind == ENROLMENTS:
            ends = [read_date(file.value(fields, column)) for column in ("enrolled_from", "enrolled_to")]
            newest = max([day for day in (newest, *ends) if day], default=None)
        if file.kind == MARKS and (day := read_date(file.value(fields, "attendance_day"))):
            days.add(day.isoformat())
    if newest:
        quarters = {Quarter.of(newest, start_month)}
    if not quarters:
        raise QuarterdeckError(
            f"{file.dialect.name}: no line has a day or period that can be read (write days as 2026-10-05, a sheet's period as "
            "2026Q4), so nobody can say which quarter it is of."
        )
    span = [min(days), max(days)] if days else []
    mark = hashlib.sha256(json.dumps([sorted(who), span]).encode()).hexdigest()[:12]
    return dict.fromkeys(sorted(quarters), f"{file.kind}:{mark}"), count


def rows(file: StudentFile, quarter: Quarter, start_month: int) -> Iterator[Row]:
    """The quarter's raw rows, by the columns above. A line that says no quarter is of the file's first, where it is quarantined."""
    first = min(look_through(file, start_month)[0])
    for line, fields, problem in file.records():
        if quarter not in (_quarters_of(file, fields, start_month) or [first]):
            continue
        if file.kind == CLASS_SHEET:
            yield from _marks_of_sheet_row(file, line, fields, problem)
            continue
        columns = {MARKS: MARK_COLUMNS, ENROLMENTS: ENROLMENT_COLUMNS, HOLIDAYS: HOLIDAY_COLUMNS}[file.kind]
        yield (line, *(file.value(fields, column) for column in columns[1:-1]), problem)


def _marks_of_sheet_row(file: StudentFile, line: int, fields: list[str] | None, problem: str | None) -> Iterator[Row]:
    who = [file.value(fields, column) for column in ("student_id", "student_name", "school_code")]
    if fields is None:
        yield (line, None, *who, None, None, None, None, problem)
        return
    if read_period(file.value(fields, "period")) is None:
        problem = "the sheet's period is no quarter and no year"
    total = file.value(fields, "total")
    for period, position in file.periods.items():
        yield (line, file.dialect.header[position], *who, period, fields[position], None, total, problem)


def is_reasons(path: Path) -> bool:
    """Whether the file is a JSON list of absence reasons."""
    try:
        return bool(read_reasons(path))
    except QuarterdeckError:
        return False


def read_reasons(path: Path, name: str | None = None) -> list[dict[str, str]]:
    """Absence reasons: a JSON list of objects with student_id, date and reason, all text.

    Raises:
        QuarterdeckError: the file is no such list.
    """
    with path.open("rb") as stream:
        is_list = stream.read(64).lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"[")
        is_short = os.fstat(stream.fileno()).st_size <= MOST_JSON_BYTES
    if is_list and not is_short:
        raise QuarterdeckError(
            f"{name or path.name}: a list of absence reasons has at most {MOST_JSON_BYTES:,} bytes. Split it."
        )
    try:
        items = json.loads(path.read_bytes()) if is_list else None
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
