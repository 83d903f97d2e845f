"""Say in plain words how a file differs from the last one of its kind; the same two profiles give the same sentences.

What a chance draw of the same students would show as well is not said: a difference must be large enough to matter, by the
thresholds below, and larger than chance by `CHANCE` standard deviations.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from orchestration.core.profile import QUANTILES, ColumnProfile, Profile, is_numeral, quantiles
from orchestration.core.site_format import count, decimal

ROWS_PCT = 5.0
"""A change of the number of rows, in percent, from which on it is called more or fewer."""

MISSING_POINTS = 1.0
"""A change of the share of rows without a value, in percentage points, from which on it is said."""

MODERATE, MAJOR = 0.10, 0.25
"""Population stability index: below the first no shift, above the second a major one (docs/conventions.md)."""

CHANCE = 4.0  # one comparison in thirty thousand
SMALLEST_ROWS = 0.5  # stand in for a share without rows, whose logarithm would be endless
RANGE_SHARE = 0.5
"""How far a column goes beyond its range before, as a share of that range, from which on it is said.

The lowest and highest of a few hundred values wander by a good part of that by chance."""
SIMILAR_NAME = 0.6
SIMILAR_VALUES = 0.8
NAMED_VALUES = 5


def compare(last: Profile, now: Profile) -> list[str]:
    """Sentences on what differs in `now`; the rows come first, and are said always."""
    before, after = ({column.name: column for column in profile.columns} for profile in (last, now))
    lost = [column for name, column in before.items() if name not in after]
    added = [column for name, column in after.items() if name not in before]
    sentences = [_rows(last.row_count, now.row_count)]
    for old, new in _renamed(lost, added):
        lost.remove(old)
        added.remove(new)
        sentences.append(f"`{old.name}` seems to be called `{new.name}` now.")
        sentences += _column(old, new, last.row_count, now.row_count)
    sentences += [f"The column `{column.name}` is gone." for column in lost]
    for column in added:
        warning = f", likely personal data: {column.personal.reason}" if column.personal else ""
        sentences.append(f"The column `{column.name}` is new{warning}.")
    for name in (name for name in before if name in after):
        sentences += _column(before[name], after[name], last.row_count, now.row_count)
    return sentences


def _rows(before: int, after: int) -> str:
    if not before:
        return f"{count(after)} rows after none."
    change = 100 * (after - before) / before
    if abs(change) < ROWS_PCT:
        return f"About as many rows: {count(after)} after {count(before)}."
    if after > 2 * before:
        return f"{decimal(after / before, 1)} times the rows: {count(after)} after {count(before)}."
    return (
        f"{decimal(abs(change), 0)} % {'more' if change > 0 else 'fewer'} rows: {count(after)} after {count(before)}."
    )


def _renamed(
    lost: Sequence[ColumnProfile], added: Sequence[ColumnProfile]
) -> list[tuple[ColumnProfile, ColumnProfile]]:
    """Pairs of a lost and an added column that are alike, the most alike first; each column is in one pair at most."""
    ranked = sorted(
        ((_likeness(old, new), old.name, new.name, old, new) for old in lost for new in added if old.type == new.type),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    pairs: list[tuple[ColumnProfile, ColumnProfile]] = []
    for likeness, _, _, old, new in ranked:
        if likeness and all(old is not one and new is not other for one, other in pairs):
            pairs.append((old, new))
    return pairs


def _likeness(old: ColumnProfile, new: ColumnProfile) -> float:
    """How alike two columns of different names are, 0 for not enough: by their values, or else by their names."""
    if old.type == "text" and old.values and new.values:
        shared = len(old.values.keys() & new.values.keys()) / len(old.values.keys() | new.values.keys())
        return 1 + shared if shared >= SIMILAR_VALUES else 0.0
    ratio = SequenceMatcher(None, old.name.lower(), new.name.lower(), autojunk=False).ratio()
    return ratio if ratio >= SIMILAR_NAME else 0.0


def _column(old: ColumnProfile, new: ColumnProfile, rows_before: int, rows_now: int) -> Iterator[str]:
    name = f"`{new.name}`"
    if old.type != new.type and "empty" not in (old.type, new.type) and {old.type, new.type} != {"integer", "decimal"}:
        yield f"{name} holds {_KINDS[new.type]} now, after {_KINDS[old.type]}."
    yield from _missing(name, old.missing, rows_before, new.missing, rows_now)
    present_before, present = rows_before - old.missing, rows_now - new.missing
    if old.distinct == present_before > 1 and new.distinct < present and not (old.is_estimate or new.is_estimate):
        yield f"{name} repeats values now: {count(new.distinct)} different ones in {count(present)} rows."
    if not (present_before and present):
        return
    # Values of which there may be any number say little one by one; their distribution is compared below.
    if old.type == new.type == "text" and old.values is not None and new.values is not None:
        yield from _new_and_gone(name, old.values, new.values, present)
        yield from _shifted_shares(name, old.values, new.values)
    elif old.type == new.type == "text" and old.values is not None and new.distinct > 2 * old.distinct:
        yield f"{name} has {count(new.distinct)} different values now, after {count(old.distinct)}."
    if old.quantiles and new.quantiles:
        yield from _range(name, old, new)
        yield from _shifted_numbers(name, old, new, present_before, present)


_KINDS = {"integer": "whole numbers", "decimal": "numbers", "date": "dates", "text": "text"}


def _missing(name: str, before: int, rows_before: int, now: int, rows_now: int) -> Iterator[str]:
    if not (rows_before and rows_now):
        return
    old, new = before / rows_before, now / rows_now
    pooled = (before + now) / (rows_before + rows_now)
    chance = CHANCE * math.sqrt(pooled * (1 - pooled) * (1 / rows_before + 1 / rows_now))
    if 100 * abs(new - old) >= MISSING_POINTS and abs(new - old) > chance:
        direction = "more" if new > old else "less"
        yield f"{name} is {direction} often missing: in {_pct(new)} of the rows after {_pct(old)}."


def _new_and_gone(name: str, old: Mapping[str, int], new: Mapping[str, int], present: int) -> Iterator[str]:
    appeared = [value for value in new if value not in old]
    if appeared:
        shown = ", ".join(f"“{value}” ({_in_rows(new[value])})" for value in appeared[:NAMED_VALUES])
        more = f" and {len(appeared) - NAMED_VALUES} more" if len(appeared) > NAMED_VALUES else ""
        yield f"{name} has {'a new value' if len(appeared) == 1 else 'new values'}: {shown}{more}."
    total = sum(old.values())
    # A rare value can be missing by chance: in (1 - its share) to the power of the rows of all files.
    gone = [value for value, rows in old.items() if value not in new and (1 - rows / total) ** present < 0.001]
    if gone:
        shown = ", ".join(f"“{value}”" for value in gone[:NAMED_VALUES])
        more = f" and {len(gone) - NAMED_VALUES} more" if len(gone) > NAMED_VALUES else ""
        yield f"{name} no longer has the value{'s' if len(gone) > 1 else ''} {shown}{more}."


def _in_rows(rows: int) -> str:
    return "1 row" if rows == 1 else f"{count(rows)} rows"


def _shifted_shares(name: str, old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[str]:
    values = [value for value in old if value in new]  # a new or a gone value has its sentence
    before, now = sum(old[value] for value in values), sum(new[value] for value in values)
    if len(values) < 2:
        return
    shares = [(old[value] / before, new[value] / now) for value in values]
    if (shift := _shift(shares, before, now)) is not None:
        moved = max(range(len(values)), key=lambda place: (abs(shares[place][1] - shares[place][0]), -place))
        was, is_ = shares[moved]
        yield f"The shares of {name} have shifted {shift}: “{values[moved]}” is {_pct(is_)} after {_pct(was)}."


def _range(name: str, old: ColumnProfile, new: ColumnProfile) -> Iterator[str]:
    low, high = quantiles(old)[0], quantiles(old)[-1]
    new_low, new_high = quantiles(new)[0], quantiles(new)[-1]
    margin = RANGE_SHARE * (high - low)
    if new_high > high + margin:
        yield f"{name} goes up to {_number(new_high)}, after {_number(high)} at most."
    if new_low < low - margin:
        yield f"{name} goes down to {_number(new_low)}, after {_number(low)} at least."


def _shifted_numbers(
    name: str, old: ColumnProfile, new: ColumnProfile, present_before: int, present: int
) -> Iterator[str]:
    # The tenths of the old file: its own share of each comes from its quantiles, the new one's by interpolation.
    bounds = sorted(set(quantiles(old)[2:-1:2]))
    below = [(_share_up_to(old, bound), _share_up_to(new, bound)) for bound in bounds]
    edges = [(0.0, 0.0), *below, (1.0, 1.0)]
    shares = [(high[0] - low[0], high[1] - low[1]) for low, high in pairwise(edges)]
    if (shift := _shift(shares, present_before, present)) is not None:
        middle = len(QUANTILES) // 2
        medians = (
            f"half of the rows are up to {_number(quantiles(new)[middle])}, after {_number(quantiles(old)[middle])}"
        )
        yield f"{name} has shifted {shift}: {medians}."


def _share_up_to(column: ColumnProfile, bound: float) -> float:
    """Share of the rows that are at most `bound`: counted where the values are known, else between two quantiles."""
    if column.values is not None:
        numbers = [(float(value), rows) for value, rows in column.values.items() if is_numeral(value)]
        return sum(rows for number, rows in numbers if number <= bound) / sum(rows for _, rows in numbers)
    known = quantiles(column)
    place = bisect_right(known, bound)
    if place == 0:
        return 0.0
    if place == len(known):
        return 1.0
    low, high = known[place - 1], known[place]
    return QUANTILES[place - 1] + (QUANTILES[place] - QUANTILES[place - 1]) * (bound - low) / (high - low)


def _shift(shares: Sequence[tuple[float, float]], rows_before: int, rows_now: int) -> str | None:
    """How far shares have shifted, in words, by the population stability index; None where it is small or may be chance.

    Without a shift the index is chi-squared with one degree of freedom less than shares, times (1/n + 1/m) (Yurdakul and
    Naranjo, Statistical properties of the population stability index, 2020).
    """
    smallest = SMALLEST_ROWS / min(rows_before, rows_now)
    index = stability_index([(max(old, smallest), max(new, smallest)) for old, new in shares])
    freedom = len(shares) - 1
    if freedom < 1:
        return None
    # Wilson and Hilferty's approximation of the chi-squared quantile.
    chance = freedom * (1 - 2 / (9 * freedom) + CHANCE * math.sqrt(2 / (9 * freedom))) ** 3
    if index < MODERATE or index <= chance * (1 / rows_before + 1 / rows_now):
        return None
    return f"{'much' if index > MAJOR else 'somewhat'} (stability index {decimal(index, 2)})"


def stability_index(shares: Sequence[tuple[float, float]]) -> float:
    """Population stability index of pairs of positive shares (before, now): the sum of (now - before) ln(now / before)."""
    return sum((new - old) * math.log(new / old) for old, new in shares)


def _pct(share: float) -> str:
    places = 0 if share >= 0.1 else 1
    return f"{decimal(100 * share, places)} %"


def _number(value: float) -> str:
    return decimal(value, 0 if float(value).is_integer() else 2)
