"""Long sheets of student days in the shape of the sample, of any size: a file a school, written school by school."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from orchestration.core.partitions import Quarter

SCHOOLS = 20
DAYS = 50
STATUSES = ("Present", "Late", "Half day", "Excused", "Absent")
REASONS = ("flu", "dentist", "family trip", "bus did not come", "cold", "court date")
GIVEN = ("Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Grace", "Hana", "Ivo", "Jun", "Kofi", "Lena")
FAMILY = ("Archer", "Baker", "Cooper", "Dyer", "Fletcher", "Glover", "Hunter", "Mason", "Potter", "Sawyer")


def write_sheets(folder: Path, quarter: Quarter, rows: int) -> int:
    """Write about `rows` student days, the same bytes every time, without a faulty one; returns their number."""
    folder.mkdir()
    first = quarter.first_day()
    weekdays = [day for place in range(90) if (day := first + timedelta(place)).weekday() < 5][:DAYS]
    students = max(1, rows // (SCHOOLS * DAYS))
    for school in range(1, SCHOOLS + 1):
        random = np.random.default_rng([school, quarter.year, quarter.number])
        names = [f"{random.choice(GIVEN)} {random.choice(FAMILY)}" for _ in range(students)]
        absence = np.repeat(0.35 * random.random(students) ** 2.5, DAYS)
        share = random.random(students * DAYS)
        # Of the days not wholly present, most are absences.
        place = np.select([share >= 1.2 * absence, share >= 1.1 * absence, share >= absence, share >= 0.6 * absence],
                          [0, 1, 2, 3], 4)  # fmt: skip
        reason = np.where((place >= 3) & (random.random(len(place)) < 0.5), random.choice(REASONS, len(place)), "")
        sheet = pa.table(
            {
                "Student ID": np.repeat([f"{school:02d}-{number:06d}" for number in range(students)], DAYS),
                "Student Name": np.repeat(names, DAYS),
                "School": pa.repeat(f"School {school:02d}", students * DAYS),
                "Date": np.tile([day.isoformat() for day in weekdays], students),
                "Status": np.array(STATUSES)[place],
                "Reason": reason,
            }
        )
        csv.write_csv(sheet, folder / f"school_{school:02d}.csv", csv.WriteOptions(quoting_style="none"))
    return SCHOOLS * students * DAYS
