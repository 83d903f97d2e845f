"""Whether the external edition says what the received files give.

Its counts are rounded and hidden on purpose, so none can be compared with a recomputed one. The edition is made once more instead,
of the witness's figures in the place of the marts', and both are read as an outsider would.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from orchestration.core.disclosure_reading import SiteReading, read_site
from orchestration.core.figures import FigureId, Shown
from orchestration.core.witness import Figures, SourceFile, Table, Verdict, as_text, judge

EDITION = "external"


def recomputed(frame: pd.DataFrame, table: Table, figures: Figures) -> pd.DataFrame:
    """A table's rows with the witness's values in the columns that it knows; what no line gives is a count of none."""
    keys = [tuple(map(as_text, row)) for row in frame[["quarter", *table.key]].itertuples(index=False)]
    known = {
        column: [figures.get(key, {}).get(column, 0) for key in keys] for column in table.columns if column in frame
    }
    return frame.assign(**known)


def verify_external(site: Path, rebuilt: Iterable[Path], damaged: list[tuple[SourceFile, str]]) -> Verdict:
    """Compare every figure of the edition with those of the parts that were made again."""
    reading = read_site(site)
    shown = list(_figures(reading, site.name))
    known: dict[str, dict[tuple[str, ...], dict[str, str]]] = {one.figure.table: {} for one in shown}
    for part in rebuilt:
        for one in _figures(read_site(part), ""):
            figure = one.figure
            rows = known.setdefault(figure.table, {})
            rows.setdefault((figure.quarter, *figure.key), {})[figure.column] = one.value
    tables = dict.fromkeys(known, Table([], []))
    return judge(EDITION, shown, known, tables, damaged, {one.figure.quarter for one in shown}, {})


def _figures(reading: SiteReading, place: str) -> Iterator[Shown]:
    """What is said of each cell, wherever it is said: counts, shares and means, and that something is hidden."""
    said: dict[FigureId, set[str]] = {}
    for figure in reading.figures:
        cell = figure.cell
        key = (cell.population, *(word for pair in cell.group for word in pair), cell.category)
        if figure.count is not None:
            column, value = "student_count", f"{figure.count:,}"
        elif figure.share is not None:
            column, value = "student_pct", f"{figure.share[0]:g} to {figure.share[1]:g}"
        else:
            column, value = "student_count", "hidden"
        said.setdefault(FigureId(EDITION, cell.quarter, cell.measure, key, column), set()).add(value)
    for mean in reading.means:
        key = tuple(word for pair in mean.group for word in pair)
        low, high = mean.bounds
        said.setdefault(FigureId(EDITION, mean.quarter, mean.measure, key, "mean_score"), set()).add(
            f"{low:g} to {high:g}"
        )
    for figure_id, values in said.items():
        yield Shown(figure_id, place, "; ".join(sorted(values)))
