"""The witness of attendance: every figure once more, from the rows of the received files to numbers, by DuckDB.

`witness*.sql` state the rules of docs/conventions.md a second time, on purpose: nothing of dbt, of the
marts or of Postgres is used. What is taken on trust is how a file's rows are read (`kinds.py`), since DuckDB reads neither XML
nor class sheets, and of which segment of the exam results a student is, which their own witness counts.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import jinja2
import pyarrow as pa

from orchestration.attendance.kinds import RAW_TABLES
from orchestration.core.witness import Figures, Table, figures_of, row_condition

RULES = [
    Path(__file__).with_name(name)
    for name in ("witness.sql", "witness_figures.sql", "witness_pages.sql", "witness_lines.sql")
]
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "attendance"
TABLES = {
    "days": Table(
        ["attendance_date"],
        [
            "school_count",
            "reporting_school_count",
            "mean_attendance_pct",
            "median_attendance_pct",
            "official_total_pct",
        ],
    ),
    "schools": Table(
        ["school_code"],
        ["day_count", "reported_day_count", "mean_attendance_pct", "lowest_attendance_pct", "highest_attendance_pct"],
    ),
    "student_attendance": Table(
        ["school_code"],
        [
            "student_count",
            "transfer_student_count",
            "day_count",
            "enrolled_days",
            "present_days",
            "average_daily_attendance",
            "attendance_pct",
        ],
    ),
    "outcomes": Table(["school_code", "definition", "authority", "version", "outcome"], ["student_count"]),
    "chronic_absence": Table(
        ["school_code", "authority", "version"],
        ["student_count", "chronic_student_count", "chronic_at_school_count", "hidden_student_count"],
    ),
    "flips": Table(
        ["definition", "version_name", "other_version_name", "outcome", "other_outcome"],
        ["student_count", "lowest_attendance_pct", "highest_attendance_pct"],
    ),
    "streaks": Table(["day_count"], ["streak_count", "student_count"]),
    "reasons": Table(["absence_reason"], ["text_count", "mention_count", "student_count"]),
    "row_accounts": Table(["source_file_id"], ["rows_read", "rows_trusted", "rows_quarantined", "corrected_lines"]),
    # Which the pages alone show.
    "quarter_accounts": Table(
        [], ["file_count", "rows_read", "rows_trusted", "corrected_lines"], made_of="row_accounts"
    ),
    "set_aside": Table(["reason"], ["line_count"], made_of="row_accounts"),
    "overview": Table(
        [],
        [
            "day_count",
            "comparable_day_count",
            "school_count",
            "reporting_school_count",
            "school_below_90_count",
            "mean_attendance_pct",
            "median_attendance_pct",
            "lowest_attendance_pct",
            "missing_report_count",
        ],
        made_of="schools",
    ),
    "school_gaps": Table(["school_code"], ["missing_day_count"], made_of="schools", drawn_on="attendance/index.html"),
    "school_ranges": Table(["lowest_pct"], ["school_count"], made_of="schools"),
    "chronic_rates": Table([], ["chronic_pct"], made_of="chronic_absence"),
    "tier_shares": Table(["version_name", "outcome"], ["student_pct"], made_of="outcomes"),
    "streak_ranges": Table(["shortest"], ["streak_count", "student_count"], made_of="streaks"),
    "longest_streaks": Table([], ["day_count"], made_of="streaks"),
    "school_sums": Table([], ["school_count", "enrolled_days", "present_days"], made_of="student_attendance"),
    "conflicts": Table(["who"], ["name_count", "row_count", "person_count"], made_of="identity_conflicts"),
    "conflict_counts": Table([], ["open_count", "decided_count", "waiting_row_count"], made_of="identity_conflicts"),
    "reason_totals": Table([], ["mention_count"], made_of="reasons"),
    "segment_tiers": Table(["cluster_id", "outcome"], ["student_count"], made_of="segments"),
    "segment_students": Table(["cluster_id"], ["student_count"], made_of="segments"),
    "exam_matches": Table([], ["student_count", "matched_student_count"], made_of="segments"),
    "bound_counts": Table(["definition"], ["student_count"], made_of="boundary_cases"),
    "bound_cases": Table(
        ["definition", "who"], ["present_days", "enrolled_days", "bound_pct"], made_of="boundary_cases"
    ),
    "lab_outcomes": Table(["definition", "version_name", "outcome"], ["student_count"], made_of="outcomes"),
    "lab_pairs": Table(["definition", "version_name", "other_version_name"], ["student_count"], made_of="flips"),
    "lab_flips": Table(
        ["definition", "version_name", "other_version_name", "outcome", "other_outcome"],
        ["student_count"],
        made_of="flips",
    ),
}
"""The tables of the edition that have a witness; those that are no part of another are named as their download is."""


class Witness:
    """The rows of the quarters' files and the figures made of them.

    academic_year_start_month: the month in which the first quarter of a year begins, from 1.
    """

    def __init__(self, academic_year_start_month: int) -> None:
        self._first_month = academic_year_start_month
        self._connection = duckdb.connect(":memory:")
        for name, table in RAW_TABLES.items():
            columns = "".join(f", {column} {kind}" for column, kind in table.columns.items())
            self._connection.execute(f"create table {name} (quarter text{columns})")
        self._connection.execute("create table exam_segments (quarter text, student text, cluster_id bigint)")
        for seed in sorted(SEEDS.glob("*.csv")):
            self._connection.execute(f"create table {seed.stem} as from read_csv('{seed}', types = {_types(seed)})")
        self._is_judged = False

    def take(self, raw_table: str, quarter: str, rows: pa.Table) -> None:
        """Take rows of a file, as they go into the raw table."""
        names = list(RAW_TABLES[raw_table].columns)
        self._connection.register("taken", rows.select(names))
        self._connection.execute(f"insert into {raw_table} select ?, * from taken", [quarter])  # noqa: S608

    def take_exam_segments(self, students: Sequence[tuple[str, str, int | None]]) -> None:
        """Take the segments of students of the exam results: quarter, pseudonym and cluster_id of each."""
        columns = zip(("quarter", "student", "cluster_id"), zip(*students, strict=True), strict=True)
        self._connection.register("taken", pa.table({name: pa.array(values) for name, values in columns}))
        self._connection.execute("insert into exam_segments from taken")

    def figures(self, table: str, key: Sequence[str] | None = None) -> Figures:
        """Every figure of the table, or of the row of this quarter and key: by quarter and key, the columns' values."""
        self._judge()
        return figures_of(self._connection, table, TABLES[table], key)

    def lines_of(self, table: str, key: Sequence[str]) -> list[tuple[str, int]]:
        """The files, by their ids, and lines that count for a row of the table, which quarter and key tell."""
        self._judge()
        where = row_condition(["quarter", *TABLES[table].key])
        query = f"select distinct source_file_id, source_line from {table}_lines where {where} order by all"  # noqa: S608
        return self._connection.execute(query, list(key)).fetchall()

    def _judge(self) -> None:
        if not self._is_judged:
            self._connection.execute(rules(self._first_month))
            self._is_judged = True


def rules(first_month: int) -> str:
    """The rules' SQL."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - SQL, no page
    environment.globals["given"] = lambda column: f"coalesce(corrections ->> '$.{column}', {column})"
    text = "".join(path.read_text(encoding="utf-8") for path in RULES)
    return environment.from_string(text).render(first_month=first_month)


def _types(seed: Path) -> dict[str, str]:
    """Types of a seed's columns that a look at the values would not tell."""
    types = {
        "attendance_marks": {"mark": "varchar", "present_fraction": "decimal(10, 4)"},
        "attendance_definitions": {"lower_pct": "decimal(10, 4)", "upper_pct": "decimal(10, 4)"},
    }
    return types.get(seed.stem, {})
