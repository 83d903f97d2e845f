"""Faults of attendance files, of all kinds: daily reports in XML, sheets of marks, absence reasons in JSON."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from orchestration.attendance.contract import Contract, load_contract
from orchestration.attendance.kinds import KINDS, examine
from orchestration.attendance.sample import write_sample
from orchestration.attendance.student_sample import write_student_sample
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.faults.fault import Fault, Outcome, Result, register

QUARTER = Quarter(2026, 3)
REFUSED, WARNED, READ_RIGHT = Outcome.REFUSED, Outcome.WARNED, Outcome.READ_RIGHT
FAULTS: list[Fault] = []
report, sheet, reasons = (register(FAULTS, name) for name in ("drop.xml", "marks.csv", "reasons.json"))
UNKNOWN = "refused as no attendance file; what it is was not said"


@dataclass(frozen=True)
class CleanFiles:
    """A clean report of one day, a sheet of marks, and absence reasons, as they would come."""

    report: bytes
    marks: str
    reasons: bytes


@sheet(
    "Git LFS pointer for a sheet",
    "the three lines that Git keeps",
    REFUSED,
    "Git LFS pointer",
    "git lfs pull",
    before=UNKNOWN,
)
def _(_: CleanFiles) -> str:
    return "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "4" + "\nsize 72036\n"


@report("HTML page for a report", "the sign-in page of a portal", REFUSED, "HTML page", before=UNKNOWN)
def _(_: CleanFiles) -> str:
    return "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"


@report("half a report", "cut in the middle of an item", REFUSED, "not well-formed", "whole file")
def _(clean: CleanFiles) -> bytes:
    return clean.report[: len(clean.report) // 2]


@report(
    "report of another system", "another root element", REFUSED, "root element", "schooldailyattendance", before=UNKNOWN
)
def _(clean: CleanFiles) -> bytes:
    return clean.report.replace(b"schooldailyattendance", b"buildings")


@report("report without a day", "every day is 'tomorrow'", REFUSED, "no item has a day")
def _(clean: CleanFiles) -> bytes:
    return clean.report.replace(b">2026070", b">tomorrow 2026070")


@report("XML bomb", "entities that expand to a billion words", REFUSED, "document type")
def _(clean: CleanFiles) -> bytes:
    entities = b'<!ENTITY a0 "lol">' + b"".join(
        b'<!ENTITY a%d "%s">' % (step, b"&a%d;" % (step - 1) * 10) for step in range(1, 10)
    )
    doctype = b"?><!DOCTYPE x [" + entities + b"]>"
    return clean.report.replace(b"?>", doctype, 1).replace(b"SAMPLE", b"&a9;", 1)


@report("XML that asks for another file", "an entity that stands for /etc/passwd", REFUSED, "document type")
def _(clean: CleanFiles) -> bytes:
    doctype = b'?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return clean.report.replace(b"?>", doctype, 1).replace(b"SAMPLE", b"&f;", 1)


@report("control byte in a report", "0x1A in a school's name", WARNED, "0x1A at byte")
def _(clean: CleanFiles) -> bytes:
    return clean.report.replace(b"SAMPLE", b"SAMPLE\x1a", 1)


@report(
    "2 GB of control bytes",
    "a report's beginning, and a hole up to 2 GB",
    REFUSED,
    "control bytes",
    "no text",
    before="every byte was kept in memory with its place, without a bound",
)
def _(clean: CleanFiles) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(clean.report[: len(clean.report) // 2])
            stream.truncate(2 * 1024**3)

    return write


@report("report in UTF-16", "saved as Unicode", REFUSED, "UTF-16", "Save it as UTF-8", before=UNKNOWN)
def _(clean: CleanFiles) -> bytes:
    return clean.report.decode().replace("utf-8", "utf-16").encode("utf-16")


@sheet(
    "days written as 05/10/2026", "every day of the marks in another form", REFUSED, "no line has a day", "2026-10-05"
)
def _(clean: CleanFiles) -> str:
    return clean.marks.replace("2026-0", "05/10/2026 0")


@sheet(
    "sheet without a status",
    "the column 'Status' is called 'Kommentar'",
    REFUSED,
    "'Kommentar'",
    "tables.yml",
    before=UNKNOWN,
)
def _(clean: CleanFiles) -> str:
    return clean.marks.replace("Status", "Kommentar", 1)


@sheet("marks with a BOM and semicolons", "as spreadsheets in half of Europe save", READ_RIGHT)
def _(clean: CleanFiles) -> bytes:
    return clean.marks.replace(",", ";").encode("utf-8-sig")


@sheet(
    "marks with CR line ends", "as old Macs wrote them", READ_RIGHT, before="missed: no line was loaded, without a word"
)
def _(clean: CleanFiles) -> str:
    return clean.marks.replace("\n", "\r")


@sheet(
    "half a row of marks",
    "cut in the middle of line 300",
    REFUSED,
    "line 300",
    "cut off",
    before="line 300 quarantined, and the rest of the file missing without a word",
)
def _(clean: CleanFiles) -> str:
    lines = clean.marks.splitlines()
    return "\n".join([*lines[:299], lines[299][:12]])


@sheet("archive instead of marks", "a zip called marks.csv", REFUSED, "zip archive", "unpack", before=UNKNOWN)
def _(_: CleanFiles) -> bytes:
    return b"PK\x03\x04" + bytes(100)


@reasons("reasons without a date", "the key 'date' is missing", REFUSED, "absence", "date", before=UNKNOWN)
def _(clean: CleanFiles) -> bytes:
    return clean.reasons.replace(b'"date"', b'"day"')


@reasons("reasons nested a million deep", "a million opening brackets", REFUSED, "absence reasons", before=UNKNOWN)
def _(_: CleanFiles) -> bytes:
    return b"[" * 1_000_000


@reasons(
    "2 GB of JSON",
    "the beginning of a list, and a hole up to 2 GB",
    REFUSED,
    "at most",
    before="the whole file was read into memory before it was refused",
)
def _(clean: CleanFiles) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(clean.reasons[:100])
            stream.truncate(2 * 1024**3)

    return write


def run_attendance_faults(folder: Path) -> list[Result]:
    """Let each faulty file be recognised, looked through and read as a run would, without a database."""
    contract = load_contract()
    made = folder / "clean"
    made.mkdir()
    first, *_ = write_sample(QUARTER, made, contract.daily_report, 1, date(2026, 7, 1))
    found = {path.name: path for path in write_student_sample(QUARTER, made, 1, date(2026, 11, 1))}
    long = next(path for name, path in found.items() if "_long_" in name)
    told = next(path for name, path in found.items() if path.suffix == ".json")
    clean = CleanFiles(first.read_bytes(), long.read_text(), told.read_bytes())
    rows = {
        "drop.xml": _rows(first, contract),
        "marks.csv": _rows(long, contract),
        "reasons.json": _rows(told, contract),
    }
    results = []
    for number, fault in enumerate(FAULTS):
        result = Result(fault)
        path = fault.write(clean, folder / str(number))
        try:
            examined = examine(path, contract, path.name, 1)
            read = _rows(path, contract)
            result.outcome = WARNED if examined.remarks else READ_RIGHT
            result.said = [*examined.remarks, f"{examined.row_count:,} rows read as {examined.kind}."]
            if result.outcome is READ_RIGHT and read != rows[fault.file]:
                result.wrong.append("other rows than those of the clean file")
        except QuarterdeckError as error:
            result.outcome, result.said = REFUSED, [str(error)]
        path.unlink()
        result.compare()
        results.append(result)
    return results


def _rows(path: Path, contract: Contract) -> list[dict[str, object]]:
    def blocks() -> Iterator[pa.Table]:
        kind = KINDS[examine(path, contract, path.name, 1).kind]
        yield from kind.blocks(path, contract, QUARTER, 1)

    return sorted((row for block in blocks() for row in block.to_pylist()), key=str)
