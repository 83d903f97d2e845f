"""The built-in sample: daily reports of schools that do not exist, in the shape of the XML drops that an office receives.

Everything follows from the day and the school's number, so a day is the same bytes every time.
"""

import hashlib
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from orchestration.attendance.contract import DailyReportContract
from orchestration.core.partitions import Quarter

SCHOOLS = 40
_BOROUGHS = "KMQRX"
_NAMES = ("Harbour", "Lantern", "Meridian", "Compass", "Beacon", "Anchor", "Tidewater", "Northstar")
_KINDS = ("Primary School", "Middle School", "High School")


def write_sample(
    quarter: Quarter, folder: Path, contract: DailyReportContract, start_month: int, today: date
) -> list[Path]:
    """Write one drop a weekday of the quarter, up to today, into the folder; returns the files.

    A quarter that has no weekday yet gets a drop with nothing but the total, as an office sends on a day off.
    """
    first = quarter.first_day(start_month)
    last = min(quarter.plus(1).first_day(start_month) - timedelta(days=1), today)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    school_days = [day for day in days if day.weekday() < 5]
    return [_write_day(day, folder, contract, has_schools=True) for day in school_days] or [
        _write_day(first, folder, contract, has_schools=False)
    ]


def _write_day(day: date, folder: Path, contract: DailyReportContract, *, has_schools: bool) -> Path:
    rows = [_school(number, day) for number in range(1, SCHOOLS + 1)] if has_schools else []
    reported = [float(row["attendance_pct"]) for row in rows if row["attendance_pct"] != "NS"]
    total = sum(reported) / len(reported) if reported else 0.0
    rows.append(
        {
            "school_code": "TOTAL",
            "attendance_pct": f"{total:.2f}",
            "location_code": "",
            "school_name": "SAMPLE TOTAL FOR TODAY",
            "borough": "",
            "district": "",
        }
    )
    items = []
    for row in rows:
        texts = {**row, "day": day.strftime(contract.day_format)}
        fields = "".join(f"<{tag}>{escape(texts[column])}</{tag}>" for column, tag in contract.fields.items())
        items.append(f"<{contract.item}>{fields}</{contract.item}>")
    text = f'<?xml version="1.0" encoding="utf-8"?><{contract.root}>{"".join(items)}</{contract.root}>'
    path = folder / f"daily_report_sample_{day}.xml"
    # One school's name holds a raw control byte, as in the real drops.
    path.write_bytes(text.encode().replace(b"SAMPLE Anchor", b"SAMPLE \x1aAnchor", 1))
    return path


def _share(*parts: object) -> float:
    """A number in [0, 1) that the parts decide."""
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _school(number: int, day: date) -> dict[str, str]:
    base = 97 - 14 * _share("school", number) ** 1.7
    weekday = {0: -0.8, 4: -2.2}.get(day.weekday(), 0.0)
    weather = -9 * max(0.0, _share("weather", day) - 0.9) * 10
    noise = 3 * (_share("noise", number, day) - 0.5)
    percentage = max(0.0, min(100.0, base + weekday + weather + noise))
    borough = _BOROUGHS[number % len(_BOROUGHS)]
    district = f"{number % 6 + 1:02d}"
    return {
        "school_code": f"{district}{borough}{number:03d}",
        "attendance_pct": "NS" if _share("missing", number, day) < 0.03 else f"{percentage:.2f}",
        "location_code": f"{borough}{number:03d}",
        "school_name": f"SAMPLE {_NAMES[number % len(_NAMES)]} {_KINDS[number % len(_KINDS)]} {number}",
        "borough": borough,
        "district": district,
    }
