"""Whether a published edition of exam results shows what its received files give, and what a single figure rests on."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from orchestration.core.corrections import read_corrections
from orchestration.core.errors import QuarterdeckError
from orchestration.core.external_witness import recomputed
from orchestration.core.figures import FigureId
from orchestration.core.landing import assigned_corrections, received_key
from orchestration.core.landing_storage import open_landing
from orchestration.core.page_frames import mart_frames
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.roles import Role
from orchestration.core.settings import Settings
from orchestration.core.trace import Trace, checks_of, places_of, query_of
from orchestration.core.witness import SourceFile, Verdict, download_rows, judge, source_files
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.external import external_quarters
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.ingest import DOMAIN, office_aliases
from orchestration.student_performance.pages_input import PAGE_MARTS, PLATFORM_TABLES
from orchestration.student_performance.publish import pages_data
from orchestration.student_performance.shown_figures import read_edition
from orchestration.student_performance.witness import Witness, tables


def verify_edition(site: Path, settings: Settings, database: Database) -> Verdict:
    """Recompute every figure of an internal edition that has a witness.

    Raises:
        QuarterdeckError: the folder is no internal edition, or the database knows a quarter's file no more.
    """
    contract = load_contract(settings.contract)
    _require_edition(site)
    edition = read_edition(site, contract)
    witness, damaged = read_witness(site, settings, database)
    known = {name: witness.figures(name) for name, table in tables(contract).items() if not table.drawn_on}
    return judge(DOMAIN, edition.figures, known, tables(contract), damaged, edition.quarters, edition.without)


def rebuild_external(
    internal: Path, settings: Settings, database: Database, folder: Path
) -> list[tuple[SourceFile, str]]:
    """Make the part of the external edition once more, of recomputed figures; the files that do not open, with the reason.

    internal: the internal edition that was published with it.
    """
    contract = load_contract(settings.contract)
    _require_edition(internal)
    witness, damaged = read_witness(internal, settings, database)
    quarters = [row["quarter"] for row in download_rows(internal, "quarters")]
    with database.as_role(Role.PUBLISHER).connect() as connection:
        frames = mart_frames(connection, DOMAIN, PAGE_MARTS, quarters)
    for name, table in tables(contract).items():
        if name in frames:
            frames[name] = recomputed(frames[name], table, witness.figures(name))
    # The edition shows nothing of these.
    frames |= dict.fromkeys((*PLATFORM_TABLES, "dictionary"), pd.DataFrame())
    data = pages_data(contract, run_id="", built_at=datetime.now(UTC), **frames)
    rules = settings.disclosure_rules
    if told := external_quarters(data, rules):
        build_external_pages(data, told, rules, folder)
    return damaged


def trace_figure(figure: FigureId, site: Path, settings: Settings, database: Database) -> Trace:
    """What the figure rests on: the mart's query, files and lines, checks and runs.

    Raises:
        QuarterdeckError: the edition shows no such figure, or a file of it does not open.
    """
    contract = load_contract(settings.contract)
    _require_edition(site)
    edition = read_edition(site, contract)
    shown = places_of(figure, edition.figures, site, tables(contract))
    table = tables(contract)[figure.table]
    quarters = table.quarters_of(figure.quarter, edition.quarters)
    files = [file for file in _source_files(site, database) if file.quarter in quarters]
    witness, damaged = read_witness(site, settings, database, files)
    if damaged:
        raise QuarterdeckError(damaged[0][1])
    key = (figure.quarter, *figure.key)
    found = witness.lines_of(figure.table, key)
    lines = [(file, [line for quarter, line in found if quarter == file.quarter]) for file in files]
    recomputed = witness.figures(figure.table, key).get(key, {}).get(figure.column, 0)
    relations = {name: f"{DOMAIN}_marts.{mart}" for mart, name in PAGE_MARTS.items()}
    # A row of a table of its own is of one quarter, whatever it compares.
    query = query_of(figure, table, relations, quarters if table.made_of else [figure.quarter])
    return Trace(shown, recomputed, query, lines, checks_of(database, DOMAIN, files))


def _require_edition(site: Path) -> None:
    if not (site / "downloads" / "score_ranges.csv").is_file() or not (site / "segments.html").is_file():
        raise QuarterdeckError(
            f"{site} is no internal edition of exam results. Name the folder of published pages, such as .quarterdeck/site."
        )


def _source_files(site: Path, database: Database) -> list[SourceFile]:
    return source_files(
        database, DOMAIN, [(row["quarter"], row["source_file_id"]) for row in download_rows(site, "quarters")]
    )


def read_witness(
    site: Path, settings: Settings, database: Database, files: Iterable[SourceFile] | None = None
) -> tuple[Witness, list[tuple[SourceFile, str]]]:
    """The witness with the lines of the edition's files, or of these; and the files that do not open, with the reason."""
    segments = pd.read_csv(site / "downloads" / "segments.csv").astype({"continues_cluster_id": "Int64"})
    witness = Witness(load_contract(settings.contract), office_aliases(settings), segments)
    landing = open_landing(settings)
    damaged = []
    for file in _source_files(site, database) if files is None else files:
        try:
            with landing.local_copy(received_key(DOMAIN, file.sha256), sha256=file.sha256) as path:
                witness.read(file.quarter, path, file.name, _corrections(file, settings, database))
        except QuarterdeckError as error:
            damaged.append((file, str(error)))
    return witness, damaged


def _corrections(file: SourceFile, settings: Settings, database: Database) -> dict[int, dict[str, str]]:
    """What people decided the file's values to be, by line and column."""
    found: dict[int, dict[str, str]] = {}
    with database.connect() as connection:
        kept = assigned_corrections(connection, open_landing(settings), DOMAIN, Quarter.parse(file.quarter))
    for landed in kept:
        with landed.local_copy() as path:
            for correction in read_corrections(path, name=landed.name):
                if (str(correction.quarter), correction.source_file_id) == (file.quarter, file.source_file_id):
                    found.setdefault(correction.line, {})[correction.column] = correction.value
    return found
