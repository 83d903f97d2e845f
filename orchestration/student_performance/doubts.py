"""What a person should look at in a file of exam results by itself, in sentences that name the column, the fault, the remedy.

These are values that the contract does not know, with what they look like; single ones are left to the quarantine.
A file with doubts is used all the same. `against_earlier.py` compares it with the files of other quarters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestration.core.profile import is_numeral
from orchestration.student_performance.arrival import Arrival
from orchestration.student_performance.contract import Demographic, ScoreBounds, normalise_header

SHARE = 0.01
"""Share of the rows from which on unexpected values are said beside the quarantine; fewer are single errors."""
REPEATED_SHARE, REPEATED_ROWS = 0.005, 3
"""A number outside the scale that so many rows share stands for something else."""
NAMED = 3

_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    rf"(\d{{1,2}}[-. /]({_MONTH})[a-z]*|({_MONTH})[a-z]*"
    r"[-. /]\d{1,4})([-. /]\d{2,4})?|\d{4}-\d{2}-\d{2}.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_PERCENT = re.compile(r"[\d.,]+\s*%")


def unexpected_values(arrival: Arrival) -> list[str]:
    """What the values look like that the contract does not know, and what is unreadable. The rows are quarantined in any case."""
    found = [*_unreadable(arrival), *_repeated_header(arrival)]
    for part in arrival.contract.demographics:
        found += _categories(part, arrival)
    for subject in arrival.contract.subjects:
        found += _scores(subject.column, arrival.values[subject.column], arrival.contract.score)
    return found


def _unreadable(arrival: Arrival) -> Iterator[str]:
    if arrival.dialect.first_null_line is not None:
        yield (
            f"The file holds null bytes, the first in line {arrival.dialect.first_null_line:,}; they are shown as "
            f"\N{REPLACEMENT CHARACTER}, and values with one are not accepted. Export the file again."
        )
    if lines := arrival.unreadable_id_lines:
        shown = ", ".join(f"{line:,}" for line in lines[:NAMED]) + (", ..." if len(lines) > NAMED else "")
        yield (
            "Column student_id holds characters that could not be read (null bytes or a damaged encoding) in line "
            f"{shown}: these students will not be recognised in other quarters. Export the file again."
        )


def _repeated_header(arrival: Arrival) -> Iterator[str]:
    columns = [arrival.values[subject.column] for subject in arrival.contract.subjects]
    headers = set(map(normalise_header, arrival.dialect.header))
    times = min(sum(rows for value, rows in column.items() if normalise_header(value) in headers) for column in columns)
    if times:
        yield (
            f"The header stands again among the rows ({times:,} times; the quarantine has the lines): files were put "
            "together. Load each quarter's file by itself."
        )


def _categories(part: Demographic, arrival: Arrival) -> Iterator[str]:
    listed = set(part.values)
    headers = set(map(normalise_header, arrival.dialect.header))
    unknown = {
        value: rows
        for value, rows in arrival.values[part.name].items()
        if listed and value.strip() and value not in listed and normalise_header(value) not in headers
    }
    rows = sum(unknown.values())
    if rows < SHARE * arrival.row_count:
        return
    expected = ", ".join(part.values[:NAMED]) + (" ..." if len(part.values) > NAMED else "")
    shown = f"column {part.name} holds {named(unknown)} in {rows:,} rows, where {expected} are expected"
    others = [
        other.name
        for other in arrival.contract.demographics
        if other is not part and sum(count for value, count in unknown.items() if value in other.values) >= 0.8 * rows
    ]
    spelled = {normalise_header(value): value for value in part.values}
    alike = {value: spelled[normalise_header(value)] for value in unknown if normalise_header(value) in spelled}
    if others:
        yield f"{_upper(shown)}: these are values of {others[0]}, so the columns or their headers are swapped. Put them right."
    elif alike:
        value, meant = next(iter(alike.items()))
        yield f"{_upper(shown)}: '{value}' is '{meant}' in another spelling. Write it as contract.yml does."
    elif all(is_numeral(value.strip()) for value in unknown):
        yield (
            f"{_upper(shown)}: the categories are written as numbers. Export them as words; which number means which "
            "is not guessed."
        )
    elif any(_DATE.fullmatch(value.strip()) for value in unknown):
        yield f"{_upper(shown)}: a spreadsheet has turned a range such as 5 - 10 into a date. Export the column as text."
    else:
        yield f"{_upper(shown)}. Correct them at the source, or list them in contract.yml if they are right."


def _scores(column: str, values: Mapping[str, int], bounds: ScoreBounds) -> Iterator[str]:
    total = sum(values.values())
    texts = {value.strip(): rows for value, rows in values.items() if value.strip()}
    numbers = {value: rows for value, rows in texts.items() if re.fullmatch(r"[+-]?\d{1,15}(\.\d{0,15})?", value)}
    outside = {value: rows for value, rows in numbers.items() if not bounds.minimum <= float(value) <= bounds.maximum}
    if outside:
        value, rows = max(outside.items(), key=lambda item: item[1])
        tenth = all(float(text) / 10 <= bounds.maximum for text in outside)
        if rows >= max(REPEATED_ROWS, REPEATED_SHARE * total) and rows >= 0.8 * sum(outside.values()):
            yield (
                f"Column {column} is {value} in {rows:,} rows, which is outside {bounds.minimum:g} to "
                f"{bounds.maximum:g} and probably stands for a missing score. Leave such fields empty."
            )
        elif tenth and sum(outside.values()) >= 0.5 * total:
            yield (
                f"Column {column} goes up to {max(map(float, outside)):g}, on a scale of {bounds.minimum:g} to "
                f"{bounds.maximum:g}: its scores are ten times too high, so a decimal point was lost. Export them in "
                "points."
            )
    others = {value: rows for value, rows in texts.items() if value not in numbers}
    rows = sum(others.values())
    if rows < max(REPEATED_ROWS, SHARE * total):
        return
    shown = f"Column {column} holds {named(others)} in {rows:,} rows, where a number is expected"
    if sum(count for value, count in others.items() if _DECIMAL_COMMA.fullmatch(value)) >= 0.8 * rows:
        yield f"{shown}: these are decimal commas. Export the scores with a decimal point."
    elif sum(count for value, count in others.items() if _PERCENT.fullmatch(value)) >= 0.8 * rows:
        yield f"{shown}: export the scores without the sign %."
    elif any(_DATE.fullmatch(value) for value in others):
        yield f"{shown}: a spreadsheet has turned a value such as 5 - 10 into a date. Export the column as text."
    else:
        yield f"{shown}. Correct them at the source."


def named(values: Mapping[str, int]) -> str:
    """The most frequent values, as text that does nothing to a terminal or a page."""
    ranked = sorted(values, key=lambda value: (-values[value], value))
    shown = ", ".join(ascii_safe(value) for value in ranked[:NAMED])
    return shown + (f" and {len(ranked) - NAMED} more" if len(ranked) > NAMED else "")


def ascii_safe(value: str) -> str:
    """A value in quotes, without control characters, and not too long."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value.strip())
    return f"'{text[:40]}{'...' if len(text) > 40 else ''}'"


def _upper(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
