"""Read every number of a built site as an outsider would: tables, prose and payloads of pages, and every file beside them.

What a number is of is told by the site itself: by the columns of a download, and in a page by `data-` attributes of the
element around it (docs/disclosure.md). A number that is of nothing, and that no label, bound or stated rule of the site
explains, is kept as not understood: an outsider might understand it.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestration.core.disclosure import ALL, STUDENTS, Cell, Figure, Group, Interval, Mean, Scheme
from orchestration.core.disclosure_page import PageNumbers, numbers_in
from orchestration.core.site_parts import MANIFEST_NAME

CORE_FOLDER = Path(__file__).parent
# Columns that say what a row is of, or explain it; every other text column is part of the measure, the last the category.
_PLACE = ("quarter", "population", "dimension", "dimension_value")
_EXPLAINING = ("sum_of", "note")
_BOUNDS = ("lower_bound", "upper_bound")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_BLURRED = re.compile(r"(>|<|over|under)\s*(\d+)")


@dataclass
class SiteReading:
    """What was read: figures and means, how categories belong together, and what could not be placed.

    facts: what the site says of its own rules. strange: places with numbers that are of nothing known.
    """

    figures: list[Figure] = field(default_factory=list)
    means: list[Mean] = field(default_factory=list)
    sums: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    scores: dict[str, dict[str, Interval]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    numbers_read: int = 0
    explained: set[float] = field(default_factory=set)
    _labels: set[str] = field(default_factory=set)
    _placed: set[tuple[Cell, str, str]] = field(default_factory=set)
    _rows: dict[tuple[object, ...], int] = field(default_factory=dict)  # with how many numbers they have

    def schemes(self) -> dict[str, Scheme]:
        """How the categories of each measure belong together."""
        return {name: Scheme(self.sums.get(name, {}), self.scores.get(name, {})) for name in {*self.sums, *self.scores}}

    def explain(self, *texts: str) -> None:
        """Take the numbers of labels, bounds and rules as explained, wherever else they stand."""
        for text in set(texts) - self._labels:
            self._labels.add(text)
            self.explained |= {value for value, _ in numbers_in(text)}

    def place(self, cell: Cell, kind: str, text: str) -> None:
        """Take one figure: its kind is `student_count`, `student_pct` or `mean_score`, its text as it was published."""
        found = numbers_in(text)
        self.numbers_read += len(found)
        # Most figures stand in a page and in two files.
        if (cell, kind, text) in self._placed:
            return
        self._placed.add((cell, kind, text))
        self.explain(cell.measure, cell.category, *(word for pair in cell.group for word in pair))
        blurred = _BLURRED.search(text)
        if blurred:
            limit = float(blurred[2])
            share = (limit, 100.0) if blurred[1] in (">", "over") else (0.0, limit)
            self.figures += [Figure(cell), Figure(cell, share=share)]
            return
        if kind == "mean_score":
            self.means += [
                Mean(cell.quarter, cell.group, cell.measure, (value - half, value + half)) for value, half in found
            ]
        elif not found:
            self.figures.append(Figure(cell))
        for value, half in found if kind != "mean_score" else ():
            if kind == "student_count" and value == int(value):
                self.figures.append(Figure(cell, count=int(value)))
            else:
                self.figures.append(Figure(cell, share=(max(value - half, 0.0), min(value + half, 100.0))))


def read_site(folder: Path) -> SiteReading:
    """Read a built site; nothing but its files is looked at.

    Raises FileNotFoundError when the folder holds no finished build.
    """
    folder = folder.resolve()
    reading = SiteReading()
    manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    rules = [part["disclosure"] for part in manifest.get("parts", {}).values() if "disclosure" in part]
    # Where parts were built by different rules, the attacker takes the finest.
    reading.facts = {name: min(part[name] for part in rules if name in part) for part in rules for name in part}
    reading.explain(json.dumps(rules), str(manifest.get("quarter", "")))
    tables: list[tuple[str, list[dict[str, str]]]] = []
    pages: list[tuple[str, PageNumbers]] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv":
            tables.append((name, list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))))
        elif path.suffix == ".parquet":
            tables.append((name, _parquet_rows(path)))
        elif path.suffix == ".html":
            page = PageNumbers.of(path)
            pages.append((name, page))
            tables += _json_tables(reading, name, page.payloads)
        elif path.suffix == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            if name == MANIFEST_NAME:
                content = {key: value for key, value in content.items() if key not in ("files", "disclosure")}
            tables += _json_tables(reading, name, [content])
        elif not _is_shipped(path):
            reading.strange.append(f"{name}: neither a file that can be read nor one that this version ships")
    dimensions = {row["dimension"] for _, rows in tables for row in rows if row.get("dimension")} - {ALL}
    for name, rows in tables:
        _read_table(reading, name, rows, dimensions)
    for _, page in pages:
        for cell, kind, text in page.figures:
            reading.place(cell, kind, text)
    for name, page in pages:
        for text in page.prose:
            _check_prose(reading, name, text)
    return reading


def _is_shipped(path: Path) -> bool:
    """Whether a script, style or picture is, byte for byte, one that Quarterdeck brings: those hold no data."""
    shipped = CORE_FOLDER.parent.glob(f"*/static/{path.name}")
    return any(path.read_bytes() == known.read_bytes() for known in shipped)


def _parquet_rows(path: Path) -> list[dict[str, str]]:
    from pyarrow import parquet

    return [
        {key: "" if value is None else str(value) for key, value in row.items()}
        for row in parquet.read_table(path).to_pylist()
    ]


def _json_tables(reading: SiteReading, name: str, contents: Iterable[Any]) -> list[tuple[str, list[dict[str, str]]]]:
    """The lists of records in JSON, as tables; every other number in it is not understood."""
    tables = []
    for content in contents:
        if isinstance(content, dict):
            tables += _json_tables(reading, name, content.values())
        elif (
            isinstance(content, list) and content and all(isinstance(row, dict) and "quarter" in row for row in content)
        ):
            tables.append(
                (name, [{key: "" if value is None else str(value) for key, value in row.items()} for row in content])
            )
        elif isinstance(content, list):
            tables += _json_tables(reading, name, content)
        elif isinstance(content, (int, float)) and not isinstance(content, bool):
            reading.numbers_read += 1
            if content not in reading.explained:
                reading.strange.append(f"{name}: {content} in its JSON")
    return tables


def _read_table(reading: SiteReading, name: str, rows: list[dict[str, str]], dimensions: set[str]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    numeric = {column for column in columns if _is_numeric(row[column] for row in rows)}
    figures = {column: kind for column in columns if (kind := _kind(column)) and column in numeric}
    listed = {column for column in columns if any(row[column][:1] in "[{" and row[column] for row in rows)}
    keys = [
        column
        for column in columns
        if column not in {*_PLACE, *_EXPLAINING, *dimensions, *figures, *listed}
        and (column not in numeric or column.endswith("_id"))
    ]
    others = sorted((numeric | listed) - {*figures, *keys, *_BOUNDS, *_PLACE, *dimensions})
    for column in others if "quarter" in columns else sorted(numeric | listed):
        if column.endswith("_order"):
            continue
        found = sum(len(numbers_in(row[column])) for row in rows)
        reading.numbers_read += found
        if found:
            reading.strange.append(f"{name}: {found} numbers of column {column}")
    if "quarter" not in columns:
        return
    for row in rows:
        # Most rows stand in two files.
        told = (*row.items(), *keys, *figures)
        if told not in reading._rows:
            before = reading.numbers_read
            cell = Cell(row["quarter"], _group(row, dimensions), *_measure(row, keys), row.get("population", ""))
            _explain_category(reading, row, cell)
            for column, kind in figures.items():
                _place_column(reading, cell, column, kind, row)
            reading._rows[told] = reading.numbers_read - before
        else:
            reading.numbers_read += reading._rows[told]


def _place_column(reading: SiteReading, cell: Cell, column: str, kind: str, row: Mapping[str, str]) -> None:
    what = column.removesuffix("_count").removesuffix("_pct").removesuffix("_mean_score")
    if what not in ("student", "mean_score"):
        cell = replace(cell, measure=what, category=what)
    text = row[column]
    if not text and kind == "student_count":
        text = row.get("note", "")
    if text or kind == "student_count":
        reading.place(cell, kind, text)


def _explain_category(reading: SiteReading, row: Mapping[str, str], cell: Cell) -> None:
    if row.get("sum_of"):
        reading.sums.setdefault(cell.measure, {})[cell.category] = row["sum_of"].split("; ")
    bounds = [row.get(column, "") for column in _BOUNDS]
    reading.explain(*bounds)
    if all(bounds):
        reading.scores.setdefault(cell.measure, {})[cell.category] = (float(bounds[0]), float(bounds[1]))


def _group(row: Mapping[str, str], dimensions: set[str]) -> Group:
    if row.get("dimension"):
        return () if row["dimension"] == ALL else ((row["dimension"], row["dimension_value"]),)
    return tuple((name, row[name]) for name in sorted(dimensions) if name in row)


def _measure(row: Mapping[str, str], keys: list[str]) -> tuple[str, str]:
    if not keys:
        return STUDENTS, ALL
    return " ".join(row[key] for key in keys[:-1]) or keys[-1], row[keys[-1]]


def _kind(column: str) -> str | None:
    for ending, kind in (("_count", "student_count"), ("_pct", "student_pct"), ("mean_score", "mean_score")):
        if column.endswith(ending):
            return kind
    return None


def _is_numeric(values: Iterable[str]) -> bool:
    filled = [value for value in values if value]
    return all(_NUMBER.fullmatch(value) for value in filled)


def _check_prose(reading: SiteReading, name: str, text: str) -> None:
    found = numbers_in(text)
    reading.numbers_read += len(found)
    if any(value not in reading.explained for value, _ in found):
        reading.strange.append(f"{name}: {' '.join(text.split())[:80]!r}")
