"""What the witnesses of all domains share: an edition's downloads read back, figures out of DuckDB, and the verdict."""

import csv
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
from pyarrow import parquet

from orchestration.core.errors import QuarterdeckError
from orchestration.core.figures import FigureId, Shown
from orchestration.core.postgres import Database
from orchestration.core.site_format import plain

Figures = Mapping[tuple[str, ...], Mapping[str, Any]]
"""Of a table: by a row's quarter and key, the columns' values."""


@dataclass(frozen=True)
class Table:
    """A table of the edition: what its rows are told apart by, after the quarter, and which of its columns have a witness.

    made_of: of what pages make and show of the quarters that they are of, the table that they make it of; empty where it is a
    table of its own, of which all must be shown. reaches: of which quarters it tells beside its own: the one that was loaded before
    it, or all before it. drawn_on: the page on which the browser makes it of the page's data, as the filters are set; such a
    figure is nowhere in the files.
    """

    key: Sequence[str]
    columns: Sequence[str]
    made_of: str = ""
    reaches: Literal["own", "before", "all"] = "own"
    drawn_on: str = ""

    def quarters_of(self, quarter: str, loaded: Iterable[str]) -> list[str]:
        """The quarters that a row of this quarter tells of, oldest first."""
        known = sorted(one for one in loaded if one <= quarter)
        return known[{"own": -1, "before": -2, "all": 0}[self.reaches] :]


@dataclass(frozen=True)
class SourceFile:
    """A file that a quarter of the edition is made of, as the database's receipt has it."""

    quarter: str
    name: str
    source_file_id: str
    sha256: str
    received_at: str


def source_files(database: Database, domain: str, made_of: Iterable[tuple[str, str]]) -> list[SourceFile]:
    """The files with these ids, each with its quarter.

    Raises:
        QuarterdeckError: the database knows one of them no more.
    """
    with database.connect() as connection:
        receipts = {
            row[0]: row[1:]
            for row in connection.execute(
                "select source_file_id, name, sha256, received_at::text from platform.landing_files where domain = %s",
                (domain,),
            )
        }
    files = []
    for quarter, source_file_id in made_of:
        if source_file_id not in receipts:
            raise QuarterdeckError(
                f"{quarter} is made of file {source_file_id}, of which the database has no receipt. "
                "Restore the backup of that time, or publish the pages anew."
            )
        name, sha256, received_at = receipts[source_file_id]
        files.append(SourceFile(quarter, name, source_file_id, sha256, received_at))
    return files


@dataclass(frozen=True)
class Verdict:
    """figures: all that are shown and have a witness. places: how often they are shown. differing: those of another value, with
    the recomputed one. damaged: files that do not open, with the reason. resting: the figures that could not be recomputed
    for it. without: numbers that have no witness, by where they are.
    """  # noqa: D205

    figures: int
    places: int
    differing: list[tuple[Shown, Any]]
    damaged: list[tuple[SourceFile, str]]
    resting: set[FigureId]
    without: Mapping[str, int]


def judge(
    domain: str,
    shown: Sequence[Shown],
    known: Mapping[str, Figures],
    tables: Mapping[str, Table],
    damaged: list[tuple[SourceFile, str]],
    quarters: Collection[str],
    without: Mapping[str, int],
) -> Verdict:
    """Compare what is shown with what was recomputed.

    quarters: those of the edition.
    """
    broken = {file.quarter for file, _ in damaged}
    differing: list[tuple[Shown, Any]] = []
    resting: set[FigureId] = set()
    for one in shown:
        figure = one.figure
        if broken and broken.intersection(tables[figure.table].quarters_of(figure.quarter, quarters)):
            resting.add(figure)
            continue
        # What no line gives is a count of none.
        recomputed = known[figure.table].get((figure.quarter, *figure.key), {}).get(figure.column, 0)
        if not one.agrees(recomputed):
            differing.append((one, recomputed))
    figures = {one.figure for one in shown}
    gone = [
        (Shown(figure, "nowhere", None), value)
        for table, rows in known.items()
        if not tables[table].made_of
        for (quarter, *key), columns in rows.items()
        for column, value in columns.items()
        if (figure := FigureId(domain, quarter, table, tuple(key), column)) not in figures
    ]
    return Verdict(len(figures) + len(gone), len(shown), differing + gone, damaged, resting, without)


def figures_of(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, key: Sequence[str] | None = None
) -> Figures:
    """Every figure of a table or view with a `quarter`; those of one row, where its quarter and key are given."""
    names = ", ".join(["quarter", *table.key, *table.columns])
    where = row_condition(["quarter", *table.key]) if key else "true"
    found = connection.execute(f"select {names} from {name} where {where}", key or ()).fetchall()  # noqa: S608
    width = 1 + len(table.key)
    return {
        tuple("" if part is None else str(part) for part in row[:width]): dict(
            zip(table.columns, row[width:], strict=True)
        )
        for row in found
    }


def row_condition(columns: Sequence[str]) -> str:
    """SQL's condition for the row whose values in these columns are the parameters, as text; the empty one is a missing value."""
    return " and ".join(f"coalesce({column}::varchar, '') = ?" for column in columns)


def download_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a download as the CSV has them; `folder` is the one of the part's pages."""
    with (folder / "downloads" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def downloaded(domain: str, folder: Path, known: Mapping[str, Table], without: Counter[str]) -> Iterator[Shown]:
    """Every figure of a part's downloads that has a witness; `without` counts the other numbers."""
    for path in sorted((folder / "downloads").glob("*.csv")):
        name, table = path.stem, known.get(path.stem, Table([], []))
        rows = download_rows(folder, name)
        for row in rows:
            for column, text in row.items():
                if column in table.columns:
                    value = json.loads(text) if text else None
                    key = tuple(row[part] for part in table.key)
                    yield Shown(FigureId(domain, row["quarter"], name, key, column), f"{name}.csv", value)
                elif column not in (*table.key, "source_file_id") and _is_number(text):
                    without[f"{name}.{column}"] += 1
        if table.columns:
            columns = parquet.read_table(path.with_suffix(".parquet")).to_pydict()
            for place in range(len(rows)):
                key = tuple(as_text(columns[part][place]) for part in table.key)
                for column in table.columns:
                    figure = FigureId(domain, columns["quarter"][place], name, key, column)
                    yield Shown(figure, f"{name}.parquet", plain(columns[column][place]))


def as_text(value: Any) -> str:
    """A part of a figure's key."""
    known = plain(value)
    return "" if known is None else str(known)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
