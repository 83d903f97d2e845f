"""Profile a file's columns: types, missing and distinct values, ranges, distributions, likely personal data.

Everything is worked out from one form, a column as *distinct value -> rows that have it*: what is known in that form
(`profile_counts`) costs nothing to speak of, and rows in blocks (`profile_tables`) are counted into it first.

A profile holds no value of a column that may tell one person from another: see `ColumnProfile.values`.
Why no profiling library: docs/catalog.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from orchestration.core.profile_personal import DIRECT_IDENTIFIER, Personal, likely_personal

if TYPE_CHECKING:
    import pyarrow as pa

    from orchestration.core.profile_counting import Counted

ColumnType = Literal["empty", "integer", "decimal", "date", "text"]

CATEGORY_LIMIT = 50
"""A column of at most so many distinct values is a category, whose values are kept with their rows."""

TYPE_SHARE = 0.95
"""A column is of a type when at least this share of its values is; the others are `misfits`."""

FORM = 1
"""Of a profile as JSON; to be raised when its fields change, so that nobody reads one of an older form."""

HISTOGRAM_BINS = 10
QUANTILES = tuple(step / 20 for step in range(21))

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[./-]\d{1,2}[./-]\d{4}")


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds.

    missing: rows without a value, or with nothing but spaces. distinct: values but for the missing one, an estimate
    where `is_estimate`. misfits: rows whose value is not of `type`. padded: rows whose value has spaces around it.
    minimum, maximum, mean: of numbers; dates have the first two, as ISO text. quantiles: of numbers, at `QUANTILES`.
    histogram: of numbers, rows in `HISTOGRAM_BINS` bins of equal width from minimum to maximum. values: each value's rows,
    for a category that is no direct identifier. longest: characters of the longest value.
    Nothing of a direct identifier's values is kept. beside: of a measure, how far it is from another one in each group of
    rows, beside the difference of all rows; by the other's name and the group.
    """

    name: str
    type: ColumnType
    missing: int
    distinct: int
    is_estimate: bool
    misfits: int
    padded: int
    longest: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    quantiles: tuple[float, ...] | None = None
    histogram: tuple[int, ...] | None = None
    values: dict[str, int] | None = None
    personal: Personal | None = None
    beside: dict[str, dict[str, float]] | None = None


@dataclass(frozen=True)
class Profile:
    """A file's profile: its rows, its columns in the file's order, and how it is written, such as 'utf-8, comma, LF'."""

    row_count: int
    columns: tuple[ColumnProfile, ...]
    written: str = ""

    def as_json(self) -> dict[str, Any]:
        """The profile as plain values, for a table or a page."""
        return {"form": FORM, **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Profile:
        """Read what `as_json` gave, after its way through JSON."""
        columns = tuple(_column_from_json(column) for column in content["columns"])
        return cls(content["row_count"], columns, content.get("written", ""))


def _column_from_json(content: Mapping[str, Any]) -> ColumnProfile:
    lists = {name: tuple(content[name]) for name in ("quantiles", "histogram") if content[name] is not None}
    personal = Personal(**content["personal"]) if content["personal"] else None
    # The database keeps the keys of an object in an order of its own.
    values = content["values"] and _ranked(content["values"])
    return ColumnProfile(**{**content, **lists, "values": values, "personal": personal})


def _ranked(values: Mapping[str, float]) -> dict[str, int]:
    """Values with their rows, the most frequent first."""
    return {value: round(rows) for value, rows in sorted(values.items(), key=lambda item: (-item[1], item[0]))}


def profile_counts(columns: Mapping[str, Mapping[str | None, float]], row_count: int) -> Profile:
    """Profile columns given as the number of rows of each distinct value; None is a missing one.

    Rows that a column does not count (lines with a wrong number of fields) have no value in it.
    """
    return Profile(
        row_count,
        tuple(_profile_column(name, counts, row_count, None) for name, counts in columns.items()),
    )


def profile_tables(tables: Iterable[pa.Table], names: Mapping[str, str]) -> Profile:
    """Profile columns of a stream of Arrow tables, block by block, in bounded memory.

    names: the tables' text columns to profile, each with the name to give it.
    """
    from orchestration.core.profile_counting import ColumnCounter

    counters = {column: ColumnCounter() for column in names}
    row_count = 0
    for table in tables:
        row_count += table.num_rows
        for column, counter in counters.items():
            counter.add(table[column])
    return profile_counted({names[column]: counter.result() for column, counter in counters.items()}, row_count)


def profile_counted(columns: Mapping[str, Counted], row_count: int) -> Profile:
    """Profile columns that were counted as they went by."""
    return Profile(
        row_count,
        tuple(_profile_column(name, counted.counts, row_count, counted.distinct) for name, counted in columns.items()),
    )


def joined(first: Profile, *others: Profile) -> Profile:
    """Profiles of different columns of the same file as one."""
    return Profile(first.row_count, tuple(column for part in (first, *others) for column in part.columns))


def _profile_column(
    name: str, counts: Mapping[str | None, float], row_count: int, distinct: int | None
) -> ColumnProfile:
    present: dict[str, float] = {}
    padded = 0.0
    for value, rows in counts.items():
        text = value.strip() if value is not None else ""
        if text:
            present[text] = present.get(text, 0) + rows
            padded += rows * (text != value)
    total = sum(present.values())
    is_estimate = distinct is not None
    distinct = min(distinct, round(total)) if distinct is not None else len(present)
    type_, fitting = _type_of(present, total)
    personal = likely_personal(name, type_, list(present), distinct, round(total))
    profile = ColumnProfile(
        name=name,
        type=type_,
        missing=row_count - round(total),
        distinct=distinct,
        is_estimate=is_estimate,
        misfits=round(total - sum(rows for _, rows in fitting)),
        padded=round(padded),
        longest=max(map(len, present), default=0),
        personal=personal,
    )
    if personal is not None and personal.personal == DIRECT_IDENTIFIER:
        return profile
    shown: dict[str, Any] = _range_of(type_, fitting)
    if distinct <= CATEGORY_LIMIT and 2 * distinct <= total and type_ != "empty":
        shown["values"] = _ranked(present)
    return replace(profile, **shown)


def _type_of(present: Mapping[str, float], total: float) -> tuple[ColumnType, list[tuple[str, float]]]:
    """The first type that nearly all values are of, and those values with their rows."""
    patterns: Sequence[tuple[ColumnType, re.Pattern[str]]] = (
        ("integer", _INTEGER),
        ("decimal", _DECIMAL),
        ("date", _DATE),
    )
    for type_, pattern in patterns if total else ():
        fitting = [(value, rows) for value, rows in present.items() if pattern.fullmatch(value)]
        if sum(rows for _, rows in fitting) >= TYPE_SHARE * total:
            return type_, fitting
    return ("text" if total else "empty"), list(present.items())


def _range_of(type_: ColumnType, fitting: Sequence[tuple[str, float]]) -> dict[str, Any]:
    if type_ == "date":
        days = [value[:10] for value, _ in fitting if _is_iso_date(value[:10])]
        # A day such as 03/04/2026 is another one on the other side of an ocean, so it has no place in an order.
        return {"minimum": min(days), "maximum": max(days)} if len(days) == len(fitting) else {}
    if type_ not in ("integer", "decimal"):
        return {}
    read: type[int] | type[float] = int if type_ == "integer" else float
    merged: dict[float, float] = {}
    for value, rows in fitting:
        merged[read(value)] = merged.get(read(value), 0) + rows
    numbers = sorted(merged)
    weights = [merged[number] for number in numbers]
    total = sum(weights)
    low, high = numbers[0], numbers[-1]
    width = (high - low) / HISTOGRAM_BINS
    bins = [0.0] * HISTOGRAM_BINS
    for number, rows in zip(numbers, weights, strict=True):
        bins[min(HISTOGRAM_BINS - 1, int((number - low) / width)) if width else 0] += rows
    return {
        "minimum": low,
        "maximum": high,
        "mean": round(sum(number * rows for number, rows in zip(numbers, weights, strict=True)) / total, 4),
        "quantiles": _quantiles(numbers, weights),
        "histogram": tuple(round(rows) for rows in bins),
    }


def _quantiles(numbers: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """The smallest number that at least the given share of the rows does not exceed (the inverse of the distribution)."""
    cumulated = list(accumulate(weights))
    found = []
    for share in QUANTILES:
        # The sums of an estimate are no whole numbers, so the last may fall a little short of the share.
        reached = (place for place, rows in enumerate(cumulated) if rows >= share * cumulated[-1] * (1 - 1e-12))
        found.append(numbers[next(reached)])
    return tuple(found)


def _is_iso_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def quantiles(column: ColumnProfile) -> tuple[float, ...]:
    """The quantiles of a column of numbers."""
    assert column.quantiles is not None
    return column.quantiles


def is_numeral(value: str) -> bool:
    """Whether the text is a number."""
    return bool(_DECIMAL.fullmatch(value))
