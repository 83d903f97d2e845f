"""Load each faulty file as a run would, and write down what Quarterdeck says and what has changed.

A drill has a database of its own with a few clean quarters. Each fault is received, read and loaded by the code of a
run, for a quarter
of its own; then dbt judges the lines of all of them at once, and the gate is asked about each. Nothing of an
office's is touched.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestration.core.dbt import build_arguments, explain, invoke, parsed_project, target_dir
from orchestration.core.delimited import inspect_file, read_rows
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.profile_store import deliveries, file_doubts
from orchestration.core.settings import Settings
from orchestration.definitions import dbt_variables
from orchestration.faults.exam_rows import FAULTS
from orchestration.faults.fault import Clean, Fault, Outcome, Result
from orchestration.student_performance.checks import count_rows, quarantine_sentence
from orchestration.student_performance.contract import Contract, load_contract
from orchestration.student_performance.ingest import DOMAIN, receive
from orchestration.student_performance.raw import load_raw
from orchestration.student_performance.sample import write_sample

ROWS = 600
FIRST = Quarter(2024, 1)
HISTORY = 3
"""Clean quarters before the faulty one; from four on, the monitoring judges rows and shares too."""
LINES = """
    select source_line, column_name, reason from student_performance_staging.stg_student_performance__rejected_results
    where quarter = %s order by source_line limit 3
"""
# What must be the same after a refusal as before: every line loaded, every receipt, what each quarter is made of.
STATE = """
    select md5(concat(
        (select string_agg(lines::text, ',' order by lines::text) from student_performance_raw.exam_lines as lines),
        (select string_agg(files::text, ',' order by files::text) from platform.landing_files as files where
        source_file_id <> %s),
        (select string_agg(parts::text, ',' order by parts::text) from platform.quarter_files as parts where quarter <> %s)
    ))
"""


@contextmanager
def drill_database() -> Iterator[tuple[Settings, Database]]:
    """An embedded database in a temporary folder, gone afterwards; of the office's settings only the limits are used."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-faults-") as home:
        settings = Settings(home=Path(home), database_url=None, landing_dir=None, contract=None, aliases=None)
        try:
            yield settings, open_database(settings)
        finally:
            remove_embedded(settings)


def clean_file(quarter: Quarter, folder: Path, contract: Contract) -> tuple[Path, list[str], list[list[str]]]:
    """A clean generated file: its path, header and rows."""
    path = write_sample(str(quarter), folder, contract, rows=ROWS, with_faults=False)
    dialect = inspect_file(path)
    return path, list(dialect.header), [fields for _, fields, _ in read_rows(path, dialect)]


def run_exam_faults(faults: Sequence[Fault] = FAULTS) -> list[Result]:
    """Try every fault of exam files.

    Raises:
        QuarterdeckError: the clean quarters do not load, or dbt fails.
    """
    contract = load_contract()
    with drill_database() as (settings, database):
        files = settings.home / "files"
        files.mkdir()
        history = [FIRST.plus(step) for step in range(HISTORY)]
        for quarter in history:
            path, _, rows_before = clean_file(quarter, files, contract)
            receive(database, settings, str(path), quarter, contract)
            load_raw(database, settings, quarter, contract)
        _, header, clean_rows = clean_file(history[-1].plus(1), files, contract)
        clean = Clean(header, clean_rows, rows_before, path.read_bytes())

        drill = _Drill(settings, database, contract)
        results = []
        for number, fault in enumerate(faults):
            quarter = history[-1].plus(number + 1)
            results.append(drill.load(fault, fault.write(clean, files / str(number)), quarter))
        drill.judge()
        for result in results:
            result.compare()
        return results


class _Drill:
    """Loads faults, and judges those that could be loaded together."""

    def __init__(self, settings: Settings, database: Database, contract: Contract) -> None:
        self._settings, self._database, self._contract = settings, database, contract
        self._loaded: dict[Quarter, Result] = {}

    def load(self, fault: Fault, path: Path, quarter: Quarter) -> Result:
        """Receive and load one file."""
        result = Result(fault)
        before = self._state(quarter, "")
        source_file_id = ""
        try:
            receipt = receive(self._database, self._settings, str(path), quarter, self._contract)
            source_file_id = receipt.landed.source_file_id if receipt.landed.is_new else ""
            result.said += receipt.remarks(quarter)
            _, count = load_raw(self._database, self._settings, quarter, self._contract)
            with self._database.connect() as connection:
                result.said += [doubt for of, _, _, doubt in file_doubts(connection, DOMAIN) if of == str(quarter)]
                (loaded,) = [one for one in deliveries(connection, DOMAIN) if one.quarter == str(quarter)]
            result.outcome = Outcome.WARNED if result.said else None
            result.said.append(f"{count:,} lines read ({loaded.profile.written}).")
            self._loaded[quarter] = result
            if fault.outcome is Outcome.READ_RIGHT:
                self._receive_again(result, path, quarter)
        except QuarterdeckError as error:
            result.outcome = Outcome.REFUSED
            result.said = [str(error)]
            if self._state(quarter, source_file_id) != before:
                result.wrong.append("something else has changed")
        with self._database.connect() as connection:
            # The next fault is compared with clean quarters alone.
            connection.execute("delete from platform.file_profiles where quarter = %s", (str(quarter),))
        return result

    def _receive_again(self, result: Result, path: Path, quarter: Quarter) -> None:
        """The same bytes under another name are the same file."""
        before = self._state(quarter, "")
        copy = shutil.copy(path, path.with_name("results (1).csv"))
        landed = receive(self._database, self._settings, str(copy), quarter, self._contract).landed
        if landed.is_new or self._state(quarter, "") != before:
            result.wrong.append("the same bytes under another name are taken for another file")
        result.said.append(f"Again as {landed.name}: recognised by its hash.")

    def _state(self, quarter: Quarter, source_file_id: str) -> object:
        with self._database.connect() as connection:
            return connection.execute(STATE, (source_file_id, str(quarter))).fetchone()

    def judge(self) -> None:
        """Let dbt judge all loaded lines, and see which rows are set aside and which files are held back."""
        quarters = list(self._loaded)
        variables = dbt_variables(self._settings)
        arguments = build_arguments(quarters, variables, ["run", "--select", f"+stg_{DOMAIN}__rejected_results"])
        manifest = parsed_project(self._settings, variables).manifest
        done = invoke(self._settings, self._database, "faults", arguments, manifest=manifest)
        if not done.success:
            raise QuarterdeckError(explain(done, target_dir(self._settings, "faults")))
        accounts = {one.quarter: one for one in count_rows(self._database, self._settings, quarters, refused=True)}
        for quarter, result in self._loaded.items():
            account = accounts[str(quarter)]
            if account.read != account.trusted + account.quarantined:
                result.wrong.append("the rows do not add up")
            if sentence := quarantine_sentence(self._database, self._settings, [quarter]):
                result.outcome, result.said = Outcome.STOPPED, [sentence]
            elif account.quarantined:
                result.outcome = Outcome.QUARANTINED
                result.said.append(self._quarantined(quarter))
            elif result.outcome is None or result.fault.outcome is Outcome.READ_RIGHT:
                result.outcome = Outcome.READ_RIGHT
                if account.trusted != ROWS:
                    result.wrong.append(f"{account.trusted:,} rows instead of {ROWS:,}")

    def _quarantined(self, quarter: Quarter) -> str:
        with self._database.connect() as connection:
            rows = connection.execute(LINES, (str(quarter),)).fetchall()
        return (
            "Quarantined: "
            + ", ".join(f"line {line}{f', {column}' if column else ''}: {reason}" for line, column, reason in rows)
            + "."
        )
