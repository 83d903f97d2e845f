"""From a source to the landing zone: fetch a quarter's file, refuse what is no table of the contract, keep it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from orchestration.core.landing import LandedFile, Source, assign, land
from orchestration.core.landing_storage import open_landing
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.printable import printable
from orchestration.core.settings import Settings
from orchestration.core.storage import open_file
from orchestration.student_performance import kaggle
from orchestration.student_performance.contract import (
    Aliases,
    Contract,
    load_aliases,
)
from orchestration.student_performance.exam_file import read_exam_results
from orchestration.student_performance.sample import write_sample

DOMAIN = "student_performance"
NAMED_COLUMNS = 20


def office_aliases(settings: Settings) -> Aliases:
    """Header names in force: the shipped ones and the office's own."""
    return load_aliases(*([settings.aliases] if settings.aliases else []))


def resolve_source(requested: str, settings: Settings) -> tuple[str, str | None]:
    """What `auto` means just now; any other source is itself.

    Returns:
        The source (`kaggle`, `sample` or a file's path) and, where it is not what was asked for, the reason.
    """
    if requested != "auto":
        return requested, None
    if kaggle.is_reachable(timeout_seconds=settings.kaggle_probe_seconds):
        return "kaggle", None
    return "sample", "Kaggle cannot be reached from here, so the built-in SAMPLE is used. These are not real students."


@contextmanager
def fetched(source: str, quarter: Quarter, settings: Settings, contract: Contract) -> Iterator[tuple[Path, Source]]:
    """The quarter's file from a resolved source, on disk for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder:
        if source == "sample":
            yield write_sample(str(quarter), Path(folder), contract, rows=settings.sample_rows), "sample"
        elif source == "kaggle":
            yield (
                kaggle.download(settings.kaggle_dataset, Path(folder), timeout_seconds=settings.kaggle_timeout_seconds),
                "kaggle",
            )
        else:
            storage, key = open_file(source, settings)
            with storage.local_copy(key) as path:
                yield path, "file"


@dataclass(frozen=True)
class Receipt:
    """A received file, the other quarters made of the very same file, and its columns that the contract does not know."""

    landed: LandedFile
    other_quarters: list[str]
    extra_columns: tuple[str, ...]

    def remarks(self, quarter: Quarter) -> list[str]:
        """What a person should look at, a sentence each."""
        remarks = []
        if self.other_quarters:
            others = ", ".join(self.other_quarters)
            remarks.append(f"{quarter}: {self.landed.name} is also loaded as {others}. Is it the right file?")
        if self.extra_columns:
            names = ", ".join(printable(name[:60]) for name in self.extra_columns[:NAMED_COLUMNS])
            names += f" and {more:,} more" if (more := len(self.extra_columns) - NAMED_COLUMNS) > 0 else ""
            remarks.append(f"{self.landed.name}: kept in landing but not used, since the contract lacks them: {names}.")
        return remarks


def receive(database: Database, settings: Settings, source: str, quarter: Quarter, contract: Contract) -> Receipt:
    """Fetch the quarter's file, refuse it if it is no table of the contract, keep it and assign it to the quarter.

    Raises:
        QuarterdeckError: the source fails or the file is refused; then nothing has changed.
    """
    with fetched(source, quarter, settings, contract) as (path, kind):
        results = read_exam_results(path, contract, office_aliases(settings))
        with writing(database) as connection:
            landed = land(connection, open_landing(settings), DOMAIN, path, kind)
            others = assign(connection, DOMAIN, quarter, landed.source_file_id)
            return Receipt(landed, others, results.mapping.extra_columns)


def file_quarter(path: PurePath) -> Quarter | None:
    """The quarter that an incoming file is for: from its name, else from the folder it lies in."""
    return Quarter.find(path.name) or Quarter.find(path.parent.name)


def received_sentence(landed: LandedFile, quarter: Quarter) -> str:
    """One sentence about what arrived, for logs."""
    new = "received" if landed.is_new else "recognised by its hash as received before"
    return f"{quarter}: {landed.name} ({landed.size:,} bytes, {landed.source}) {new}."
