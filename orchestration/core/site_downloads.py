"""Write the tables behind the pages as CSV and Parquet, with spreadsheet formulas defused in the CSV."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
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


def csv_text(frame: pd.DataFrame) -> str:
    """Return a frame as CSV text: missing values empty, lists and objects as JSON, formulas defused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([defused(str(column)) for column in frame.columns])
    for row in frame.astype(object).itertuples(index=False, name=None):
        writer.writerow([_cell(value) for value in row])
    return buffer.getvalue()


def _cell(value: Any) -> str:
    value = plain(value)
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
    csv_path.write_text(csv_text(frame), encoding="utf-8", newline="")
    parquet.write_table(_table(frame), parquet_path, compression="zstd")
    return Download(
        name=name,
        title=title,
        csv_path=f"downloads/{csv_path.name}",
        csv_bytes=csv_path.stat().st_size,
        parquet_path=f"downloads/{parquet_path.name}",
        parquet_bytes=parquet_path.stat().st_size,
        row_count=len(frame),
    )


def _table(frame: pd.DataFrame) -> pa.Table:
    """Objects are kept as JSON text: their keys differ from row to row, which no fixed structure type can hold."""
    columns = {}
    for column in frame.columns:
        values = [plain(value) for value in frame[column].astype(object)]
        if any(isinstance(value, dict) for value in values):
            values = [None if value is None else json.dumps(value, sort_keys=True, default=str) for value in values]
        if any(isinstance(value, float) for value in values):
            values = [float(value) if isinstance(value, int) else value for value in values]
        columns[str(column)] = pa.array(values)
    return pa.table(columns)
