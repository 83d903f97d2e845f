"""Faults of archives as Kaggle sends them."""

import io
import zipfile
from pathlib import Path

from orchestration.core.archives import take_table
from orchestration.core.errors import QuarterdeckError
from orchestration.faults.exam_files import zipped
from orchestration.faults.fault import Fault, Outcome, Result, register

FAULTS: list[Fault] = []
TABLE = b'"gender","math score"\n"female","72"\n'
fault = register(FAULTS, "archive.zip")


@fault(
    "path that climbs out of the zip",
    "an archive with ../../results.csv",
    Outcome.REFUSED,
    "leads out of the archive",
    "../../results.csv",
    before="missed: the client's own unpacking put the file into the folder, and it was loaded",
)
def _(table: bytes) -> bytes:
    return zipped(table, "../../results.csv")


@fault(
    "zip bomb from outside",
    "an archive of 0.3 MB with a table of 300 MB",
    Outcome.REFUSED,
    "would unpack",
    "300,000,000",
    before="missed: it was unpacked to the disk",
)
def _(_: bytes) -> bytes:
    return zipped(bytes(300_000_000))


@fault("archive cut off", "its last third is missing", Outcome.REFUSED, "not a whole zip archive")
def _(table: bytes) -> bytes:
    whole = zipped(table * 100)
    return whole[: len(whole) * 2 // 3]


@fault("archive with two tables", "last year's table lies beside this year's", Outcome.REFUSED, "one CSV", "holds 2")
def _(table: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("2025.csv", "2026.csv"):
            archive.writestr(name, table)
    return buffer.getvalue()


def run_archive_faults(folder: Path) -> list[Result]:
    """Take the table out of each faulty archive."""
    results = []
    for number, one in enumerate(FAULTS):
        result = Result(one)
        path = one.write(TABLE, folder / str(number))
        target = folder / f"unpacked {number}"
        target.mkdir()
        try:
            take_table(path, target, path.name)
            result.outcome = Outcome.READ_RIGHT
        except QuarterdeckError as error:
            result.outcome, result.said = Outcome.REFUSED, [str(error)]
        if list(target.iterdir()) or {entry.name for entry in folder.iterdir()} - {
            str(known) for known in range(number + 1)
        } - {f"unpacked {known}" for known in range(number + 1)}:
            result.wrong.append("something was unpacked")
        result.compare()
        results.append(result)
    return results
