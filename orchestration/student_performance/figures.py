"""Ids of the figures of exam results."""

from typing import Any

from orchestration.core.figures import FigureId
from orchestration.core.site_format import plain
from orchestration.student_performance.ingest import DOMAIN


def figure_of(table: str, quarter: str, column: str, *key: Any) -> FigureId:
    """Id of a column's value in a quarter's row with this key; `table` is named as its download is."""
    return FigureId(
        DOMAIN, quarter, table, tuple("" if plain(part) is None else str(plain(part)) for part in key), column
    )
