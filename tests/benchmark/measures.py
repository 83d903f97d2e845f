"""The measures: each makes its files, runs its processes on the bench, and returns what it found."""

import json
import statistics
import sys
from pathlib import Path

import numpy as np

from orchestration.attendance.ingest import DOMAIN as ATTENDANCE
from orchestration.core.dbt import PROJECT_DIR, build_arguments
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.definitions import dbt_variables
from orchestration.student_performance.ingest import DOMAIN
from tests.benchmark.attendance_sheets import write_sheets
from tests.benchmark.bench import FIRST_QUARTER, Bench, console
from tests.benchmark.fingerprints import changed_tables, quarter_fingerprints, table_fingerprints
from tests.benchmark.inertia import inertia_ratio
from tests.benchmark.results import Attendance, Quarters, Rerun, Startup, Typing, Way, Whole

SMALL_ROWS = 1000
QUARTERS = 20
REPEATS = 5
BUILD_DEFINITIONS = """
from orchestration.core.settings import get_settings
from orchestration.definitions import build_definitions

build_definitions(get_settings())
"""


def whole(bench: Bench, rows: int, *, with_hand_written: bool) -> Whole:
    """One file of `rows` rows in each way: the floor, the job and, where asked, the hand-written way.

    Raises:
        QuarterdeckError: the ways did not count the same, so their times cannot be compared.
    """
    quarter = FIRST_QUARTER.plus(2)
    file = bench.input_file(rows)
    floor, counts = bench.compared_way("floor", file)
    _say("The floor", floor)
    job = bench.job(file, quarter)
    _say("The job", job)
    _require_same("the job", bench.counts_of_job(quarter), counts)
    hand_written = None
    if with_hand_written:
        hand_written, counted = bench.compared_way("hand_written", file)
        _say("The hand-written way", hand_written)
        _require_same("the hand-written way", counted, counts)
    console.print("All ways count the same rows, points and cells. Clustering every row, to compare ...")
    centroids = _centroids(bench, quarter)
    return Whole(
        circumstances=bench.circumstances,
        rows=rows,
        floor=floor,
        job=job,
        hand_written=hand_written,
        cluster_count=len(centroids),
        inertia_ratio=inertia_ratio(file, centroids),
    )


def _say(name: str, way: Way) -> None:
    console.print(f"{name}: {way.seconds:.1f} s, of which {way.work_seconds:.1f} s in its parts")


def _require_same(name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise QuarterdeckError(
            f"{name} labelled rows, points and cells {found}, the floor {expected}: their times cannot be compared."
        )


def _centroids(bench: Bench, quarter: Quarter) -> np.ndarray:
    with bench.database.connect() as connection:
        rows = connection.execute(
            """
            select math_mean_score, reading_mean_score, writing_mean_score
            from student_performance_ml.cluster_profiles where quarter = %s
            """,
            (str(quarter),),
        ).fetchall()
    return np.array(rows)


def quarters(bench: Bench, rows: int) -> Quarters:
    """Twenty quarters of `rows` rows each, one after the other into the same database."""
    seconds = {}
    for place in range(1, QUARTERS + 1):
        quarter = FIRST_QUARTER.plus(place)
        seconds[str(quarter)] = _load(bench, quarter, rows).seconds
        console.print(f"Quarter {place} of {QUARTERS}: {seconds[str(quarter)]:.1f} s")
    return Quarters(circumstances=bench.circumstances, rows=rows, seconds=seconds)


def _load(bench: Bench, quarter: Quarter, rows: int, seed_quarter: Quarter | None = None) -> Way:
    file = bench.input_file(rows, str(seed_quarter or quarter))
    way = bench.job(file, quarter)
    file.unlink()
    return way


def rerun(bench: Bench, rows: int) -> Rerun:
    """Load twenty quarters, the last of `rows` rows; repeat the last as it is; then change one among them."""
    loaded = [FIRST_QUARTER.plus(place) for place in range(1, QUARTERS + 1)]
    changed_quarter, last = loaded[QUARTERS // 2], loaded[-1]
    for quarter in loaded[:-1]:
        _load(bench, quarter, SMALL_ROWS)
    console.print(f"{QUARTERS - 1} quarters of {SMALL_ROWS:,} rows are loaded.")
    file = bench.input_file(rows, str(last))
    first = bench.job(file, last).seconds
    with bench.database.connect() as connection:
        tables = table_fingerprints(connection)
    again = bench.job(file, last).seconds
    with bench.database.connect() as connection:
        tables_after = table_fingerprints(connection)
        before = quarter_fingerprints(connection)
    console.print(f"The first load took {first:.1f} s, the same command again {again:.1f} s.")
    # The rows of a quarter outside the range: other students than the quarter's own.
    changed = _load(bench, changed_quarter, SMALL_ROWS, seed_quarter=last.plus(20)).seconds
    with bench.database.connect() as connection:
        after = quarter_fingerprints(connection)
    start = statistics.median(
        bench.command([sys.executable, "-c", BUILD_DEFINITIONS])[0].seconds for _ in range(REPEATS)
    )
    return Rerun(
        circumstances=bench.circumstances,
        rows=rows,
        start_seconds=start,
        first_seconds=first,
        again_seconds=again,
        tables=len(tables_after),
        rewritten=sorted(
            name for name in tables.keys() | tables_after.keys() if tables.get(name) != tables_after.get(name)
        ),
        quarters=QUARTERS,
        changed_quarter=str(changed_quarter),
        changed_seconds=changed,
        changed=changed_tables(before, after),
    )


def startup(bench: Bench, rows: int) -> Startup:
    """The job on a small file that is another every time, and one bare `dbt build` of the same models, in turn."""
    quarter = FIRST_QUARTER.plus(2)
    job_seconds, dbt_seconds = [], []
    dbt_build: list[str | Path] = [
        Path(sys.executable).with_name("dbt"),
        *build_arguments([quarter], dbt_variables(bench.settings)),
        *("--select", f"fqn:quarterdeck.{DOMAIN}"),
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
        *("--target-path", str(bench.folder / "dbt"), "--log-path", str(bench.folder / "dbt")),
    ]
    for turn in range(REPEATS + 1):
        job = _load(bench, quarter, rows, seed_quarter=FIRST_QUARTER.plus(turn)).seconds
        bare = bench.command(dbt_build)[0].seconds
        if turn == 0:
            continue  # dbt parses for the first time
        console.print(f"The job {job:.1f} s, a bare dbt build {bare:.1f} s")
        job_seconds.append(job)
        dbt_seconds.append(bare)
    return Startup(circumstances=bench.circumstances, rows=rows, job_seconds=job_seconds, dbt_seconds=dbt_seconds)


def attendance(bench: Bench, rows: int) -> Attendance:
    """Long sheets of `rows` student days: COPY and one aggregate, and the whole job, which must count the same."""
    quarter, folder = FIRST_QUARTER.plus(2), bench.folder / "sheets"
    warm_up = bench.folder / "few_sheets"
    write_sheets(warm_up, FIRST_QUARTER, SMALL_ROWS)
    bench.job(warm_up, FIRST_QUARTER, ATTENDANCE)
    rows = write_sheets(folder, quarter, rows)
    counting = "select sum(enrolled_days)::bigint, (10 * sum(present_days))::bigint, count(*) from"
    floor, counts = bench.compared_way("attendance_floor", folder, f"{counting} {{schema}}.student_attendance")
    _say("The floor", floor)
    job = bench.job(folder, quarter, ATTENDANCE)
    _say("The job", job)
    mart = "attendance_marts.fct_student_attendance"
    found = bench.row(f"{counting} {mart} where quarter = '{quarter}' and school_code <> 'all'")
    if found != counts or counts[0] != rows:
        raise QuarterdeckError(f"Of {rows} student days the job counted {found}, the floor {counts}.")
    return Attendance(circumstances=bench.circumstances, rows=rows, floor=floor, job=job)


def typing(bench: Bench, rows: int) -> Typing:
    """From a file to typed, accepted rows: the raw lines and staging models in Postgres, and Parquet judged by DuckDB."""
    quarter = FIRST_QUARTER.plus(2)
    file = bench.input_file(rows)
    postgres, output = bench.command([sys.executable, "-m", "tests.benchmark.staging", file, str(quarter)])
    postgres.parts = json.loads(output)
    columnar, accepted = bench.compared_way(
        "columnar", file, "select count(*), sum(math_score)::bigint from {schema}.accepted_lines"
    )
    with bench.database.connect() as connection:
        expected = connection.execute(
            """
            select count(*), sum(math_score)::bigint
            from student_performance_staging.stg_student_performance__accepted_lines where quarter = %s
            """,
            (str(quarter),),
        ).fetchone()
    _require_same("DuckDB", accepted, tuple(expected or ()))
    return Typing(circumstances=bench.circumstances, rows=rows, postgres=postgres, columnar=columnar)
