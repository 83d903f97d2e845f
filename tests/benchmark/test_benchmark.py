"""The benchmark's own arithmetic, and one small run of it: its figures must be of ways that did the same work."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from orchestration.core.postgres import Database
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.benchmark import inertia, page
from tests.benchmark.bench import LIKE_THE_REAL_FILE
from tests.benchmark.fingerprints import NO_QUARTER, changed_tables, quarter_fingerprints, table_fingerprints
from tests.benchmark.results import (
    PROJECT_ROOT,
    Circumstances,
    Machine,
    Quarters,
    Rerun,
    Results,
    Startup,
    Way,
    Whole,
)
from tests.benchmark.targets import CLUSTERING, MILLION, targets

HEADER = (
    '"gender","race/ethnicity","parental level of education","lunch","test preparation course",'
    '"math score","reading score","writing score"'
)
SCORES = ["math score", "reading score", "writing score"]
THEN = Circumstances(date="2026-01-01 00:00 UTC", commit="abc", load=0.1)


def input_file(folder: Path, rows: int) -> Path:
    contract = load_contract().model_copy(update={"identifier": None})
    return write_sample(LIKE_THE_REAL_FILE, folder, contract, rows=rows, with_faults=False)


def whole(rows: int, *, job: float, floor: float = 10.0, hand_written: float | None = None, **fields: object) -> Whole:
    def way(seconds: float) -> Way:
        return Way(seconds=seconds, parts={CLUSTERING: 1.5}, python_mb=300, postgres_mb=100)

    return Whole(
        circumstances=THEN,
        rows=rows,
        floor=way(floor),
        job=way(job),
        hand_written=None if hand_written is None else way(hand_written),
        cluster_count=4,
        inertia_ratio=1.004,
    ).model_copy(update=fields)


def rerun(**fields: object) -> Rerun:
    return Rerun(
        circumstances=THEN,
        rows=1000,
        start_seconds=5,
        first_seconds=20,
        again_seconds=10,
        tables=3,
        rewritten=[],
        quarters=20,
        changed_quarter="2022Q4",
        changed_seconds=20,
        changed={"2022Q4": ["a"], "2023Q1": ["b"]},
    ).model_copy(update=fields)


def reached(results: Results) -> list[bool]:
    return [target.is_reached for target in targets(results)]


def test_the_input_is_in_the_shape_of_the_real_file(tmp_path: Path, shared_students: Path | None) -> None:
    path = input_file(tmp_path, 50_000)
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 50_001
    assert all(line.count('","') == 7 and line[0] == line[-1] == '"' for line in lines)
    made = pd.read_csv(path)
    assert not made.isna().any().any()
    assert made[SCORES].min().min() >= 0
    assert made[SCORES].max().max() <= 100
    if shared_students is None:
        return  # its figures are also written down in tests/student_performance/test_sample.py
    real_file = shared_students / "StudentsPerformance.csv"
    assert real_file.read_text(encoding="utf-8-sig").splitlines()[0] == HEADER
    real = pd.read_csv(real_file)
    for category in [name for name in real if name not in SCORES]:
        shares = [frame[category].value_counts(normalize=True).sort_index() for frame in (made, real)]
        assert list(shares[0].index) == list(shares[1].index)
        assert np.allclose(shares[0], shares[1], atol=0.01), category
    assert np.allclose(made[SCORES].mean(), real[SCORES].mean(), atol=0.7)
    assert np.allclose(made[SCORES].std(), real[SCORES].std(), atol=0.5)
    assert np.allclose(made[SCORES].corr(), real[SCORES].corr(), atol=0.03)


def test_a_target_is_reached_up_to_its_limit_and_not_beyond() -> None:
    million = Results(whole={MILLION: whole(MILLION, job=30.0, floor=10.0, hand_written=120.0)})
    assert reached(million) == [True, True, True, True]
    slow = Results(whole={MILLION: whole(MILLION, job=30.1, floor=10.0, hand_written=120.0, inertia_ratio=1.0051)})
    assert reached(slow) == [False, False, True, False]
    ten = 10 * MILLION
    assert reached(Results(whole={ten: whole(ten, job=25.0)})) == [True, True, True]
    heavy = whole(ten, job=25.1)
    heavy.job.python_mb = 401
    assert reached(Results(whole={ten: heavy})) == [False, False, True]


def test_clustering_that_grows_with_the_rows_is_not_independent_of_them() -> None:
    grown = whole(MILLION, job=20.0)
    grown.job.parts[CLUSTERING] = 2.3
    assert targets(Results(whole={10_000: whole(10_000, job=20.0), MILLION: grown}))[-1].is_reached is False
    grown.job.parts[CLUSTERING] = 2.2
    assert targets(Results(whole={10_000: whole(10_000, job=20.0), MILLION: grown}))[-1].is_reached is True


def test_a_rerun_may_write_nothing_and_a_changed_quarter_only_its_own_and_the_next_ones_rows() -> None:
    assert reached(Results(rerun=rerun())) == [True, True, True]
    assert reached(Results(rerun=rerun(rewritten=["a"], again_seconds=10.1))) == [False, False, True]
    for other in ("2022Q3", "2023Q2", NO_QUARTER):
        assert reached(Results(rerun=rerun(changed={"2022Q4": ["a"], other: ["b"]}))) == [True, True, False]


def test_the_twentieth_quarter_is_held_against_the_second_and_the_job_against_dbt() -> None:
    names = [f"Q{number}" for number in range(20)]
    for last, is_reached in ((11.0, True), (11.1, False)):
        seconds = dict(zip(names, [30.0, *[10.0] * 18, last], strict=True))
        assert reached(Results(quarters=Quarters(circumstances=THEN, rows=1000, seconds=seconds))) == [is_reached]
    for job, is_reached in ((9.0, True), (9.1, False)):
        startup = Startup(circumstances=THEN, rows=1000, job_seconds=[job, 1.0, 99.0], dbt_seconds=[6.0, 6.0, 6.0])
        assert reached(Results(startup=startup)) == [is_reached]


def test_inertia_of_many_rows_is_that_of_their_distinct_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = input_file(tmp_path, 3000)
    frame = pd.read_csv(path)
    points, weights = inertia.read_scores(path)
    assert np.array_equal(points, frame[SCORES].to_numpy())
    monkeypatch.setattr(inertia, "MOST_ROWS", 2999)
    distinct, counts = inertia.read_scores(path)
    assert len(distinct) == len(frame[SCORES].drop_duplicates()) < 3000
    assert counts.sum() == 3000
    centroids = np.array([[50.0, 50.0, 50.0], [70.0, 71.0, 72.0]])
    nearest = np.minimum(*(((frame[SCORES] - centroid) ** 2).sum(axis=1) for centroid in centroids)).sum()
    assert inertia.inertia(points, weights, centroids) == pytest.approx(nearest)
    assert inertia.inertia(distinct, counts, centroids) == pytest.approx(nearest)
    assert inertia.inertia_ratio(path, centroids) > 1.01
    best = KMeans(2, n_init=20, random_state=7).fit(frame[SCORES].to_numpy()).cluster_centers_
    assert inertia.inertia_ratio(path, best) == pytest.approx(1, abs=1e-4)


def test_fingerprints_find_what_was_written_again(database: Database) -> None:
    schema = "student_performance_fingerprints"
    with database.connect() as connection:
        connection.execute(
            f"""
            create schema {schema};
            create table {schema}.facts (quarter text, points int) partition by list (quarter);
            create table {schema}.facts_1 partition of {schema}.facts for values in ('2026Q1');
            create table {schema}.facts_2 partition of {schema}.facts for values in ('2026Q2');
            create table {schema}.codes (code int);
            insert into {schema}.facts values ('2026Q1', 1), ('2026Q2', 2);
            insert into {schema}.codes values (1);
            """
        )
    try:
        with database.connect() as connection:
            tables, rows = table_fingerprints(connection), quarter_fingerprints(connection)
        with database.connect() as connection:
            assert table_fingerprints(connection) == tables
            assert changed_tables(rows, quarter_fingerprints(connection)) == {}
            # The same content in another row, and the same rows in another file.
            connection.execute(f"update {schema}.facts set points = 1 where quarter = '2026Q1'")
        with database.connect() as connection:
            assert changed_tables(rows, quarter_fingerprints(connection)) == {"2026Q1": [f"{schema}.facts"]}
            connection.execute(f"truncate {schema}.codes; insert into {schema}.codes values (1)")
        with database.connect() as connection:
            after = table_fingerprints(connection)
            assert {name for name in after if after[name] != tables[name]} == {f"{schema}.facts_1", f"{schema}.codes"}
            changed = changed_tables(rows, quarter_fingerprints(connection))
            assert changed == {"2026Q1": [f"{schema}.facts"], NO_QUARTER: [f"{schema}.codes"]}
    finally:
        with database.connect() as connection:
            connection.execute(f"drop schema {schema} cascade")


def test_the_page_shows_every_measure_and_survives_the_file_between(tmp_path: Path) -> None:
    results = Results(
        machine=Machine(processor="P", cores=2, memory_gb=8, disk="ext4", system="Linux", versions={"Python": "3.11"}),
        whole={
            MILLION: whole(MILLION, job=31.0, hand_written=120.0),
            10 * MILLION: whole(10 * MILLION, job=99.0),
        },
        quarters=Quarters(circumstances=THEN, rows=1000, seconds={"2020Q2": 1.0, "2020Q3": 2.0}),
        rerun=rerun(),
        startup=Startup(circumstances=THEN, rows=1000, job_seconds=[9.0], dbt_seconds=[6.0]),
    )
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results
    page.write_page(results, tmp_path / "page.md", tmp_path / "chart.svg")
    text = (tmp_path / "page.md").read_text()
    for part in ("31.0 s (3.1 times the floor)", "**no**", "## 10,000,000 rows", "is only run when asked", "2020Q3"):
        assert part in text
    chart = (tmp_path / "chart.svg").read_text()
    assert chart.startswith("<svg")
    assert all(name in chart for name in ("floor", "the job", "hand-written"))


def test_a_small_run_ends_with_ways_that_count_the_same_and_leaves_only_its_results(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", "--rows", "2_000"],
        env={**environment, "QUARTERDECK_HOME": str(tmp_path), "COLUMNS": "200"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "All ways count the same" in done.stdout
    assert {path.name for path in (tmp_path / "benchmark").iterdir()} == {"results.json", "lock"}
    found = Results.read(tmp_path / "benchmark" / "results.json").whole[2000]
    assert found.hand_written is not None
    assert set(found.floor.parts) == {"copy", "cells", "clusters", "labels"}
    assert CLUSTERING in found.job.parts
    assert set(found.job.stages) == {"etl", "ml", "publish"}
    for way in (found.floor, found.job, found.hand_written):
        assert way.work_seconds < way.seconds
        assert way.python_mb > 50
        assert way.postgres_mb > 5
    assert 1 <= found.inertia_ratio < 1.02
