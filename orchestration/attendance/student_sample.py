"""The built-in sample about students who do not exist: two class sheets, a long sheet, enrolments, holidays and reasons.

Everything follows from the quarter, so that the files are the same bytes every time. With the dirt that offices know: an id
with two names (one decided in `identity_decisions.csv`, one open), a transfer in mid-term, days after a withdrawal, a sheet
delivered twice with a change, totals that disagree with their days, holidays that are marked, marks that say nothing.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from orchestration.core.partitions import Quarter

STUDENTS_A_SCHOOL = 40
_GIVEN = ("Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Grace", "Hana", "Ivo", "Jun", "Kofi", "Lena")
_FAMILY = ("Archer", "Baker", "Cooper", "Dyer", "Fletcher", "Glover", "Hunter", "Mason", "Potter", "Sawyer")
_REASONS = ("flu", "dentist", "family trip", "bus did not come", "cold", "court date")


def write_student_sample(quarter: Quarter, folder: Path, start_month: int, today: date) -> list[Path]:
    """Write the quarter's files, with days up to today, into the folder; none where no school day has passed."""
    first = quarter.first_day(start_month)
    last = min(quarter.plus(1).first_day(start_month) - timedelta(days=1), today)
    weekdays = [day for number in range((last - first).days + 1) if (day := first + timedelta(number)).weekday() < 5]
    holidays = weekdays[8:10]
    days = [day for day in weekdays if day not in holidays]
    if len(days) < 15:
        return []
    marks = {
        (school, number): [_present(quarter, school, number, day) for day in days]
        for school in ("ALPHA", "BRAVO", "CHARLIE")
        for number in range(STUDENTS_A_SCHOOL)
    }
    # The boundary case of the definitions: absent on every tenth day. At ALPHA the stay ends after whole tens: exactly 90 %.
    for (school, number), present in marks.items():
        if number == 0:
            marks[school, number] = [place % 10 != 0 for place in range(len(present))]
    paths = [
        _class_sheet(quarter, folder, "ALPHA", "Day", marks),
        _class_sheet(quarter, folder, "BRAVO", "Week", marks),
        _long_sheet(quarter, folder, days, marks, holidays),
        _enrolments(quarter, folder, first, days),
    ]
    if holidays:
        paths.append(
            _write(
                folder,
                f"sample_holidays_{quarter}.csv",
                ["Holiday", "Description"],
                [[day, "Break"] for day in holidays],
            )
        )
    reasons = [
        {"student_id": student_id("CHARLIE", number), "date": str(day), "reason": _pick(_REASONS, quarter, number, day)}
        for number in range(STUDENTS_A_SCHOOL)
        for day, is_present in zip(days, marks["CHARLIE", number], strict=True)
        if not is_present
    ]
    path = folder / f"sample_absence_reasons_{quarter}.json"
    path.write_text(json.dumps(reasons, indent=1), encoding="utf-8")
    return [*paths, path]


def student_id(school: str, number: int) -> str:
    """The id of a student of the sample: `A-001`."""
    return f"{school[0]}-{number:03d}"


def _share(*parts: object) -> float:
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _pick(texts: Sequence[str], *parts: object) -> str:
    return texts[int(_share("pick", *parts) * len(texts))]


def _present(quarter: Quarter, school: str, number: int, day: date) -> bool:
    return bool(_share(quarter, school, number, day) >= 0.35 * _share(school, number) ** 2.5)


def _name(school: str, number: int) -> str:
    return f"{_pick(_GIVEN, school, number)} {_pick(_FAMILY, number, school)}"


def _write(folder: Path, name: str, header: list[str], rows: Iterable[Sequence[object]]) -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def _class_sheet(
    quarter: Quarter, folder: Path, school: str, period: str, marks: dict[tuple[str, int], list[bool]]
) -> Path:
    rows = []
    for number in range(STUDENTS_A_SCHOOL):
        present = marks[school, number]
        cells = present if period == "Day" else [any(present[at : at + 5]) for at in range(0, len(present) // 5 * 5, 5)]
        total = sum(cells) + (number == 7)  # one row a sheet whose total disagrees with its days
        rows.append([student_id(school, number), _name(school, number), school, quarter, *map(int, cells), total])
    count = len(rows[0]) - 5
    header = ["Student ID", "Student Name", "School", "Year", *(f"{period} {place + 1}" for place in range(count))]
    return _write(folder, f"sample_class_{school}_{quarter}.csv", [*header, f"Total {period}s Present"], rows)


def _long_sheet(
    quarter: Quarter, folder: Path, days: list[date], marks: dict[tuple[str, int], list[bool]], holidays: list[date]
) -> Path:
    rows: list[Sequence[object]] = []
    for number in range(STUDENTS_A_SCHOOL):
        who = student_id("CHARLIE", number)
        for place, (day, is_present) in enumerate(zip(days, marks["CHARLIE", number], strict=True)):
            # Of number 3, one id, two names: decided. Of number 4: open. Number 5 came from ALPHA in mid-term.
            name = "Zoe Miller" if number in (3, 4) and place % 2 else _name("CHARLIE", number)
            share = _share("status", quarter, number, day)
            status = ("Late" if share < 0.04 else "Present") if is_present else ("Excused" if share < 0.4 else "Absent")
            status = "Half day" if share > 0.96 else "?" if number == 6 and place == 2 else status
            reason = _pick(_REASONS, quarter, number, day) if status in ("Excused", "Absent") and share < 0.5 else ""
            rows.append([who, name, "CHARLIE", day, status, reason])
            if number == 8 and place < 2:  # delivered twice, the second time once the same and once another status
                rows.append([who, name, "CHARLIE", day, status if place else "Absent" if is_present else "Present", ""])
        rows.append([who, _name("CHARLIE", number), "CHARLIE", holidays[0], "Present", ""])
    # The transfer: the same person under the id of ALPHA, at CHARLIE from the middle on.
    who, name = student_id("ALPHA", 5), _name("ALPHA", 5)
    rows.extend([who, name, "CHARLIE", day, "Absent", ""] for day in days[len(days) // 2 :])
    header = ["Student ID", "Student Name", "School", "Date", "Status", "Reason"]
    return _write(folder, f"sample_long_CHARLIE_{quarter}.csv", header, rows)


def _enrolments(quarter: Quarter, folder: Path, first: date, days: list[date]) -> Path:
    middle = days[len(days) // 2]
    rows: list[Sequence[object]] = []
    for school in ("ALPHA", "BRAVO", "CHARLIE"):
        for number in range(STUDENTS_A_SCHOOL):
            # Number 5 of ALPHA changes school, number 9 of each leaves: later marks are kept as not enrolled.
            leaves = (school == "ALPHA" and number == 5) or number == 9
            until: object = middle - timedelta(days=1) if leaves else ""
            if school == "ALPHA" and number == 0:
                until = days[len(days) // 10 * 10 - 1]
            # Enrolled since the sample's own beginning of the quarter, so that a file tells of one quarter.
            rows.append([student_id(school, number), _name(school, number), school, first, until])
    rows.append([student_id("ALPHA", 5), _name("ALPHA", 5), "CHARLIE", middle, ""])
    header = ["Student ID", "Student Name", "School", "Enrolled From", "Enrolled To"]
    return _write(folder, f"sample_enrolments_{quarter}.csv", header, rows)
