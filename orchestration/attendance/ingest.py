"""From files to `attendance_raw`: recognise each by its content, keep it, and load a quarter's rows as text.

Students' ids become pseudonyms on the way, the same that exam results have, so that both can be joined by them.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa

from orchestration.attendance.contract import Contract
from orchestration.attendance.kinds import RAW_TABLES, Examined, Kind, examine, kind_of
from orchestration.attendance.profiling import FileProfiler
from orchestration.attendance.sample import write_sample
from orchestration.attendance.student_files import by_value
from orchestration.attendance.student_sample import write_student_sample
from orchestration.core import sources
from orchestration.core.corrections import CORRECTIONS, laid_over
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import CORRECTIONS_PART, LandedFile, Source, assign, assigned_files, land
from orchestration.core.landing_storage import open_landing
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.profile_store import record_profile
from orchestration.core.pseudonyms import Pseudonyms, open_pseudonyms
from orchestration.core.raw_tables import replacing_quarter
from orchestration.core.settings import Settings
from orchestration.core.storage import open_file

DOMAIN = "attendance"
STUDENT_ID = "student_id"


@dataclass(frozen=True)
class Received:
    """A file as it was received, and what a look through it found."""

    landed: LandedFile
    examined: Examined


@contextmanager
def fetched(source: str, quarters: Sequence[Quarter], settings: Settings, contract: Contract) -> Iterator[list[Path]]:
    """The source's files, on disk for as long as the block lasts: the sample of the quarters, a folder's files, or one file.

    Raises:
        QuarterdeckError: the source holds no file.
    """
    with tempfile.TemporaryDirectory(prefix="quarterdeck-") as folder, ExitStack() as opened:
        if source == "sample":
            start, today = settings.academic_year_start_month, datetime.now(UTC).date()
            yield [
                path
                for quarter in quarters
                for path in (
                    *write_sample(quarter, Path(folder), contract.daily_report, start, today),
                    *write_student_sample(quarter, Path(folder), start, today),
                )
            ]
        elif Path(source).is_dir():
            files = sorted(path for path in Path(source).iterdir() if path.is_file() and not path.name.startswith("."))
            if not files:
                raise QuarterdeckError(f"{source}: the folder holds no file.")
            yield files
        else:
            storage, key = open_file(source, settings)
            yield [opened.enter_context(storage.local_copy(key))]


def look_through(paths: Sequence[Path], settings: Settings, contract: Contract) -> list[Examined]:
    """What each file is.

    Raises:
        QuarterdeckError: one is no attendance file, or cannot be read whole.
    """
    return [examine(path, contract, path.name, settings.academic_year_start_month) for path in paths]


def receive(
    database: Database, settings: Settings, source: str, quarters: Sequence[Quarter], contract: Contract
) -> list[Received]:
    """Fetch the source's files, refuse all if one is none of the contract, keep them and assign them to these quarters.

    A file takes the place of the one that told the same part of the quarter before, such as the same day's report.

    Raises:
        QuarterdeckError: the source fails or a file is refused; then nothing has changed.
    """
    kind: Source = "sample" if source == "sample" else "file"
    with fetched(source, quarters, settings, contract) as paths:
        found = look_through(paths, settings, contract)
        landing = open_landing(settings)
        received = []
        with writing(database) as connection:
            _take_out_others(connection, quarters, kind)
            for path, examined in zip(paths, found, strict=True):
                landed = land(connection, landing, DOMAIN, path, kind)
                for quarter, part in examined.quarters.items():
                    if quarter in quarters:
                        assign(connection, DOMAIN, quarter, landed.source_file_id, _keyed(part, settings, database))
                received.append(Received(landed, examined))
        return received


def _keyed(part: str, settings: Settings, database: Database) -> str:
    """The part as it is recorded: what is a hash of students' ids is hashed once more, with the key of pseudonyms.

    Ids are few and easily guessed: by a hash without a key they could be found by trying.
    """
    kind, _, mark = part.partition(":")
    return f"{kind}:{open_pseudonyms(settings, database).of(mark)[:12]}" if kind_of(part).tells_of_students else part


def remarks_on(received: Sequence[Received]) -> str | None:
    """The remarks on files that are new: the first, and of how many more files there is one."""
    remarks = [remark for file in received if file.landed.is_new for remark in file.examined.remarks]
    if not remarks:
        return None
    return remarks[0] + (f" The same holds for {len(remarks) - 1} more files." if len(remarks) > 1 else "")


def _take_out_others(connection: psycopg.Connection, quarters: Sequence[Quarter], kind: Source) -> None:
    """Sample and real files never make up a quarter together."""
    connection.execute(
        """
        delete from platform.quarter_files using platform.landing_files
        where quarter_files.source_file_id = landing_files.source_file_id and quarter_files.domain = %s
            and quarter = any(%s) and source <> %s and not starts_with(part, %s)
        """,
        (DOMAIN, [str(quarter) for quarter in quarters], kind, CORRECTIONS_PART),
    )


def load_raw(database: Database, settings: Settings, quarter: Quarter, contract: Contract) -> dict[str, int]:
    """Replace the quarter's rows of every raw table, where the models run, by those of its files, and profile these.

    Returns:
        The number of rows by raw table.
    """
    with database.connect() as connection:
        files = assigned_files(connection, open_landing(settings), DOMAIN, quarter)
    corrections = laid_over(database, settings, DOMAIN, quarter)
    profilers: dict[str, FileProfiler] = {}

    def blocks_of(raw_table: str) -> Iterator[pa.Table]:
        for part, landed in files.items():
            kind = kind_of(part)
            if kind.raw_table == raw_table:
                profiler = profilers[landed.source_file_id] = FileProfiler(kind.name)
                beside = corrections.get(landed.source_file_id, {})
                yield from raw_blocks(database, settings, quarter, contract, kind, landed, beside, profiler.counted)

    with replacing_quarter(database, settings, DOMAIN, quarter) as fill:
        counts = {name: fill(table, blocks_of(name)) for name, table in RAW_TABLES.items()}
    with database.connect() as connection:
        for source_file_id, profiler in profilers.items():
            record_profile(connection, DOMAIN, profiler.kind, str(quarter), source_file_id, profiler.profile())
    return counts


def raw_blocks(
    database: Database,
    settings: Settings,
    quarter: Quarter,
    contract: Contract,
    kind: Kind,
    landed: LandedFile,
    corrections: Mapping[int, Mapping[str, str]],
    counted: Callable[[Iterator[pa.Table]], Iterator[pa.Table]] = lambda blocks: blocks,
) -> Iterator[pa.Table]:
    """The rows of a received file that tell of the quarter, as they go into its raw table, with pseudonyms.

    corrections: of the file, by line and column. counted: looks at the blocks before students' ids are replaced.
    """

    def blocks() -> Iterator[pa.Table]:
        with landed.local_copy() as path:
            for block in counted(kind.blocks(path, contract, quarter, settings.academic_year_start_month)):
                file = pa.repeat(landed.source_file_id, block.num_rows)
                beside = _corrections_of(block, corrections)
                yield block.append_column("source_file_id", file).append_column(CORRECTIONS, beside)

    return _pseudonymised(blocks(), settings, database)


def _corrections_of(block: pa.Table, by_line: Mapping[int, Mapping[str, str]]) -> pa.Array:
    """Beside each row: a JSON object of its corrected values, null for nearly all.

    A class sheet's line has many rows: a correction of one of its days is that of the day's mark, others are of all its rows.
    """
    texts: list[str | None] = [None] * block.num_rows
    if by_line:
        lines = np.asarray(block["source_line"])
        for place in np.flatnonzero(np.isin(lines, list(by_line))).tolist():
            row = {name: block[name][place].as_py() for name in block.column_names}
            values = {
                "mark" if column == row.get("source_column") else column: value
                for column, value in by_line[int(lines[place])].items()
                if column in row or column == row.get("source_column")
            }
            texts[place] = json.dumps(values) if values else None
    return pa.array(texts, pa.string())


def _pseudonymised(blocks: Iterator[pa.Table], settings: Settings, database: Database) -> Iterator[pa.Table]:
    """The blocks with pseudonyms in place of students' ids; an id without the blanks around it, none where nothing is left."""
    known: dict[str, str | None] = {}
    pseudonyms: Pseudonyms | None = None

    def pseudonym(identifier: str) -> str | None:
        assert pseudonyms is not None
        if identifier not in known:
            known[identifier] = pseudonyms.of(text) if (text := identifier.strip()) else None
        return known[identifier]

    for block in blocks:
        if STUDENT_ID in block.column_names:
            pseudonyms = pseudonyms or open_pseudonyms(settings, database)
            place = block.schema.get_field_index(STUDENT_ID)
            block = block.set_column(place, STUDENT_ID, by_value(block[STUDENT_ID], pseudonym))
        yield block


def require_source(source: str, settings: Settings) -> str:
    """Refuse a source that is neither a word nor a file or folder; returns its word, absolute path or URL.

    Raises:
        QuarterdeckError: there is no such file or folder, or its store fails.
    """
    if source == "kaggle":
        raise QuarterdeckError("Attendance does not come from Kaggle: give a file, a folder of files, or sample.")
    if Path(source).is_dir():
        return str(Path(source).absolute())
    return sources.require_source(source, settings, ("auto", "sample"))


def resolve_source(requested: str, settings: Settings) -> tuple[str, str | None]:  # noqa: ARG001 - as for every domain
    """What `auto` means: the sample, with the sentence that says so; any other source is itself."""
    if requested != "auto":
        return requested, None
    return "sample", "No attendance file was given, so the built-in SAMPLE is used. These are not real schools."
