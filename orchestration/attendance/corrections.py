"""What a file of corrections is checked against: the rows of attendance that were set aside, and staging's own rules.

A correction is tried before it is kept: laid beside its raw row in a transaction that is always taken back, it is judged by the
views of staging, the same that judge it later.
"""

import json
from collections.abc import Collection, Mapping, Sequence

import psycopg
from psycopg import sql

from orchestration.attendance.checks import JUDGED
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.kinds import KINDS, RAW_SCHEMA, RAW_TABLES
from orchestration.attendance.student_files import MARKS
from orchestration.core.corrections import CORRECTIONS, STUDENT_ID, Correction, QuarantinedValue
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.pseudonyms import open_pseudonyms
from orchestration.core.settings import Engine, Settings

# By raw table, the model that judges its rows as it is read: the judged marks themselves are kept in a table.
_JUDGING = {**JUDGED, MARKS: "judged_marks"}
# Columns of a raw row that say where it is, or what reading it found; all others are values that may be corrected.
_NO_VALUES = {"source_line", "source_column", "line_problem", "repaired"}
# Of a class sheet's row, what is said once for all its days; each day's mark has the day's header as its column.
_SHEET_COLUMNS = (STUDENT_ID, "student_name", "school_code", "sheet_total")
# What may be wrong, by the reason that a row was set aside for. Of a reason that is not here, every value may be.
_SUSPECTS = {
    "invalid_day": ("day", "attendance_day", "enrolled_from", "enrolled_to", "holiday_date", "absence_date"),
    "no_instructional_day": ("attendance_day",),
    "not_a_number": ("attendance_pct",),
    "out_of_range": ("attendance_pct",),
    "not_submitted": ("attendance_pct",),
    "not_a_school": ("school_code",),
    "repeated_school_day": ("school_code", "day"),
    "not_recorded": ("mark",),
    "unknown_mark": ("mark",),
    "conflicting_marks": ("mark",),
    "repeated_mark": (STUDENT_ID, "attendance_day"),
    "total_disagrees": ("mark", "sheet_total"),
    "identity_conflict": (STUDENT_ID, "student_name"),
}

Row = dict[str, str | None]


def quarantined(database: Database, settings: Settings, quarters: Collection[Quarter] | None) -> list[QuarantinedValue]:
    """The values that may be wrong of the rows that were set aside."""
    _require_postgres(settings)
    found = []
    with database.connect() as connection:
        names: dict[str, str] = dict(connection.execute("select source_file_id, name from platform.landing_files"))
        for raw_table in RAW_TABLES:
            for quarter, file, line, column, reason, row in _judged(connection, raw_table, JUDGED, quarters):
                for name, value in _suspects(reason, column, row).items():
                    found.append(
                        QuarantinedValue(DOMAIN, quarter, file, names.get(file, ""), line, name, value, reason)
                    )
    return sorted(set(found), key=lambda one: (one.quarter, one.file, one.line, one.column))


def raw_lines(
    database: Database,
    settings: Settings,
    quarter: Quarter,
    source_file_id: str,
    lines: Collection[int],
) -> dict[int, Row]:
    """Those of the lines that the file has: its values by column, as they came; a class sheet's marks by their days' headers."""
    _require_postgres(settings)
    with database.connect() as connection:
        raw_table = _raw_table_of(connection, quarter, source_file_id)
        rows = connection.execute(
            sql.SQL(
                "select to_jsonb(raw) from {} as raw where quarter = %s and source_file_id = %s and source_line = any(%s)"
            ).format(sql.Identifier(RAW_SCHEMA, raw_table)),
            (str(quarter), source_file_id, list(lines)),
        ).fetchall()
    found: dict[int, Row] = {}
    for (row,) in rows:
        found.setdefault(row["source_line"], {}).update(_values(raw_table, row))
    return found


def still_broken(database: Database, settings: Settings, corrections: Sequence[Correction]) -> list[str]:
    """A sentence for each row that would be set aside with its corrections too."""
    by_line: dict[tuple[Quarter, str, int], dict[str, str]] = {}
    for correction in corrections:
        key = (correction.quarter, correction.source_file_id, correction.line)
        by_line.setdefault(key, {})[correction.column] = correction.value
    pseudonyms = open_pseudonyms(settings, database)
    problems: list[str] = []
    with database.connect() as connection:
        for (quarter, file, line), values in by_line.items():
            if STUDENT_ID in values:
                values = {**values, STUDENT_ID: pseudonyms.of(values[STUDENT_ID])}
            _lay_over(connection, _raw_table_of(connection, quarter, file), quarter, file, line, values)
        for raw_table in RAW_TABLES:
            for label, file, line, column, reason, _ in _judged(
                connection, raw_table, _JUDGING, {key[0] for key in by_line}
            ):
                if (Quarter.parse(label), file, line) in by_line:
                    where = f"{label}, file {file}, line {line}{f', {column}' if column else ''}"
                    problems.append(f"{where}: it would be set aside again, as {reason.replace('_', ' ')}.")
        connection.rollback()
    return problems


def _judged(
    connection: psycopg.Connection, raw_table: str, models: Mapping[str, str], quarters: Collection[Quarter] | None
) -> list[tuple[str, str, int, str | None, str, Row]]:
    """The rows that staging sets aside: quarter, file, line, a class sheet's column, reason, and the values as they came."""
    judged = sql.Identifier(f"{DOMAIN}_staging", f"stg_{DOMAIN}__{models[raw_table]}")
    if connection.execute("select to_regclass(%s)", (judged.as_string(connection),)).fetchone() == (None,):
        return []
    column = sql.SQL("judged.source_column" if raw_table == MARKS else "null")
    rows = connection.execute(
        sql.SQL(
            """
            select judged.quarter, judged.source_file_id, judged.source_line, {column}, judged.reason, to_jsonb(raw)
            from {judged} as judged
            inner join {raw} as raw
                on judged.quarter = raw.quarter and judged.source_file_id = raw.source_file_id
                and judged.source_line = raw.source_line and {column} is not distinct from {raw_column}
            where judged.reason is not null and (%(quarters)s::text[] is null or judged.quarter = any(%(quarters)s))
            """
        ).format(
            column=column,
            judged=judged,
            raw=sql.Identifier(RAW_SCHEMA, raw_table),
            raw_column=sql.SQL("raw.source_column" if raw_table == MARKS else "null"),
        ),
        {"quarters": None if quarters is None else [str(quarter) for quarter in quarters]},
    ).fetchall()
    return [(*place, _values(raw_table, row)) for *place, row in rows]


def _values(raw_table: str, row: Mapping[str, str | None]) -> Row:
    """The values of a raw row that may be corrected, by the columns of a form."""
    header = row.get("source_column")
    if header is not None:
        return {header: row["mark"], **{name: row[name] for name in _SHEET_COLUMNS}}
    if row.get("line_problem") is not None and raw_table == MARKS and row["attendance_day"] is None:
        return {}
    return {
        name: row[name]
        for name in RAW_TABLES[raw_table].columns
        if name not in {*_NO_VALUES, "source_file_id", "sheet_total", CORRECTIONS}
    }


def _suspects(reason: str, header: str | None, row: Row) -> Row:
    """Those of a row's values that may be what is wrong: for a missing one the empty ones, else by the reason."""
    if reason == "missing_value":
        return {name: value for name, value in row.items() if not (value or "").strip()} or row
    names = {header if name == "mark" and header else name for name in _SUSPECTS.get(reason, tuple(row))}
    return {name: value for name, value in row.items() if name in names}


def _lay_over(
    connection: psycopg.Connection, raw_table: str, quarter: Quarter, file: str, line: int, values: Mapping[str, str]
) -> None:
    """Put the corrections beside the raw rows, as loading would."""
    place = sql.SQL("quarter = %s and source_file_id = %s and source_line = %s")
    columns = set(RAW_TABLES[raw_table].columns)
    of_line = {column: value for column, value in values.items() if column in columns}
    statement = sql.SQL("update {} set corrections = {} where {}")
    table = sql.Identifier(RAW_SCHEMA, raw_table)
    connection.execute(statement.format(table, sql.Literal(json.dumps(of_line)), place), (str(quarter), file, line))
    for header in values.keys() - columns:
        both = json.dumps({**of_line, "mark": values[header]})
        connection.execute(
            sql.SQL("{} and source_column = %s").format(statement.format(table, sql.Literal(both), place)),
            (str(quarter), file, line, header),
        )


def _raw_table_of(connection: psycopg.Connection, quarter: Quarter, source_file_id: str) -> str:
    row = connection.execute(
        "select part from platform.quarter_files where domain = %s and quarter = %s and source_file_id = %s",
        (DOMAIN, str(quarter), source_file_id),
    ).fetchone()
    assert row is not None
    return KINDS[row[0].split(":")[0]].raw_table


def _require_postgres(settings: Settings) -> None:
    if settings.engine is Engine.SPARK:
        raise QuarterdeckError(
            "Rows of attendance are repaired where its models are in Postgres; with Spark, mend the file and load it again."
        )
