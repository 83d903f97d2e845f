"""The kinds of attendance files: how each is recognised by its content, what of which quarter it tells, and its raw rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa

from orchestration.attendance import student_files
from orchestration.attendance.contract import Contract
from orchestration.attendance.daily_report import control_bytes, is_daily_report, read_items, xml_fault
from orchestration.core.corrections import CORRECTIONS
from orchestration.core.delimited import inspect_file
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.raw_tables import RawTable

RAW_SCHEMA = "attendance_raw"
ROWS_AT_ONCE = 50_000

Row = tuple[object, ...]
Blocks = Callable[[Path, Contract, Quarter, int], Iterator[pa.Table]]


@dataclass(frozen=True)
class Examined:
    """What a look through a file found.

    quarters: of each quarter that it tells of, the part that it is of that quarter (`platform.quarter_files.part`).
    row_count: items or rows. remarks: what a person should know, a sentence each.
    """

    kind: str
    quarters: dict[Quarter, str]
    row_count: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    raw_table: where its rows go, in `attendance_raw`; columns: those after `quarter` and `source_file_id`, all text but
    `source_line`. blocks: a quarter's rows of a file, in tables of these columns.
    """

    name: str
    raw_table: str
    columns: tuple[str, ...]
    recognises: Callable[[Path, Contract], bool]
    examine: Callable[[Path, Contract, str, int], Examined]
    blocks: Blocks

    @property
    def tells_of_students(self) -> bool:
        """Whether its rows are about students, whose ids then are in the part that it is of a quarter."""
        return self.raw_table != SCHOOL_DAYS

    @property
    def table(self) -> RawTable:
        """The raw table."""
        types = {name: "bigint" if name == "source_line" else "text" for name in self.columns}
        return RawTable(RAW_SCHEMA, self.raw_table, {"source_file_id": "text", **types, CORRECTIONS: "text"})


def _examine_report(path: Path, contract: Contract, name: str, start_month: int) -> Examined:
    days: set[date] = set()
    count = 0
    for item in read_items(path, contract.daily_report, name=name):
        count += 1
        day = item.day(contract.daily_report)
        if day is not None:
            days.add(day)
    if not days:
        raise QuarterdeckError(f"{name}: no item has a day that can be read, so nobody can say which quarter it is of.")
    quarters: dict[Quarter, str] = {}
    for quarter in sorted({Quarter.of(day, start_month) for day in days}):
        own = sorted(day for day in days if Quarter.of(day, start_month) == quarter)
        quarters[quarter] = f"{DAILY_REPORT}:{own[0]}" + (f"..{own[-1]}" if len(own) > 1 else "")
    places = control_bytes(path)
    remarks: tuple[str, ...] = ()
    if places:
        where = ", ".join(f"0x{byte:02X} at byte {place:,}" for place, byte in places[:5])
        remarks = (
            f"{name}: {len(places)} control bytes that XML forbids ({where}{', ...' if len(places) > 5 else ''}) are shown "
            "by their symbols in the rows; the file in landing is as it came.",
        )
    return Examined(DAILY_REPORT, quarters, count, remarks)


def _report_rows(path: Path, contract: Contract, quarter: Quarter, start_month: int) -> Iterator[Row]:
    """Items of the quarter's days. An item without a readable day is of the file's first quarter, where it is quarantined."""
    first = min(_examine_report(path, contract, path.name, start_month).quarters)
    for item in read_items(path, contract.daily_report):
        day = item.day(contract.daily_report)
        if (Quarter.of(day, start_month) if day else first) == quarter:
            yield (item.number, *item.texts.values(), item.repaired)


def _is_student_file(kind: str, path: Path, _contract: Contract) -> bool:
    file = student_files.recognise(path)
    return file is not None and file.kind == kind


def _open_student_file(path: Path, name: str) -> student_files.StudentFile:
    file = student_files.recognise(path, name)
    if file is None:
        raise QuarterdeckError(f"{name}: it was a file about students when it was received, and is none now.")
    return file


def _examine_student_file(path: Path, _contract: Contract, name: str, start_month: int) -> Examined:
    file = _open_student_file(path, name)
    quarters, count = student_files.look_through(file, start_month)
    return Examined(file.kind, quarters, count)


def _student_blocks(path: Path, _contract: Contract, quarter: Quarter, start_month: int) -> Iterator[pa.Table]:
    return student_files.raw_blocks(_open_student_file(path, path.name), quarter, start_month)


def _examine_reasons(path: Path, _contract: Contract, name: str, start_month: int) -> Examined:
    items = student_files.read_reasons(path, name)
    return Examined(student_files.REASONS, student_files.reason_quarters(items, name, start_month), len(items))


def _reason_rows(path: Path, _contract: Contract, quarter: Quarter, start_month: int) -> Iterator[Row]:
    return student_files.reason_rows(student_files.read_reasons(path), quarter, start_month)


def _in_blocks(rows: Callable[[Path, Contract, Quarter, int], Iterator[Row]], columns: tuple[str, ...]) -> Blocks:
    """Blocks of a kind that is read row by row."""
    schema = pa.schema([(name, pa.int64() if name == "source_line" else pa.string()) for name in columns])

    def blocks(path: Path, contract: Contract, quarter: Quarter, start_month: int) -> Iterator[pa.Table]:
        remaining = rows(path, contract, quarter, start_month)
        while some := list(islice(remaining, ROWS_AT_ONCE)):
            values = zip(*some, strict=True)
            yield pa.table([pa.array(column, field.type) for column, field in zip(values, schema, strict=True)], schema)

    return blocks


DAILY_REPORT = "daily_report"
SCHOOL_DAYS = "school_days"
SCHOOL_DAY_COLUMNS = (
    "source_line",
    "school_code",
    "day",
    "attendance_pct",
    "location_code",
    "school_name",
    "borough",
    "district",
    "repaired",
)
KINDS = {
    DAILY_REPORT: Kind(
        DAILY_REPORT,
        SCHOOL_DAYS,
        SCHOOL_DAY_COLUMNS,
        lambda path, contract: is_daily_report(path, contract.daily_report),
        _examine_report,
        _in_blocks(_report_rows, SCHOOL_DAY_COLUMNS),
    ),
    student_files.REASONS: Kind(
        student_files.REASONS,
        student_files.REASONS,
        student_files.REASON_COLUMNS,
        lambda path, _contract: student_files.is_reasons(path),
        _examine_reasons,
        _in_blocks(_reason_rows, student_files.REASON_COLUMNS),
    ),
    **{
        kind: Kind(kind, raw_table, columns, partial(_is_student_file, kind), _examine_student_file, _student_blocks)
        for kind, raw_table, columns in (
            (student_files.MARKS, student_files.MARKS, student_files.MARK_COLUMNS),
            (student_files.CLASS_SHEET, student_files.MARKS, student_files.MARK_COLUMNS),
            (student_files.ENROLMENTS, student_files.ENROLMENTS, student_files.ENROLMENT_COLUMNS),
            (student_files.HOLIDAYS, student_files.HOLIDAYS, student_files.HOLIDAY_COLUMNS),
        )
    },
}
RAW_TABLES = {kind.raw_table: kind.table for kind in KINDS.values()}


def kind_of(part: str) -> Kind:
    """The kind of the file that is this part of a quarter."""
    return KINDS[part.split(":")[0]]


def kinds_of(raw_table: str) -> set[str]:
    """The kinds of files whose rows are in a raw table."""
    return {kind.name for kind in KINDS.values() if kind.raw_table == raw_table}


def examine(path: Path, contract: Contract, name: str, start_month: int) -> Examined:
    """What the file is and which quarters it tells of, from its content.

    Raises:
        QuarterdeckError: it is no attendance file of the contract, or it cannot be read whole.
    """
    for kind in KINDS.values():
        if kind.recognises(path, contract):
            return kind.examine(path, contract, name, start_month)
    raise QuarterdeckError(
        f"{name}: this is no attendance file that contract.yml or tables.yml of orchestration/attendance describes: "
        f"{_what_it_is(path, contract, name)} Nothing was loaded."
    )


def _what_it_is(path: Path, contract: Contract, name: str) -> str:
    if (fault := xml_fault(path, contract.daily_report)) is not None:
        return fault
    try:
        if student_files.is_list(path):
            student_files.read_reasons(path, name)
        header = inspect_file(path, name=name).header
    except QuarterdeckError as error:
        return str(error)
    shown = ", ".join(repr(field[:60]) for field in header[:40])
    return (
        f"its header has {shown}, and lacks a column that every kind needs. Add its name to tables.yml if one is meant."
    )
