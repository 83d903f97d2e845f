"""What must hold before a quarter of attendance goes on: the row account, and the limit on faulty rows."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from orchestration.attendance.ingest import DOMAIN
from orchestration.core.accounts import RowAccount
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.resources import Platform
from orchestration.core.roles import Role

# What is set aside without being a fault, by the judged rows that have a limit: the total is no school, a school that has not
# reported is not absent, and of marks, what says nothing, is told twice, or waits for a decision. The dbt tests say it too.
EXPECTED_REASONS = {
    "report_items": ("not_a_school", "not_submitted"),
    "student_marks": ("not_recorded", "repeated_mark", "no_instructional_day", "identity_conflict"),
}
# Every raw table, with the judged rows that are made of it: trusted where they have no reason.
JUDGED = {
    "school_days": "report_items",
    **{name: name for name in ("student_marks", "enrolments", "holidays", "absence_reasons")},
}


def count_rows(database: Database, quarters: Sequence[Quarter]) -> list[RowAccount]:
    """The quarters' row accounts, a file each, counted in the raw tables and in the judged rows independently."""
    labels = [str(quarter) for quarter in quarters]
    read: dict[tuple[str, str], int] = {}
    reasons: dict[tuple[str, str], dict[str | None, int]] = {}
    with database.as_role(Role.TRANSFORMER).connect() as connection:
        for raw_table, judged in JUDGED.items():
            read.update(_count(connection, ("attendance_raw", raw_table), [], labels))
            counted = _count(connection, ("attendance_staging", f"stg_attendance__{judged}"), ["reason"], labels)
            for (quarter, file, reason), count in counted.items():
                reasons.setdefault((quarter, file), {})[reason] = count
    return [
        RowAccount(
            DOMAIN,
            *key,
            count,
            found.get(None, 0),
            {reason: rows for reason, rows in found.items() if reason is not None},
        )
        for key, count in sorted(read.items())
        for found in [reasons.get(key, {})]
    ]


def _count(
    connection: psycopg.Connection, table: tuple[str, str], columns: Sequence[str], labels: list[str]
) -> dict[Any, int]:
    """Rows by quarter, file and the columns."""
    statement = sql.SQL(
        "select quarter, source_file_id, {} count(*) from {} where quarter = any(%s) group by {}"
    ).format(
        sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(column)) for column in columns),
        sql.Identifier(*table),
        sql.SQL(", ").join(map(sql.Literal, range(1, 3 + len(columns)))),
    )
    return {tuple(key): count for *key, count in connection.execute(statement, (labels,))}


def explain_quarantine(platform: Platform, quarters: Sequence[Quarter]) -> str | None:
    """Why dbt stopped, where the cause is too many faulty items or marks; None where it is not."""
    limit = platform.settings.max_quarantined_pct
    sentences = []
    with platform.database.as_role(Role.TRANSFORMER).connect() as connection:
        for judged, expected in EXPECTED_REASONS.items():
            view = f"attendance_staging.stg_attendance__{judged}"
            if connection.execute("select to_regclass(%s)", (view,)).fetchone() == (None,):
                continue
            rows = connection.execute(
                sql.SQL(
                    """
                    select quarter, count(*), count(*) filter (where reason is not null and not reason = any(%s)),
                        min(reason) filter (where reason is not null and not reason = any(%s))
                    from {} where quarter = any(%s) group by quarter order by quarter
                    """
                ).format(sql.Identifier(*view.split("."))),
                (list(expected), list(expected), [str(quarter) for quarter in quarters]),
            ).fetchall()
            words = judged.replace("_", " ")
            sentences += [
                f"{quarter}: {faulty} of {read} {words} ({100 * faulty / read:.1f} %) are faulty, more than the limit of "
                f"{limit:g} % (for example {example})."
                for quarter, read, faulty, example in rows
                if 100 * faulty > limit * read
            ]
    if not sentences:
        return None
    return " ".join(sentences) + (
        " Nothing was published and the marts are as before. Mend the files and load them again, "
        "or raise QUARTERDECK_MAX_QUARANTINED_PCT if this is expected."
    )
