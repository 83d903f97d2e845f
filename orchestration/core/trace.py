"""What a single figure rests on: where it is shown, its query, the files and lines, and the checks that let them in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core.errors import QuarterdeckError
from orchestration.core.figures import FigureId, Shown
from orchestration.core.postgres import Database
from orchestration.core.witness import SourceFile, Table


@dataclass(frozen=True)
class Trace:
    """What a figure rests on. lines: by file, the lines that are counted in it; checks: by zone, what let the file in, and who."""

    shown: list[Shown]
    recomputed: Any
    query: str
    lines: list[tuple[SourceFile, list[int]]]
    checks: list[tuple[str, str, list[str], str]]


def places_of(figure: FigureId, shown: Iterable[Shown], site: Path, tables: Mapping[str, Table]) -> list[Shown]:
    """Where the edition shows the figure; one that the browser makes is on its page when the filters are set to it.

    Raises:
        QuarterdeckError: nowhere.
    """
    if found := [one for one in shown if one.figure == figure]:
        return found
    table = tables.get(figure.table, Table([], []))
    if table.drawn_on and figure.column in table.columns and len(figure.key) == len(table.key):
        return [Shown(figure, table.drawn_on, "what the filters give")]
    raise QuarterdeckError(
        f"{site} shows no figure {figure}. The ids are in its pages' data-figure attributes; see docs/verify.md."
    )


def query_of(figure: FigureId, table: Table, relations: Mapping[str, str], quarters: Sequence[str]) -> str:
    """The query that gives the figure, or the rows that a page makes it of.

    relations: by table of the edition, the mart or platform table that it is. quarters: those that the figure tells of.
    """
    relation = relations[table.made_of or figure.table]
    conditions = [
        f"quarter in ({', '.join(map(_quoted, quarters))})" if len(quarters) > 1 else f"quarter = '{quarters[0]}'"
    ]
    if relation.startswith("platform."):
        conditions.insert(0, f"domain = '{figure.domain}'")
    if not table.made_of:
        conditions += [
            f"{column} = {_quoted(part)}" if part else f"{column} is null"
            for column, part in zip(table.key, figure.key, strict=True)
        ]
    what = "*" if table.made_of else figure.column
    return f"select {what} from {relation} where {' and '.join(conditions)}"  # noqa: S608 - shown, not run


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def checks_of(database: Database, domain: str, files: Iterable[SourceFile]) -> list[tuple[str, str, list[str], str]]:
    """Quarter, zone, checks passed, and who promoted the file when, from zone to zone."""
    with database.connect() as connection:
        return [
            (file.quarter, zone, checks, f"{promoted_by}, {promoted_at:%Y-%m-%d %H:%M}")
            for file in files
            for zone, checks, promoted_by, promoted_at in connection.execute(
                """
                select zone, checks_passed, promoted_by, promoted_at from platform.promotions
                where domain = %s and quarter = %s and source_file_id = %s order by promoted_at, array_position(
                    array['landing', 'raw', 'trusted', 'curated', 'product'], zone
                )
                """,
                (domain, file.quarter, file.source_file_id),
            )
        ]
