"""Whether a published edition of attendance shows what its received files give."""

from collections import Counter
from pathlib import Path

from orchestration.attendance.contract import load_contract
from orchestration.attendance.ingest import DOMAIN, raw_blocks
from orchestration.attendance.kinds import kind_of
from orchestration.attendance.pages import AREA, NAVIGATION
from orchestration.attendance.witness import TABLES, Witness
from orchestration.core.corrections import laid_over
from orchestration.core.errors import QuarterdeckError
from orchestration.core.figures import read_page
from orchestration.core.landing import assigned_files
from orchestration.core.landing_storage import open_landing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings
from orchestration.core.witness import SourceFile, Verdict, download_rows, downloaded, judge


def verify_edition(site: Path, settings: Settings, database: Database) -> Verdict:
    """Recompute every figure of the part's downloads that has a witness, from the files that its quarters are made of now."""
    folder = site / AREA
    without: Counter[str] = Counter()
    shown = list(downloaded(DOMAIN, folder, TABLES, without))
    for page, _ in NAVIGATION:
        if numbers := read_page(site / page).numbers_without_id:
            without[f"{page}: the page's text and tables"] = numbers
    witness = Witness(settings.academic_year_start_month)
    damaged: list[tuple[SourceFile, str]] = []
    for quarter in sorted({row["quarter"] for row in download_rows(folder, "row_accounts")}):
        damaged += _read(witness, Quarter.parse(quarter), settings, database)
    broken = {file.quarter for file, _ in damaged}
    known = {table: witness.figures(table) for table in TABLES}
    return judge(DOMAIN, shown, known, damaged, dict.fromkeys(TABLES, broken), without)


def _read(witness: Witness, quarter: Quarter, settings: Settings, database: Database) -> list[tuple[SourceFile, str]]:
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
