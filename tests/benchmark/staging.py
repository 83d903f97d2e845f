"""The project's own way from a received file to typed rows: the raw lines by COPY, then the staging models in Postgres.

Run as a process of its own: `python -m tests.benchmark.staging FILE QUARTER`, in the home whose database is to be used.
"""

import json
import sys
import time
from pathlib import Path

from orchestration.core.dbt import build_arguments, invoke, parsed_project
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings
from orchestration.definitions import dbt_variables
from orchestration.student_performance.contract import office_contract
from orchestration.student_performance.ingest import DOMAIN, receive
from orchestration.student_performance.raw import load_raw


def run(path: Path, quarter: Quarter) -> dict[str, float]:
    """Load and type the quarter; returns the seconds of each part, without the start of the process and of dbt."""
    settings = get_settings()
    database, contract = open_database(settings), office_contract(settings)
    variables = dbt_variables(settings)
    receive(database, settings, str(path), quarter, contract)
    began = time.perf_counter()
    load_raw(database, settings, quarter, contract)
    seconds = {"raw lines": time.perf_counter() - began}
    manifest = parsed_project(settings, variables).manifest
    began = time.perf_counter()
    arguments = [*build_arguments([quarter], variables), "--select", f"fqn:quarterdeck.{DOMAIN}.staging"]
    result = invoke(settings, database, "staging", arguments, manifest=manifest)
    assert result.success, result.exception
    seconds["sets, verdicts, tests, accepted lines"] = time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Quarter.parse(sys.argv[2]))))
