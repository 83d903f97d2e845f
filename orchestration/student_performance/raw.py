"""The raw tables: every line of a quarter's file, as it came.

`student_performance_raw.exam_results` shows the lines as text. It is a view: a line's values are kept as the numbers of a set of
demographics and of a set of scores, each of which is kept once, since so many lines have the same. The marts are views on the
lines, so a file is loaded beside the one that they show (its slot, a or b), and shown once its checks have passed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from psycopg import sql
from tabulate import tabulate

from orchestration.core.corrections import CORRECTIONS, laid_over
from orchestration.core.engine import model_exists, model_rows
from orchestration.core.landing import LandedFile, assigned_file
from orchestration.core.landing_storage import open_landing
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.profile_store import deliveries, record_doubts, record_profile
from orchestration.core.pseudonyms import pseudonymised
from orchestration.core.raw_tables import RawTable, replacing_quarter
from orchestration.core.roles import Role
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import open_spark
from orchestration.student_performance.against_earlier import differences
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.damage import refuse_damage
from orchestration.student_performance.doubts import unexpected_values
from orchestration.student_performance.exam_file import ExamLines, read_exam_results
from orchestration.student_performance.ingest import DOMAIN, office_aliases
from orchestration.student_performance.profiling import KIND

RAW_SCHEMA = f"{DOMAIN}_raw"
RAW_VIEW = "exam_results"
SHOWN_FILES = f"{DOMAIN}_staging.stg_{DOMAIN}__accepted_files"


@dataclass(frozen=True)
class RawTables:
    """The tables of a contract's raw schema, partitioned by quarter."""

    files: RawTable
    lines: RawTable
    demographic_sets: RawTable
    score_sets: RawTable

    @classmethod
    def of(cls, contract: Contract) -> "RawTables":
        """The tables for this contract's columns."""
        demographics = [item.name for item in contract.demographics]
        scores = [f"{item.name}_score" for item in contract.subjects]
        return cls(
            RawTable(RAW_SCHEMA, "exam_files", {"slot": "text", "source_file_id": "text", "line_count": "bigint"}),
            RawTable(
                RAW_SCHEMA,
                "exam_lines",
                {
                    "source_line": "bigint",
                    "source_student_id": "text",
                    "demographic_set": "integer",
                    "score_set": "integer",
                    "source_text": "text",
                    "field_count_problem": "text",
                },
                has_slots=True,
            ),
            RawTable(
                RAW_SCHEMA, "exam_demographic_sets", _set_columns("demographic_set", demographics), has_slots=True
            ),
            RawTable(RAW_SCHEMA, "exam_score_sets", _set_columns("score_set", scores), has_slots=True),
        )

    @property
    def all(self) -> list[RawTable]:
        """The four tables."""
        return [self.files, *self.in_slots]

    @property
    def in_slots(self) -> list[RawTable]:
        """The tables that may have two files of a quarter: the one that the marts show, and the one to be judged."""
        return [self.lines, self.demographic_sets, self.score_sets]

    def text_view(self, contract: Contract) -> str:
        """The query of `exam_results`: every line with its values as text."""
        demographics = "".join(f"demographic_sets.{item.name}, " for item in contract.demographics)
        scores = "".join(f"score_sets.{item.name}_score, " for item in contract.subjects)
        return f"""
            select lines.quarter, files.source_file_id, lines.source_line, lines.source_student_id,
                {demographics}{scores}lines.source_text, lines.field_count_problem
            from {self.lines.relation} as lines
            inner join {self.files.relation} as files on lines.quarter = files.quarter and lines.slot = files.slot
            left join {self.demographic_sets.relation} as demographic_sets
                on lines.quarter = demographic_sets.quarter and lines.slot = demographic_sets.slot
                and lines.demographic_set = demographic_sets.demographic_set
            left join {self.score_sets.relation} as score_sets
                on lines.quarter = score_sets.quarter and lines.slot = score_sets.slot
                and lines.score_set = score_sets.score_set
        """  # noqa: S608 - the contract's names are checked to be plain words


def _set_columns(number: str, names: Sequence[str]) -> dict[str, str]:
    return {number: "integer", **dict.fromkeys(names, "text"), "line_count": "bigint", CORRECTIONS: "text"}


def load_raw(database: Database, settings: Settings, quarter: Quarter, contract: Contract) -> tuple[LandedFile, int]:
    """Load the lines of the quarter's file into the raw tables' free slot, where the models run; profile and judge the file.

    Returns:
        The file and the number of lines.

    Raises:
        QuarterdeckError: the file is certainly damaged (see `refuse_damage`); then the tables are as before.
    """
    tables = RawTables.of(contract)
    slot = "b" if shown_slots(database, settings, [quarter]).get(quarter) == "a" else "a"
    with (
        replacing_quarter(database, settings, DOMAIN, quarter, slot) as fill,
        _assigned_lines(database, settings, quarter, contract) as (landed, lines, blocks),
    ):
        # The sets are known only after the lines.
        count = fill(tables.lines, blocks)
        arrival = lines.arrival()
        refuse_damage(arrival)
        for table, sets in zip((tables.demographic_sets, tables.score_sets), lines.set_tables(), strict=True):
            fill(table, [sets])
        file = {"slot": [slot], "source_file_id": [landed.source_file_id], "line_count": [count]}
        fill(tables.files, [pa.table(file)])
    _show_lines_as_text(database, settings, tables, contract)
    profile = lines.profile(arrival)
    with writing(database) as connection:
        others = {
            f"{one.file_name} ({one.quarter})": one.profile
            for one in deliveries(connection, DOMAIN)
            if one.kind == KIND and one.quarter != str(quarter)
        }
        doubts = [*unexpected_values(arrival), *differences(arrival, profile, others)]
        record_profile(connection, DOMAIN, KIND, str(quarter), landed.source_file_id, profile)
        record_doubts(connection, DOMAIN, str(quarter), landed.source_file_id, doubts)
    return landed, count


@contextmanager
def _assigned_lines(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> Iterator[tuple[LandedFile, ExamLines, Iterable[pa.Table]]]:
    """The file that the quarter is made of, its lines, and blocks of them with pseudonyms, for as long as the block lasts."""
    with database.connect() as connection:
        landed = assigned_file(connection, open_landing(settings), DOMAIN, quarter)
    corrections = laid_over(database, settings, DOMAIN, quarter).get(landed.source_file_id)
    with landed.local_copy() as path:
        lines = ExamLines(read_exam_results(path, contract, office_aliases(settings), name=landed.name), corrections)
        yield landed, lines, pseudonymised(lines.blocks(), "source_student_id", settings, database)


def shown_slots(database: Database, settings: Settings, quarters: Sequence[Quarter]) -> dict[Quarter, str]:
    """The slot of the file that each quarter's marts show; a quarter without marts is left out."""
    if not model_exists(settings, database, SHOWN_FILES):
        return {}
    labels = ", ".join(f"'{quarter}'" for quarter in quarters)
    with model_rows(settings, database) as rows:
        found = dict(rows(f"select quarter, slot from {SHOWN_FILES} where quarter in ({labels})"))  # noqa: S608
    return {quarter: found[str(quarter)] for quarter in quarters if str(quarter) in found}


def drop_replaced(database: Database, settings: Settings, quarters: Sequence[Quarter], contract: Contract) -> None:
    """Delete the lines of the files that the quarters' marts no longer show."""
    tables = RawTables.of(contract)
    replaced = {quarter: "ab".replace(slot, "") for quarter, slot in shown_slots(database, settings, quarters).items()}
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            for quarter, slot in replaced.items():
                for table in tables.in_slots:
                    spark.drop_partition(table.relation, {"quarter": str(quarter), "slot": slot})
        return
    with writing(database.as_role(Role.LOADER)) as connection:
        for quarter, slot in replaced.items():
            for table in tables.in_slots:
                table.drop_partition(connection, quarter, slot)


def preview(database: Database, settings: Settings, quarter: Quarter, contract: Contract, limit: int = 5) -> str:
    """The first lines of the quarter's raw partition as a Markdown table, without the students' ids."""
    columns = ["quarter", "source_line", *contract.raw_columns]
    with model_rows(settings, database) as rows:
        found = rows(
            f"select {', '.join(columns)} from {RAW_SCHEMA}.{RAW_VIEW} where quarter = '{quarter}' "  # noqa: S608
            # Without the bound all lines would be sorted for these few.
            f"and source_line <= {limit + 20} order by source_line limit {limit}"
        )
        return str(tabulate(found, headers=columns, tablefmt="github"))


def _show_lines_as_text(database: Database, settings: Settings, tables: RawTables, contract: Contract) -> None:
    """Create the view of the lines as text, anew where the contract has other columns."""
    query = tables.text_view(contract)
    if settings.engine is Engine.SPARK:
        with open_spark(settings) as spark:
            spark.rows(f"create or replace view {RAW_SCHEMA}.{RAW_VIEW} as {query}")
        return
    wanted = ["quarter", "source_file_id", "source_line", "source_student_id"]
    wanted += [*contract.raw_columns, "source_text", "field_count_problem"]
    view = sql.Identifier(RAW_SCHEMA, RAW_VIEW)
    with writing(database.as_role(Role.LOADER)) as connection:
        present = [
            row[0]
            for row in connection.execute(
                """
                select attname from pg_attribute
                where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
                """,
                (f"{RAW_SCHEMA}.{RAW_VIEW}",),
            )
        ]
        if present != wanted:
            connection.execute(sql.SQL("drop view if exists {}").format(view))
            connection.execute(sql.SQL("create view {} as {}").format(view, sql.SQL(query)))
