"""The floor: the least that a machine must do to turn a file of exam results into labelled rows.

One COPY into an unlogged typed table, one aggregate to ten-point cells, weighted k-means on the cells, one join that
writes every row again with its cluster. No checks, no history, no pages. Run it as a process of its own, so that the
imports count: `python -m tests.benchmark.floor FILE SCHEMA`, with the database in libpq's variables.
"""

import json
import sys
import time
from pathlib import Path

import psycopg
from sklearn.cluster import KMeans

CLUSTERS = 4  # as many as the project finds in the public set and in files like it
BLOCK_BYTES = 1 << 20

CREATE_RESULTS = """
create unlogged table exam_results (
    gender text, race_ethnicity text, parental_level_of_education text, lunch text, test_preparation_course text,
    math_score smallint, reading_score smallint, writing_score smallint
)
"""
CREATE_CELLS = """
create unlogged table cells as
select
    least(math_score, 90) / 10 * 10 as math_range,
    least(reading_score, 90) / 10 * 10 as reading_range,
    least(writing_score, 90) / 10 * 10 as writing_range,
    count(*) as student_count,
    avg(math_score)::float8 as math_mean_score,
    avg(reading_score)::float8 as reading_mean_score,
    avg(writing_score)::float8 as writing_mean_score
from exam_results
group by 1, 2, 3
"""
CREATE_LABELLED = """
create unlogged table labelled_results as
select exam_results.*, cell_clusters.cluster_id
from exam_results
join cell_clusters
    on cell_clusters.math_range = least(exam_results.math_score, 90) / 10 * 10
    and cell_clusters.reading_range = least(exam_results.reading_score, 90) / 10 * 10
    and cell_clusters.writing_range = least(exam_results.writing_score, 90) / 10 * 10
"""


def run(path: Path, schema: str) -> dict[str, float]:
    """Do it all in `schema`, which exists and is empty; returns the seconds of each part."""
    seconds = {}
    with psycopg.connect(options=f"-csearch_path={schema} -cwork_mem=512MB", autocommit=True) as connection:
        began = time.perf_counter()
        connection.execute(CREATE_RESULTS)
        with (
            path.open("rb") as file,
            connection.cursor().copy("copy exam_results from stdin (format csv, header true)") as copy,
        ):
            while block := file.read(BLOCK_BYTES):
                copy.write(block)
        seconds["copy"] = time.perf_counter() - began

        began = time.perf_counter()
        connection.execute(CREATE_CELLS)
        seconds["cells"] = time.perf_counter() - began

        began = time.perf_counter()
        cells = connection.execute("select * from cells").fetchall()
        model = KMeans(CLUSTERS, n_init=10, random_state=0).fit(
            [cell[4:] for cell in cells], sample_weight=[cell[3] for cell in cells]
        )
        seconds["clusters"] = time.perf_counter() - began

        began = time.perf_counter()
        connection.execute(
            "create unlogged table cell_clusters"
            " (math_range smallint, reading_range smallint, writing_range smallint, cluster_id smallint)"
        )
        with connection.cursor().copy("copy cell_clusters from stdin") as copy:
            for cell, cluster in zip(cells, model.labels_.tolist(), strict=True):
                copy.write_row((*cell[:3], cluster + 1))
        connection.execute(CREATE_LABELLED)
        seconds["labels"] = time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
