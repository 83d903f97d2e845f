"""The other way to typed rows that was weighed: landing as Parquet, rows judged by DuckDB, the accepted ones copied to Postgres.

Run as a process of its own: `python -m tests.benchmark.columnar FILE SCHEMA`, with the database in libpq's variables.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv as arrow_csv

from orchestration.student_performance.contract import load_contract

ROWS_AT_ONCE = 100_000


def run(path: Path, schema: str) -> dict[str, float]:
    """Do it all in `schema`, which exists and is empty; returns the seconds of each part."""
    contract = load_contract()
    seconds = {}
    parquet = path.with_suffix(".parquet")
    names = ", ".join(f"'{name}'" for name in contract.raw_columns)
    connection = duckdb.connect(config={"memory_limit": "2GB"})

    began = time.perf_counter()
    connection.execute(
        f"copy (select * from read_csv('{path}', header = true, all_varchar = true, names = [{names}])) to '{parquet}'"
    )
    seconds["parquet"] = time.perf_counter() - began

    began = time.perf_counter()
    demographics = [item.name for item in contract.demographics]
    scores = [item.column for item in contract.subjects]
    listed = " and ".join(
        f"trim({item.name}) in ({', '.join(_quoted(value) for value in item.values)})" for item in contract.demographics
    )
    in_range = " and ".join(f"{name} between {contract.score.minimum} and {contract.score.maximum}" for name in scores)
    typed = ", ".join(
        [f"trim({name}) as {name}" for name in demographics]
        + [f"try_cast(trim({name}) as decimal(9, 4)) as {name}" for name in scores]
    )
    accepted = connection.execute(
        f"select * from (select file_row_number + 2 as source_line, {typed} "
        f"from read_parquet('{parquet}', file_row_number = true) where {listed}) where {in_range}"
    ).to_arrow_reader(ROWS_AT_ONCE)
    columns = sql.SQL(", ").join(
        [sql.SQL("source_line bigint")]
        + [sql.SQL("{} text").format(sql.Identifier(name)) for name in demographics]
        + [sql.SQL("{} numeric").format(sql.Identifier(name)) for name in scores]
    )
    options = arrow_csv.WriteOptions(include_header=False)
    with psycopg.connect(options=f"-csearch_path={schema}") as target:
        target.execute(sql.SQL("create table accepted_lines ({})").format(columns))
        with target.cursor().copy("copy accepted_lines from stdin (format csv, freeze)") as copy:
            for batch in accepted:
                lines = pa.BufferOutputStream()
                arrow_csv.write_csv(batch, lines, options)
                copy.write(memoryview(lines.getvalue()))
    seconds["judged, typed and copied"] = time.perf_counter() - began
    parquet.unlink()
    return seconds


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
