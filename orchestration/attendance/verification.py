"""Whether a published edition of attendance shows what its received files give, and what a single figure rests on."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from orchestration.attendance.contract import load_contract
from orchestration.attendance.external_pages import build_external_pages
from orchestration.attendance.ingest import DOMAIN, raw_blocks
from orchestration.attendance.kinds import kind_of
from orchestration.attendance.pages import AREA, NAVIGATION, SCHOOL_FIGURES
from orchestration.attendance.pages_input import PAGE_MARTS, PagesData
from orchestration.attendance.publish import pages_frames
from orchestration.attendance.witness import TABLES, Witness
from orchestration.core.corrections import laid_over
from orchestration.core.errors import QuarterdeckError
from orchestration.core.external_witness import recomputed
from orchestration.core.figures import FigureId, Shown, read_page
from orchestration.core.landing import assigned_files
from orchestration.core.landing_storage import open_landing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.roles import Role
from orchestration.core.settings import Settings
from orchestration.core.trace import Trace, checks_of, places_of, query_of
from orchestration.core.witness import SourceFile, Verdict, download_rows, downloaded, judge, source_files

STUDENTS_AT_ONCE = 50_000


def verify_edition(site: Path, settings: Settings, database: Database) -> Verdict:
    """Recompute every figure of the part that has a witness, from the files that its quarters are made of now."""
    shown, without = _read_edition(site)
    witness, damaged = read_witness(_quarters(site), settings, database)
    known = {name: witness.figures(name) for name, table in TABLES.items() if not table.drawn_on}
    return judge(DOMAIN, shown, known, TABLES, damaged, {one.figure.quarter for one in shown}, without)


def rebuild_external(
    internal: Path, settings: Settings, database: Database, folder: Path
) -> list[tuple[SourceFile, str]]:
    """Make the part of the external edition once more, of recomputed figures; the files that do not open, with the reason.

    internal: the internal edition that was published with it.
    """
    quarters = _quarters(internal)
    witness, damaged = read_witness(quarters, settings, database)
    with database.as_role(Role.PUBLISHER).connect() as connection:
        frames = pages_frames(connection, quarters)
    for name, table in TABLES.items():
        if name in frames:
            frames[name] = recomputed(frames[name], table, witness.figures(name))
    data = PagesData(run_id="", built_at=datetime.now(UTC), **frames)
    build_external_pages(data, settings.disclosure_rules, folder)
    return damaged


def trace_figure(figure: FigureId, site: Path, settings: Settings, database: Database) -> Trace:
    """What the figure rests on: the mart's query, files and lines, checks and runs.

    Raises:
        QuarterdeckError: the edition shows no such figure, or a file of it does not open.
    """
    shown = places_of(figure, _read_edition(site)[0], site, TABLES)
    witness, damaged = read_witness([figure.quarter], settings, database)
    if damaged:
        raise QuarterdeckError(damaged[0][1])
    key = (figure.quarter, *figure.key)
    by_file: dict[str, list[int]] = {}
    for source_file_id, line in witness.lines_of(figure.table, key):
        by_file.setdefault(source_file_id, []).append(line)
    files = source_files(database, DOMAIN, [(figure.quarter, source_file_id) for source_file_id in by_file])
    files.sort(key=lambda file: file.name)
    recomputed = witness.figures(figure.table, key).get(key, {}).get(figure.column, 0)
    relations = {name: f"{DOMAIN}_marts.{mart}" for mart, name in PAGE_MARTS.items()}
    relations["row_accounts"] = "platform.row_accounts"
    query = query_of(figure, TABLES[figure.table], relations, [figure.quarter])
    lines = [(file, by_file[file.source_file_id]) for file in files]
    return Trace(shown, recomputed, query, lines, checks_of(database, DOMAIN, files))


def _read_edition(site: Path) -> tuple[list[Shown], Counter[str]]:
    """Every figure of the downloads, the pages and the data that they draw from; how many numbers have no id, by place."""
    folder, without = site / AREA, Counter[str]()
    if not (folder / "downloads" / "row_accounts.csv").is_file():
        raise QuarterdeckError(
            f"{site} is no internal edition with attendance. Name the folder of published pages, such as .quarterdeck/site."
        )
    shown = list(downloaded(DOMAIN, folder, TABLES, without))
    for page, _ in NAVIGATION:
        read = read_page(site / page)
        shown += [Shown(FigureId.parse(text_id), page, text, is_text=True) for text_id, text in read.figures]
        for school in read.payload.get("schools", ()):
            for name, column in SCHOOL_FIGURES.items():
                figure = FigureId(DOMAIN, school["quarter"], "schools", (school["code"],), column)
                shown.append(Shown(figure, page, school[name]))
        if read.numbers_without_id:
            without[f"{page}: words and labels"] = read.numbers_without_id
    return shown, without


def _quarters(site: Path) -> list[str]:
    return sorted({row["quarter"] for row in download_rows(site / AREA, "row_accounts")})


def read_witness(
    quarters: Iterable[str], settings: Settings, database: Database
) -> tuple[Witness, list[tuple[SourceFile, str]]]:
    """The witness with the rows of the quarters' files; and the files that do not open, with the reason."""
    witness = Witness(settings.academic_year_start_month)
    damaged = [
        one for quarter in quarters for one in _read_quarter(witness, Quarter.parse(quarter), settings, database)
    ]
    _read_exam_segments(witness, database)
    return witness, damaged


def _read_quarter(
    witness: Witness, quarter: Quarter, settings: Settings, database: Database
) -> list[tuple[SourceFile, str]]:
    """Give the witness the quarter's rows; the files that do not open, with the reason."""
    with database.connect() as connection:
        files = assigned_files(connection, open_landing(settings), DOMAIN, quarter)
    corrections = laid_over(database, settings, DOMAIN, quarter)
    damaged = []
    for part, landed in files.items():
        kind, beside = kind_of(part), corrections.get(landed.source_file_id, {})
        try:
            for block in raw_blocks(database, settings, quarter, load_contract(), kind, landed, beside):
                witness.take(kind.raw_table, str(quarter), block)
        except QuarterdeckError as error:
            file = SourceFile(str(quarter), landed.name, landed.source_file_id, landed.sha256, "")
            damaged.append((file, str(error)))
    return damaged


def _read_exam_segments(witness: Witness, database: Database) -> None:
    """Give the witness the segments of the students of the exam results, where there are any."""
    query = """
        select quarter, student_id, cluster_id from student_performance_marts.fct_labeled_results
        where has_own_id and quarter in (select quarter from attendance_marts.rpt_attendance_by_segment)
    """
    with (
        suppress(psycopg.errors.UndefinedTable),
        database.connect() as connection,
        connection.cursor("exam_segments", withhold=True) as cursor,
    ):
        cursor.execute(query)
        while rows := cursor.fetchmany(STUDENTS_AT_ONCE):
            witness.take_exam_segments(rows)
