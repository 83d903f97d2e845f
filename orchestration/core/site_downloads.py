"""Write the tables behind the pages as CSV and Parquet, with spreadsheet formulas defused in the CSV."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from orchestration.core.site_format import plain

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Download:
    """One table offered for download: its file names, sizes in bytes and number of rows."""

    name: str
    title: str
    csv_path: str
    csv_bytes: int
    parquet_path: str
    parquet_bytes: int
    row_count: int


def defused(cell: str) -> str:
    """Return a CSV cell that no spreadsheet runs as a formula: a leading apostrophe, unless the cell is a number.

    The starts are those of OWASP's page on CSV injection.
    """
    if not cell.startswith(FORMULA_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(column): plain(frame[column].tolist()) for column in frame.columns}


def _csv(columns: dict[str, list[Any]]) -> str:
    """Missing values empty, lists and objects as JSON, formulas defused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(defused, columns))
    writer.writerows(zip(*map(_cells, columns.values()), strict=True))
    return buffer.getvalue()


def _cells(values: list[Any]) -> Iterable[Any]:
    """A column's values as the CSV writer is given them, which knows numbers and missing values itself."""
    kinds = set(map(type, values))
    if kinds <= {int, float, NoneType}:
        return values
    if kinds <= {str, NoneType}:
        # The same few quarters, groups and names stand in every row.
        return map({value: _cell(value) for value in set(values)}.__getitem__, values)
    return map(_cell, values)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return defused(value)
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        return defused(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    if isinstance(value, datetime):
        return value.isoformat()
    return defused(str(value))


def write_download(folder: Path, name: str, title: str, frame: pd.DataFrame) -> Download:
    """Write `<name>.csv` and `<name>.parquet` into folder/downloads and describe them."""
    target = folder / "downloads"
    target.mkdir(parents=True, exist_ok=True)
    csv_path, parquet_path = target / f"{name}.csv", target / f"{name}.parquet"
    columns = _columns(frame)
    csv_path.write_text(_csv(columns), encoding="utf-8", newline="")
    parquet.write_table(_table(columns), parquet_path, compression="zstd")
    return Download(
        name=name,
        title=title,
        csv_path=f"downloads/{csv_path.name}",
        csv_bytes=csv_path.stat().st_size,
        parquet_path=f"downloads/{parquet_path.name}",
        parquet_bytes=parquet_path.stat().st_size,
        row_count=len(frame),
    )


def _table(columns: dict[str, list[Any]]) -> pa.Table:
    """Objects are kept as JSON text: their keys differ from row to row, which no fixed structure type can hold."""
    arrays = {}
    for column, values in columns.items():
        kinds = set(map(type, values))
        if dict in kinds:
            values = [None if value is None else json.dumps(value, sort_keys=True, default=str) for value in values]
        if float in kinds and kinds & {int, bool}:
            values = [float(value) if isinstance(value, int) else value for value in values]
        arrays[column] = pa.array(values)
    return pa.table(arrays)
