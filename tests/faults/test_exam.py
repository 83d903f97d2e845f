"""Every fault ends as it must and is named, and forty clean quarters are quiet: the exam that `quarterdeck faults` prints."""

from pathlib import Path

import pytest

from orchestration.faults import archive_files, attendance_files, exam_rows
from orchestration.faults.archive_files import run_archive_faults
from orchestration.faults.attendance_files import run_attendance_faults
from orchestration.faults.drill import run_exam_faults
from orchestration.faults.fault import NAMED, Fault, Outcome, Result
from orchestration.faults.quiet import alarms_of_clean_quarters

ALL = [*exam_rows.FAULTS, *attendance_files.FAULTS, *archive_files.FAULTS]
DELIVERED = {
    "Git LFS pointer", "HTML page", "truncated file", "half a row", "byte order mark", "UTF-16", "Windows-1252", "CR line ends",
    "quoted newlines", "semicolons", "every row wrapped in quotes", "swapped columns", "swapped columns of one type",
    "shifted decimals", "scores out of 1", "column renamed", "column dropped", "column doubled", "categories as integers",
    "missing scores as -1", "missing scores as 999", "last quarter's file again", "the file thirty times", "empty quarter",
    "ids turned into 2.1E+18", "'5 - 10' turned into a date", "null byte in a score", "2 GB line", "zip bomb",
    "path that climbs out of the zip", "formula injection", "markup in a category", "the same file under two names",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    found = [
        *run_exam_faults(),
        *run_attendance_faults(tmp_path_factory.mktemp("attendance")),
        *run_archive_faults(tmp_path_factory.mktemp("archives")),
    ]
    return {result.fault.name: result for result in found}


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_a_fault_ends_as_it_must_and_is_named(results: dict[str, Result], fault: Fault) -> None:
    result = results[fault.name]
    assert result.wrong == [], result.said
    assert all("\n" not in sentence for sentence in result.said)


def test_every_fault_that_deliveries_have_is_among_them() -> None:
    names = [fault.name for fault in ALL]
    assert len(names) == len(set(names))
    assert DELIVERED - set(names) == set()
    assert sum(fault.before != NAMED for fault in ALL) >= 30


def test_a_fault_that_is_not_named_is_found(results: dict[str, Result]) -> None:
    one = results["scores out of 1"]
    unnamed = Result(one.fault, Outcome.READ_RIGHT, ["600 lines read."])
    unnamed.compare()
    assert unnamed.wrong == ["it should be refused", "'out of 1' is not said"]


@pytest.mark.parametrize("with_faults", [False, True])
def test_forty_clean_quarters_are_quiet(tmp_path: Path, with_faults: bool) -> None:
    assert alarms_of_clean_quarters(tmp_path, 1000 if with_faults else 400, with_faults=with_faults) == []
