"""`make engines`: the whole job on Postgres and on a Spark cluster, every row of every model compared, and a lost worker.

Two quarters of every domain's built-in sample run on both engines, each in a home of its own. Then a third, larger one of exam
results runs on both, and one of Spark's two workers is killed in the middle of it. Exits with 1 on any difference.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from orchestration.attendance.contract import load_contract as load_attendance_contract
from orchestration.attendance.ingest import DOMAIN as ATTENDANCE
from orchestration.attendance.sample import write_sample as write_attendance_sample
from orchestration.attendance.student_sample import write_student_sample
from orchestration.core.dbt import build_arguments, invoke, load_manifest, parsed_project
from orchestration.core.engine import LARGE
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import open_database
from orchestration.core.reset import own_schemas
from orchestration.core.settings import Engine, Settings, get_settings
from orchestration.core.spark import open_spark
from orchestration.definitions import DOMAINS, dbt_variables
from orchestration.student_performance.contract import load_contract as load_exam_contract
from orchestration.student_performance.ingest import DOMAIN as EXAMS
from orchestration.student_performance.sample import write_sample as write_exam_sample
from tests.engines.cluster import Cluster, ClusterError, running_cluster
from tests.engines.compare import TOLERANCE, Comparison, compare, from_postgres, from_spark

SMALL_QUARTERS = {"2026Q1": 1_000, "2026Q2": 20_000}
LARGE_QUARTER = "2026Q3"
COPY = " (copy)"
MACROS_TEST = "portable_macros__say_the_same_on_every_engine"
console = Console(width=140, highlight=False)


class DifferenceError(Exception):
    """The engines differ, or a run did not end as it must; the message says how."""


def settings_of(engine: Engine, folder: Path, cluster: Cluster) -> Settings:
    """The settings of one engine's home; students have the same pseudonyms on both."""
    key = folder / "pseudonym.key"
    key.write_text("one key for the students of all tests")
    return Settings(
        engine=engine,
        home=folder / engine.value,
        spark_host="127.0.0.1",
        spark_port=cluster.thrift_port,
        spark_warehouse=cluster.warehouse,
        pseudonym_key_file=key,
    )


def sources(folder: Path, quarter: str, rows: int) -> dict[str, Path]:
    """What each domain is to load for the quarter: a sample of `rows` exam results, and one of attendance with all its dirt."""
    exams = write_exam_sample(quarter, folder, load_exam_contract(), rows=rows)
    reports = folder / f"attendance_{quarter}"
    reports.mkdir()
    label, today = Quarter.parse(quarter), date(2026, 12, 31)
    write_attendance_sample(label, reports, load_attendance_contract().daily_report, 1, today)
    write_student_sample(label, reports, 1, today)
    return {EXAMS: exams, ATTENDANCE: reports}


def start(settings: Settings, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start the `quarterdeck` command, as a person would."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK_")}
    for name in ("engine", "home", "spark_host", "spark_port", "spark_warehouse", "pseudonym_key_file"):
        environment[f"QUARTERDECK_{name.upper()}"] = str(getattr(settings, name))
    return subprocess.Popen(
        [Path(sys.executable).parent / "quarterdeck", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(settings: Settings, domain: str, source: Path, quarter: str) -> subprocess.Popen[str]:
    """Start the whole job for a quarter."""
    return start(settings, "run", "--domain", domain, "--source", source, "--quarter", quarter)


def finish(process: subprocess.Popen[str], what: str) -> None:
    """Wait for a run.

    Raises:
        DifferenceError: it did not succeed; its last lines are in the message.
    """
    output, _ = process.communicate()
    if process.returncode != 0:
        raise DifferenceError(f"{what} failed:\n{output[-3000:]}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long something took."""
    began = time.monotonic()
    yield
    console.print(f"{what}: {time.monotonic() - began:.0f} s")


def compare_models(postgres: Settings, spark: Settings) -> list[Comparison]:
    """Compare every model's table, and each copy that readers find in Postgres, with that of the Postgres engine."""
    manifest = load_manifest(postgres, dbt_variables(postgres))
    nodes = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and node["fqn"][1] in DOMAINS
    ]
    expected, copies = open_database(postgres), open_database(spark)
    comparisons = []
    with open_spark(spark) as session:
        for node in sorted(nodes, key=lambda node: str(node["name"])):
            relation = f"{node['schema']}.{node['name']}"
            table = from_postgres(expected, relation)
            scratch = f"{spark.spark_warehouse}/compared/{node['name']}"
            comparisons.append(compare(relation, table, from_spark(session, relation, scratch)))
            if LARGE not in node["tags"]:
                comparisons.append(compare(relation + COPY, table, from_postgres(copies, relation)))
    return comparisons


def run_unit_tests(spark: Settings) -> None:
    """Run dbt's unit tests on Spark, the rules, and the test of the macros that differ between the engines.

    Raises:
        DifferenceError: one does not pass.
    """
    dbt_vars = dbt_variables(spark)
    quarters = [Quarter.parse(quarter) for quarter in SMALL_QUARTERS]
    result = invoke(
        spark,
        open_database(spark),
        "unit-tests",
        [*build_arguments(quarters, dbt_vars, ["test"]), "--select", "test_type:unit", MACROS_TEST],
        manifest=parsed_project(spark, dbt_vars).manifest,
    )
    outcomes = getattr(result.result, "results", [])
    failed = {outcome.node.name: outcome.message for outcome in outcomes if outcome.status != "pass"}
    if failed or not outcomes:
        raise DifferenceError(f"Unit tests of dbt that fail on Spark: {failed}")
    if MACROS_TEST not in {outcome.node.name for outcome in outcomes}:
        raise DifferenceError(f"There is no test {MACROS_TEST}.")
    console.print(f"{len(outcomes)} unit tests of dbt pass on Spark, with that of the macros.")


def report(comparisons: Sequence[Comparison], title: str) -> None:
    """Print the comparisons.

    Raises:
        DifferenceError: there is a difference.
    """
    table = Table(title=title, title_justify="left")
    for name in ("table", "rows, Postgres", "rows, Spark", "outcome"):
        table.add_column(name, justify="right" if name.startswith("rows") else "left")
    for item in comparisons:
        table.add_row(item.name, f"{item.postgres_rows:,}", f"{item.spark_rows:,}", item.difference or "equal")
    console.print(table)
    different = sum(bool(item.difference) for item in comparisons)
    rows = sum(item.postgres_rows for item in comparisons)
    copies = sum(item.name.endswith(COPY) for item in comparisons)
    if different or not rows:
        raise DifferenceError(f"{different} of {len(comparisons)} tables differ between the engines.")
    console.print(
        f"{len(comparisons) - copies} models and {copies} copies of them in Postgres, {rows:,} rows compared: all equal "
        f"(floating-point columns within {TOLERANCE:g})."
    )


def forget(spark: Settings, quarter: str) -> None:
    """Forget one quarter, then everything, and look in Spark for what is left.

    Raises:
        DifferenceError: another quarter went too, or something stayed.
    """
    marts = ("attendance_marts.fct_student_days", "student_performance_marts.fct_score_counts")

    def quarters_in_spark() -> set[str]:
        with open_spark(spark) as session:
            found = [session.rows(f"select distinct quarter from {mart}") for mart in marts if session.columns(mart)]
        return {row[0] for rows in found for row in rows}

    before = quarters_in_spark()
    finish(start(spark, "reset", "--quarter", quarter, "--yes"), f"Forgetting {quarter}")
    if quarters_in_spark() != before - {quarter}:
        raise DifferenceError(f"After forgetting {quarter} of {before}, Spark has {quarters_in_spark()}.")
    finish(start(spark, "reset", "--yes"), "Forgetting everything")
    with open_spark(spark) as session:
        left = [row[0] for row in session.rows("show databases") if row[0] in own_schemas(list(DOMAINS))]
    if left:
        raise DifferenceError(f"After `quarterdeck reset` Spark still has {left}.")
    console.print(f"`quarterdeck reset` forgot {quarter} alone, then everything, in Spark too.")


def kill_a_worker_in(run: subprocess.Popen[str], cluster: Cluster) -> None:
    """Wait until both executors have been at work for a moment, and kill the worker of one.

    Raises:
        DifferenceError: the run ended before.
    """
    busy = 0
    while run.poll() is None:
        tasks = cluster.running_tasks()
        busy = busy + 1 if len(tasks) == 2 and all(tasks.values()) else 0
        if busy == 3:
            process = cluster.kill_a_worker()
            console.print(f"Killed worker {process} and its executor (SIGKILL) while tasks ran on both: {tasks}.")
            return
        time.sleep(0.1)
    finish(run, "Spark's run")
    raise DifferenceError("Spark's run ended before a worker could be killed in it.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything; the exit code."""
    parser = argparse.ArgumentParser(prog="make engines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000, help="rows of the quarter in which a worker is killed")
    parser.add_argument("--local-folder", action="store_true", help="tables in a folder, where there is no FUSE")
    options = parser.parse_args(arguments)
    folder = get_settings().home / "engines"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        try:
            with timed("Starting the cluster"):
                cluster = stack.enter_context(
                    running_cluster(folder / "cluster", in_object_store=not options.local_folder)
                )
            place = "a local folder" if options.local_folder else "a SeaweedFS bucket, mounted as a folder"
            console.print(
                f"Spark: a master, {len(cluster.workers)} workers, a thrift server; its tables are in {place}."
            )
            postgres, spark = (settings_of(engine, folder, cluster) for engine in Engine)
            for quarter, rows in SMALL_QUARTERS.items():
                for domain, source in sources(folder, quarter, rows).items():
                    for settings in (postgres, spark):
                        what = f"{domain} of {quarter} on {settings.engine.value}"
                        with timed(f"The whole job, {what}"):
                            finish(run(settings, domain, source, quarter), what)
            report(compare_models(postgres, spark), "Two quarters on both engines")
            with timed("dbt's unit tests on spark"):
                run_unit_tests(spark)
            file = write_exam_sample(LARGE_QUARTER, folder, load_exam_contract(), rows=options.rows)
            with timed(f"{LARGE_QUARTER}, {options.rows:,} rows, the whole job on postgres"):
                finish(run(postgres, EXAMS, file, LARGE_QUARTER), f"{LARGE_QUARTER} on postgres")
            with timed(f"{LARGE_QUARTER}, {options.rows:,} rows, the whole job on spark, one worker lost"):
                process = run(spark, EXAMS, file, LARGE_QUARTER)
                stack.callback(process.kill)
                kill_a_worker_in(process, cluster)
                finish(process, f"{LARGE_QUARTER} on spark")
            failures = cluster.failures()
            console.print("Spark's driver saw: " + ", ".join(f"{count} {what}" for what, count in failures.items()))
            if not all(failures.values()):
                raise DifferenceError("The killed worker interrupted no task.")
            report(compare_models(postgres, spark), "Three quarters on both engines, the last with a worker killed")
            forget(spark, next(iter(SMALL_QUARTERS)))
        except (DifferenceError, ClusterError) as error:
            console.print(f"[bold red]FAILED[/] {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
