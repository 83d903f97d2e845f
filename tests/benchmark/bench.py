"""The place of a measure: generated files, one embedded server, and the three ways from a file to labelled rows on it."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psycopg
from psycopg import sql
from rich.console import Console

from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, embedded_data_dir, open_database, remove_embedded
from orchestration.core.roles import Role
from orchestration.core.settings import PROJECT_ROOT, Settings
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.sample import write_sample
from tests.benchmark.processes import run_measured
from tests.benchmark.results import Circumstances, Machine, Way

# The quarter whose generated figures lie nearest to the public set's.
LIKE_THE_REAL_FILE = "2026Q3"
FIRST_QUARTER = Quarter.parse("2020Q1")
WARM_UP_ROWS = 1000
Counts = tuple[int, ...]

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Bench:
    """A home of its own with its server running; the server stays up between the ways, so none pays for its start."""

    folder: Path
    settings: Settings
    database: Database
    postmaster_pid: int
    circumstances: Circumstances

    @property
    def machine(self) -> Machine:
        """What the figures are measured on."""
        with self.database.connect() as connection:
            return Machine.this(self.folder, connection.info.parameter_status("server_version") or "")

    @property
    def environment(self) -> dict[str, str]:
        """For child processes: this home, and its database in libpq's variables; nothing of the person's own settings."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("QUARTERDECK_", "DAGSTER", "DBT_", "PG"))
        }
        found = self.database.parameters
        return {
            **inherited,
            "QUARTERDECK_HOME": str(self.settings.home),
            **self.database.as_role(Role.TRANSFORMER).dbt_environment(),
            "PYTHONPATH": str(PROJECT_ROOT),
            "PGHOST": found["host"],
            "PGUSER": found["user"],
            "PGDATABASE": found["dbname"],
        }

    def input_file(self, rows: int, seed_quarter: str = LIKE_THE_REAL_FILE) -> Path:
        """A file in the shape of the public set: its eight columns, every value quoted, no id, no faulty line."""
        contract = load_contract().model_copy(update={"identifier": None})
        return write_sample(seed_quarter, self.folder, contract, rows=rows, with_faults=False)

    def command(self, command: Sequence[str | Path]) -> tuple[Way, str]:
        """Run a command as a process; its time and memory, and what it printed."""
        with psycopg.connect(self.database.conninfo, autocommit=True) as connection:
            connection.execute("checkpoint")  # so that nobody writes out what the one before left in memory
        # A folder without an .env file.
        done = run_measured(command, self.environment, self.folder, self.postmaster_pid)
        return Way(seconds=done.seconds, python_mb=done.python_mb, postgres_mb=done.postgres_mb), done.output

    def job(self, source: Path, quarter: Quarter, domain: str = DOMAIN) -> Way:
        """`quarterdeck run`: a domain's whole job; its parts are the steps of its Dagster run."""
        quarterdeck = Path(sys.executable).with_name("quarterdeck")
        way, _ = self.command([quarterdeck, "run", "--domain", domain, "--source", source, "--quarter", str(quarter)])
        with self.database.connect() as connection:
            steps = connection.execute(
                """
                select step_key, extract(epoch from max(timestamp) - min(timestamp))::float8
                from dagster.event_logs
                where
                    run_id = (select run_id from dagster.runs order by id desc limit 1)
                    and dagster_event_type in ('STEP_START', 'STEP_SUCCESS')
                group by step_key
                order by min(timestamp)
                """
            ).fetchall()
            stages = connection.execute(
                """
                select stage, extract(epoch from finished_at - started_at)::float8 from platform.stage_status
                where quarter = %s and domain = %s order by started_at
                """,
                (str(quarter), domain),
            ).fetchall()
        way.stages = dict(stages)
        titles = import_module(f"orchestration.{domain}.commands").STEP_TITLES
        way.parts = {titles.get(step, str(step)): seconds for step, seconds in steps}
        return way

    def compared_way(self, module: str, file: Path, counting: str | None = None) -> tuple[Way, Counts]:
        """A way of another module in a schema of its own, which is dropped; also what it counted, by the query `counting`."""
        schema = f"benchmark_{module}"
        with self._empty_schema(schema):
            way, output = self.command([sys.executable, "-m", f"tests.benchmark.{module}", file, schema])
            way.parts = json.loads(output)
            if counting:
                return way, self.row(counting.format(schema=schema))
            return way, self.counts(f"{schema}.labelled_results", f"{schema}.cells", "true")

    @contextmanager
    def _empty_schema(self, name: str) -> Iterator[None]:
        schema = sql.Identifier(name)
        with psycopg.connect(self.database.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("create schema {}").format(schema))
            try:
                yield
            finally:
                connection.execute(sql.SQL("drop schema {} cascade").format(schema))

    def counts_of_job(self, quarter: Quarter) -> Counts:
        """What the job's tables hold for the quarter."""
        marts = "student_performance_marts"
        return self.counts(f"{marts}.fct_labeled_results", f"{marts}.fct_score_range_cells", f"quarter = '{quarter}'")

    def counts(self, labelled: str, cells: str, condition: str) -> Counts:
        """Labelled rows, their points in each subject, cells, students in all cells and in the fullest one."""
        query = f"""
        select results.*, ranges.*
        from (
            select count(cluster_id), sum(math_score)::bigint, sum(reading_score)::bigint, sum(writing_score)::bigint
            from {labelled} where {condition}
        ) as results,
        (
            select count(*), sum(student_count)::bigint, max(student_count)::bigint from {cells} where {condition}
        ) as ranges
        """
        return self.row(query)

    def row(self, query: str) -> Counts:
        """The one row of a query."""
        with self.database.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return tuple(row)


@contextmanager
def new_bench(folder: Path) -> Iterator[Bench]:
    """A bench in `folder`, warmed up by a small load: dbt has parsed and every table exists. Deleted at the end."""
    work, circumstances = folder / "work", Circumstances.now()
    settings = Settings(_env_file=None, home=work / "home", database_url=None)
    _delete(work, settings)  # what a killed benchmark left
    work.mkdir(parents=True)
    try:
        database = open_database(settings)
        postmaster_pid = int((embedded_data_dir(settings) / "postmaster.pid").read_text().splitlines()[0])
        bench = Bench(work, settings, database, postmaster_pid, circumstances)
        console.print(f"Warming up: one run on {WARM_UP_ROWS:,} rows of another quarter, so that dbt has parsed ...")
        file = bench.input_file(WARM_UP_ROWS)
        bench.job(file, FIRST_QUARTER)
        file.unlink()
        yield bench
    finally:
        _delete(work, settings)


def _delete(work: Path, settings: Settings) -> None:
    remove_embedded(settings)
    if work.exists():
        shutil.rmtree(work)
