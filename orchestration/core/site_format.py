"""Turn values into the text that pages show. The same rules, for values computed in the page, are in static/site.js."""

import math
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MISSING = "—"
MINUS = "\u2212"
NO_CHANGE = "±"


def plain(value: Any) -> Any:
    """Return a database or numpy value as plain Python: missing of any kind is None, whole numbers int, others float.

    Lists, dictionaries and dates keep their shape; their members are made plain too.
    """
    # Nearly all values are plain already; a table of a site's downloads has hundreds of thousands.
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if kind is list and set(map(type, value)) <= {int, str}:
        return value
    if isinstance(value, (list, tuple)) or kind.__name__ == "ndarray":
        return [plain(member) for member in value]
    if kind.__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def decimal(value: Any, places: int = 1) -> str:
    """Return a number with `places` decimals and commas by thousands; half rounds away from zero, missing is a dash."""
    number = plain(value)
    if number is None:
        return MISSING
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,}"
    return f"{MINUS}{text}" if rounded < 0 else text


def count(value: Any) -> str:
    """Return a whole number with thousands separated by commas."""
    return decimal(value, 0)


def percent(value: Any, places: int = 1) -> str:
    """Return a percentage given in 0-100."""
    return MISSING if plain(value) is None else f"{decimal(value, places)}%"


def change(value: Any, places: int = 1, unit: str = "") -> str:
    """Return a signed difference, for instance `+1.2 pts`."""
    number = plain(value)
    if number is None:
        return MISSING
    text = decimal(abs(number), places)
    is_zero = not any(digit in "123456789" for digit in text)
    sign = NO_CHANGE if is_zero else ("+" if number > 0 else MINUS)
    return f"{sign}{text}{' ' + unit if unit else ''}"


def duration(seconds: Any) -> str:
    """Return a length of time given in seconds."""
    number = plain(seconds)
    if number is None:
        return MISSING
    if number < 60:
        return f"{decimal(number, 1)} s"
    minutes, rest = divmod(round(number), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(byte_count: Any) -> str:
    """Return a file's size given in bytes (1 KB = 1,000 bytes)."""
    number = plain(byte_count)
    if number is None:
        return MISSING
    if number < 1000:
        return f"{number} bytes"
    if number < 1_000_000:
        return f"{decimal(number / 1000, 0)} KB"
    return (
        f"{decimal(number / 1_000_000, 1)} MB" if number < 1_000_000_000 else f"{decimal(number / 1_000_000_000, 1)} GB"
    )


def money(value: Any, currency: str) -> str:
    """Return an amount with its currency; a small one with four decimals."""
    number = plain(value)
    if number is None:
        return MISSING
    return f"{decimal(number, 2 if number == 0 or number >= 0.1 else 4)} {currency}"


def moment(value: datetime | None) -> str:
    """Return a point in time, in UTC; a time without a zone is taken as UTC."""
    known = plain(value)
    if known is None:
        return MISSING
    if known.tzinfo is not None:
        known = known.astimezone(UTC)
    return f"{known.day} {known:%b %Y, %H:%M} UTC"


def quarter_label(quarter: str) -> str:
    """`2026Q4` as people read it: `2026 Q4`."""
    return f"{quarter[:4]} {quarter[4:]}" if len(quarter) == 6 else quarter


FILTERS = {
    "decimal": decimal,
    "count": count,
    "percent": percent,
    "change": change,
    "duration": duration,
    "size": size,
    "moment": moment,
    "quarter": quarter_label,
}
