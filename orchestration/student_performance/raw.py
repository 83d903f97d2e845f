"""The raw tables: every line of a quarter's file, as it came.

`student_performance_raw.exam_results` shows the lines as text. It is a view: a line's values are kept as the numbers of a set of
demographics and of a set of scores, each of which is kept once, since so many lines have the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pyarrow as pa
from psycopg import sql
from tabulate import tabulate

from orchestration.core.engine import model_rows
from orchestration.core.landing import LandedFile, assigned_file
from orchestration.core.landing_storage import open_landing
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.profile import Profile
from orchestration.core.profile_store import record_profile
from orchestration.core.pseudonyms import pseudonymised
from orchestration.core.raw_tables import RawTable
from orchestration.core.roles import Role
from orchestration.core.settings import Engine, Settings
from orchestration.core.spark import open_spark
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.exam_file import DEMOGRAPHIC_SET, SCORE_SET, ExamLines, read_exam_results
from orchestration.student_performance.ingest import DOMAIN, office_aliases
from orchestration.student_performance.profiling import KIND

RAW_SCHEMA = f"{DOMAIN}_raw"
RAW_VIEW = "exam_results"


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
            RawTable(RAW_SCHEMA, "exam_files", {"source_file_id": "text", "line_count": "bigint"}),
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
            ),
            RawTable(RAW_SCHEMA, "exam_demographic_sets", _set_columns("demographic_set", demographics)),
            RawTable(RAW_SCHEMA, "exam_score_sets", _set_columns("score_set", scores)),
        )

    @property
    def all(self) -> list[RawTable]:
        """The four tables."""
        return [self.files, self.lines, self.demographic_sets, self.score_sets]

    def text_view(self, contract: Contract) -> str:
        """The query of `exam_results`: every line with its values as text."""
        demographics = "".join(f"demographic_sets.{item.name}, " for item in contract.demographics)
        scores = "".join(f"score_sets.{item.name}_score, " for item in contract.subjects)
        return f"""
            select lines.quarter, files.source_file_id, lines.source_line, lines.source_student_id,
                {demographics}{scores}lines.source_text, lines.field_count_problem
            from {self.lines.relation} as lines
            inner join {self.files.relation} as files on lines.quarter = files.quarter
            left join {self.demographic_sets.relation} as demographic_sets
                on lines.quarter = demographic_sets.quarter and lines.demographic_set = demographic_sets.demographic_set
            left join {self.score_sets.relation} as score_sets
                on lines.quarter = score_sets.quarter and lines.score_set = score_sets.score_set
        """  # noqa: S608 - the contract's names are checked to be plain words


def _set_columns(number: str, names: Sequence[str]) -> dict[str, str]:
    return {number: "integer", **dict.fromkeys(names, "text"), "line_count": "bigint"}


def load_raw(database: Database, settings: Settings, quarter: Quarter, contract: Contract) -> tuple[LandedFile, int]:
    """Replace the quarter's partitions of the raw tables, where the models run, by the lines of its file, and profile it.

    Returns:
        The file and the number of lines.
    """
    load = _load_raw_in_spark if settings.engine is Engine.SPARK else _load_raw_in_postgres
    landed, profile = load(database, settings, quarter, contract)
    with writing(database) as connection:
        record_profile(connection, DOMAIN, KIND, str(quarter), landed.source_file_id, profile)
    return landed, profile.row_count


@contextmanager
def _assigned_lines(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> Iterator[tuple[LandedFile, ExamLines, Iterable[pa.Table]]]:
    """The file that the quarter is made of, its lines, and blocks of them with pseudonyms, for as long as the block lasts."""
    with database.connect() as connection:
        landed = assigned_file(connection, open_landing(settings), DOMAIN, quarter)
    with landed.local_copy() as path:
        lines = ExamLines(read_exam_results(path, contract, office_aliases(settings), name=landed.name))
        yield landed, lines, pseudonymised(lines.blocks(), "source_student_id", settings, database)


def _filled(
    tables: RawTables,
    landed: LandedFile,
    lines: ExamLines,
    blocks: Iterable[pa.Table],
    fill: Callable[[RawTable, Iterable[pa.Table]], int],
) -> int:
    """Fill the four tables in turn; the number of lines. The sets are known only after the lines."""
    count = fill(tables.lines, blocks)
    fill(tables.demographic_sets, [lines.demographic_sets.table(DEMOGRAPHIC_SET)])
    fill(tables.score_sets, [lines.score_sets.table(SCORE_SET)])
    fill(tables.files, [pa.table({"source_file_id": [landed.source_file_id], "line_count": [count]})])
    return count


def _load_raw_in_postgres(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> tuple[LandedFile, Profile]:
    """Load by COPY, in one transaction: readers see the old quarter until its end."""
    tables = RawTables.of(contract)
    with (
        exclusive(database, f"raw {DOMAIN}"),
        _assigned_lines(database, settings, quarter, contract) as (landed, lines, blocks),
        writing(database.as_role(Role.LOADER)) as connection,
    ):
        _ensure_raw_tables(connection, tables, contract)
        count = _filled(tables, landed, lines, blocks, lambda table, part: table.fill(connection, quarter, part))
        for table in tables.all:
            table.swap_in(connection, quarter)
    return landed, lines.profile(count)


def _load_raw_in_spark(
    database: Database, settings: Settings, quarter: Quarter, contract: Contract
) -> tuple[LandedFile, Profile]:
    """Write Parquet files, and switch the quarter's partitions to them one after the other.

    Between two switches the tables do not fit together; no model is built from them before this step has succeeded.
    """
    tables = RawTables.of(contract)
    types = {"text": pa.string(), "integer": pa.int32(), "bigint": pa.int64()}
    with (
        exclusive(database, f"raw {DOMAIN}"),
        _assigned_lines(database, settings, quarter, contract) as (landed, lines, blocks),
        open_spark(settings) as spark,
    ):

        def fill(table: RawTable, blocks: Iterable[pa.Table]) -> int:
            schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()])
            written = (block.select(schema.names).cast(schema) for block in blocks)
            return spark.replace_quarter(table.relation, str(quarter), schema, written)

        count = _filled(tables, landed, lines, blocks, fill)
        spark.rows(f"create or replace view {RAW_SCHEMA}.{RAW_VIEW} as {tables.text_view(contract)}")
    return landed, lines.profile(count)


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


def _ensure_raw_tables(connection: psycopg.Connection, tables: RawTables, contract: Contract) -> None:
    """Create what is missing, and the view of the lines as text anew where it has other columns."""
    for table in tables.all:
        table.ensure(connection)
    view, name = sql.Identifier(RAW_SCHEMA, RAW_VIEW), f"{RAW_SCHEMA}.{RAW_VIEW}"
    # This was once a table of texts. Landing has every line of it: a quarter's next run loads it, and builds what reads it, again.
    row = connection.execute("select relkind = 'p' from pg_class where oid = to_regclass(%s)", (name,)).fetchone()
    if row == (True,):
        connection.execute(sql.SQL("drop table {} cascade").format(view))
    present = [
        row[0]
        for row in connection.execute(
            """
            select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
            """,
            (name,),
        )
    ]
    query = tables.text_view(contract)
    wanted = ["quarter", "source_file_id", "source_line", "source_student_id"]
    wanted += [*contract.raw_columns, "source_text", "field_count_problem"]
    if present != wanted:
        connection.execute(sql.SQL("drop view if exists {}").format(view))
        connection.execute(sql.SQL("create view {} as {}").format(view, sql.SQL(query)))
