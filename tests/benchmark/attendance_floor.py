"""The floor of attendance: the least that a machine must do to turn long sheets into each student's attendance.

One COPY of every sheet into an unlogged typed table, one aggregate by student and school. No checks, no history, no pages. Run it
as a process of its own: `python -m tests.benchmark.attendance_floor FOLDER SCHEMA`, with the database in libpq's variables.
"""

import json
import sys
import time
from pathlib import Path

import psycopg

from tests.benchmark.floor import BLOCK_BYTES

CREATE_DAYS = """
create unlogged table student_days (
    student_id text, student_name text, school_code text, attendance_date date, status text, reason text
)
"""
CREATE_ATTENDANCE = """
create unlogged table student_attendance as
select
    student_id, school_code, count(*) as enrolled_days,
    sum(case status when 'Present' then 1 when 'Late' then 1 when 'Half day' then 0.5 else 0 end) as present_days
from student_days
group by student_id, school_code
"""


def run(folder: Path, schema: str) -> dict[str, float]:
    """Do it all in `schema`, which exists and is empty; returns the seconds of each part."""
    seconds = {}
    with psycopg.connect(options=f"-csearch_path={schema} -cwork_mem=512MB", autocommit=True) as connection:
        began = time.perf_counter()
        connection.execute(CREATE_DAYS)
        for path in sorted(folder.iterdir()):
            with (
                path.open("rb") as file,
                connection.cursor().copy("copy student_days from stdin (format csv, header true)") as copy,
            ):
                while block := file.read(BLOCK_BYTES):
                    copy.write(block)
        seconds["copy"] = time.perf_counter() - began
        began = time.perf_counter()
        connection.execute(CREATE_ATTENDANCE)
        seconds["aggregate"] = time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
