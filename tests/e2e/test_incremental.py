"""Only what changed is built again: rows that stand keep their very versions in the database, and a kill is made good."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from orchestration.core.postgres import open_database
from orchestration.core.settings import Settings
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.conftest import Command
from tests.e2e.marts import fingerprints

QUARTERS = ("2026Q1", "2026Q2", "2026Q3")
TABLES = """
    select schemas.nspname || '.' || tables.relname as name, tables.relfilenode::text as node,
        exists (
            select from pg_attribute where attrelid = tables.oid and attname = 'quarter' and not attisdropped
        ) as has_quarter
    from pg_class as tables
    inner join pg_namespace as schemas on tables.relnamespace = schemas.oid
    where tables.relkind = 'r' and schemas.nspname like 'student\\_performance\\_%' order by 1
"""


def versions(command: Command, where: str = "true") -> dict[str, object]:
    """How many rows of which transaction each table holds of the quarters matching `where`; for all, file nodes too.

    Tables without a quarter, the small lookup tables, count whole.
    """
    found = command.rows(TABLES)
    assert len(found) > 10
    union = " union all ".join(
        f"select '{row['name']}' as name, xmin::text as transaction, count(*) as n from {row['name']} "
        f"where {where if row['has_quarter'] else 'true'} group by 2"
        for row in found
    )
    rows = {f"{row['name']} {row['transaction']}": row["n"] for row in command.rows(union)}
    return rows if where != "true" else rows | {str(row["name"]): row["node"] for row in found}


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    """The command after a run of three quarters on the sample."""
    command = new_command("incremental")
    command(
        "run",
        "--domain",
        "student_performance",
        "--source",
        "sample",
        "--quarter",
        QUARTERS[-1],
        QUARTERDECK_SAMPLE_QUARTERS="3",
    )
    return command


@pytest.fixture(scope="module")
def other_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the sample's form with other rows."""
    return write_sample("2025Q1", tmp_path_factory.mktemp("other"), load_contract(), rows=300)


def test_an_unchanged_rerun_rewrites_nothing(command: Command) -> None:
    before, pages = versions(command), (command.home / "site").resolve()
    status = command.rows("select * from platform.stage_status order by quarter, stage")
    again = command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q3")
    assert "SAMPLE DATA" in again.stdout
    assert versions(command) == before
    assert (command.home / "site").resolve() == pages
    assert command.rows("select * from platform.stage_status order by quarter, stage") == status


def test_one_changed_quarter_leaves_the_rows_of_others_alone(command: Command, other_file: Path) -> None:
    others = "quarter not in ('2026Q2', '2026Q3')"
    before, labels = versions(command, others), fingerprints(command, "quarter = '2026Q2'")
    command("run", "--source", str(other_file), "--quarter", "2026Q2")
    assert versions(command, others) == before
    assert fingerprints(command, "quarter = '2026Q2'") != labels
    assert {row["status"] for row in command.rows("select status from platform.stage_status")} == {"succeeded"}


def change(command: Command, statement: LiteralString) -> None:
    with psycopg.connect(open_database(Settings(home=command.home)).conninfo, autocommit=True) as connection:
        connection.execute(statement)


def test_seeds_are_loaded_again_where_one_is_missing_or_the_project_is_another(
    command: Command, other_file: Path
) -> None:
    query = "select xmin::text as transaction, count(*) as n from student_performance_staging.{} group by 1"
    before = command.rows(query.format("exam_definitions"))
    change(command, "drop table student_performance_staging.score_ranges cascade")
    command("reset", "--quarter", "2026Q2", "--yes")
    command("run", "--source", str(other_file), "--quarter", "2026Q2")
    assert command.rows(query.format("score_ranges"))[0]["n"] > 10
    loaded = command.rows(query.format("exam_definitions"))
    assert loaded != before
    change(command, "update platform.quarter_builds set fingerprint = 'of another project' where step = 'seeds'")
    command("reset", "--quarter", "2026Q2", "--yes")
    command("run", "--source", str(other_file), "--quarter", "2026Q2")
    assert command.rows(query.format("exam_definitions")) != loaded


def test_forgetting_a_quarter_makes_it_be_built_again(command: Command) -> None:
    kept, before = versions(command, "quarter = '2026Q1'"), versions(command, "quarter = '2026Q3'")
    same = fingerprints(command, "quarter = '2026Q3'")
    command("reset", "--quarter", "2026Q3", "--yes")
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q3")
    after = fingerprints(command, "quarter = '2026Q3'")
    # When the file was assigned is said in rpt_quarters; all else comes out the same.
    assert {name for name in same if same[name] != after[name]} <= {"student_performance_marts.rpt_quarters"}
    assert versions(command, "quarter = '2026Q3'") != before
    assert versions(command, "quarter = '2026Q1'") == kept


def test_another_limit_on_quarantined_rows_leads_to_work(command: Command) -> None:
    query = "select fingerprint from platform.quarter_builds where quarter = '2026Q1' order by step"
    before = command.rows(query)
    command(
        "run",
        "--domain",
        "student_performance",
        "--source",
        "sample",
        "--quarter",
        "2026Q1",
        QUARTERDECK_MAX_QUARANTINED_PCT="6",
    )
    after = command.rows(query)
    assert len(after) == len(before) == 4
    assert after != before
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q1")
    assert command.rows(query) == before


def test_the_old_file_after_a_refused_one_puts_everything_right(
    command: Command, other_file: Path, tmp_path: Path
) -> None:
    before = fingerprints(command, "quarter = '2026Q1'")
    header, *lines = other_file.read_text().splitlines()
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([header, *(line.replace("female", "unknown") for line in lines)]) + "\n")
    refused = command("run", "--source", str(bad), "--quarter", "2026Q1", check=False)
    assert refused.returncode == 1
    assert "more than the limit" in refused.stderr
    command("run", "--domain", "student_performance", "--source", "sample", "--quarter", "2026Q1")
    assert fingerprints(command, "quarter = '2026Q1'") == before
    status = command.rows("select distinct status from platform.stage_status where quarter = '2026Q1'")
    assert status == [{"status": "succeeded"}]


@pytest.mark.parametrize("step", ["models", "clusters", "labels", "pages"])
def test_a_kill_before_or_in_a_step_is_made_good_by_the_next_run(
    command: Command, other_file: Path, tmp_path: Path, step: str
) -> None:
    """Killed as soon as the record of the step's rows is gone: the step has begun to change them."""
    before = fingerprints(command, "quarter = '2026Q2'")
    changed = tmp_path / "changed.csv"
    shutil.copyfile(other_file, changed)
    changed.write_text("\n".join(changed.read_text().splitlines()[:-1]) + "\n")
    process = subprocess.Popen(
        [Path(sys.executable).parent / "quarterdeck", "run", "--source", str(changed), "--quarter", "2026Q2"],
        env=command.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        query = "select from platform.quarter_builds where step = %s and quarter in ('2026Q2', 'all')"
        with psycopg.connect(open_database(Settings(home=command.home)).conninfo, autocommit=True) as connection:
            deadline = time.monotonic() + 120
            while connection.execute(query, (step,)).fetchone():
                assert process.poll() is None, "the run ended before the step began"
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    command("run", "--source", str(other_file), "--quarter", "2026Q2")
    assert not [
        name
        for name, found in fingerprints(command, "quarter = '2026Q2'").items()
        if found != before[name] and not name.endswith("rpt_quarters")
    ]
    assert len(command.rows("select step from platform.quarter_builds where quarter in ('2026Q2', 'all')")) == 6
    assert {row["status"] for row in command.rows("select status from platform.stage_status")} == {"succeeded"}
