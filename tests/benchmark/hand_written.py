"""The usual hand-written way: pandas in, `to_sql`, SQL for the score ranges, k-means on every row, `to_sql` again.

As people write it, with every default. Run it as a process of its own: `python -m tests.benchmark.hand_written FILE SCHEMA`,
with the database in libpq's variables.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from sklearn.cluster import KMeans
from sqlalchemy import create_engine, text

CLUSTERS = 4
SCORES = ["math_score", "reading_score", "writing_score"]
CREATE_CELLS = """
create table cells as
select
    least(math_score, 90) / 10 * 10 as math_range,
    least(reading_score, 90) / 10 * 10 as reading_range,
    least(writing_score, 90) / 10 * 10 as writing_range,
    count(*) as student_count,
    avg(math_score) as math_mean_score,
    avg(reading_score) as reading_mean_score,
    avg(writing_score) as writing_mean_score
from exam_results
group by 1, 2, 3
"""


def run(path: Path, schema: str) -> dict[str, float]:
    """Do it all in `schema`, which exists and is empty; returns the seconds of each part."""
    engine = create_engine(
        "postgresql+psycopg2://", connect_args={"options": f"-csearch_path={schema} -cwork_mem=512MB"}
    )
    seconds = {}
    began = time.perf_counter()
    results = pd.read_csv(path)
    results.columns = results.columns.str.replace(r"\W", "_", regex=True)
    seconds["read_csv"] = time.perf_counter() - began

    began = time.perf_counter()
    results.to_sql("exam_results", engine, index=False)
    seconds["to_sql"] = time.perf_counter() - began

    began = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(text(CREATE_CELLS))
    seconds["cells"] = time.perf_counter() - began

    began = time.perf_counter()
    results["cluster_id"] = KMeans(CLUSTERS, random_state=0).fit_predict(results[SCORES])
    seconds["clusters"] = time.perf_counter() - began

    began = time.perf_counter()
    results.to_sql("labelled_results", engine, index=False)
    seconds["labels"] = time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
