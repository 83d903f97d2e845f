"""What must hold before a quarter of attendance goes on: the row account, and the limit on faulty rows."""

from collections.abc import Sequence

from orchestration.attendance.ingest import DOMAIN
from orchestration.core.accounts import RowAccount, record_accounts
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.resources import Platform
from orchestration.core.roles import Role

# What is set aside without being a fault: the total is no school, and a school that has not reported is not absent.
EXPECTED_REASONS = ("not_a_school", "not_submitted")


def count_rows(database: Database, quarters: Sequence[Quarter]) -> list[RowAccount]:
    """The quarters' row accounts, a file each, counted in the raw table and in the judged rows independently."""
    labels = [str(quarter) for quarter in quarters]
    with database.as_role(Role.TRANSFORMER).connect() as connection:
        read = connection.execute(
            """
            select quarter, source_file_id, count(*) from attendance_raw.school_days
            where quarter = any(%s) group by 1, 2 order by 1, 2
            """,
            (labels,),
        ).fetchall()
        trusted: dict[tuple[str, str], int] = {
            (quarter, file): count
            for quarter, file, count in connection.execute(
                """
                select quarter, source_file_id, count(*) from attendance_staging.stg_attendance__school_days
                where quarter = any(%s) group by 1, 2
                """,
                (labels,),
            )
        }
        reasons: dict[tuple[str, str], dict[str, int]] = {}
        for quarter, file, reason, count in connection.execute(
            """
            select quarter, source_file_id, reason, count(*) from attendance_staging.stg_attendance__set_aside_items
            where quarter = any(%s) group by 1, 2, 3 order by 1, 2, 3
            """,
            (labels,),
        ):
            reasons.setdefault((quarter, file), {})[reason] = count
    return [
        RowAccount(DOMAIN, quarter, file, count, trusted.get((quarter, file), 0), reasons.get((quarter, file), {}))
        for quarter, file, count in read
    ]


def record_row_accounts(platform: Platform, quarters: Sequence[Quarter]) -> list[RowAccount]:
    """Count, check and record the quarters' row accounts."""
    accounts = count_rows(platform.database, quarters)
    record_accounts(platform.database, DOMAIN, [str(quarter) for quarter in quarters], accounts)
    return accounts


def explain_quarantine(platform: Platform, quarters: Sequence[Quarter]) -> str | None:
    """Why dbt stopped, where the cause is too many faulty items; None where it is not."""
    limit = platform.settings.max_quarantined_pct
    with platform.database.as_role(Role.TRANSFORMER).connect() as connection:
        if connection.execute("select to_regclass('attendance_staging.stg_attendance__report_items')").fetchone() == (
            None,
        ):
            return None
        rows = connection.execute(
            """
            select quarter, count(*), count(*) filter (where reason is not null and not reason = any(%s)),
                min(reason) filter (where reason is not null and not reason = any(%s))
            from attendance_staging.stg_attendance__report_items where quarter = any(%s) group by quarter order by quarter
            """,
            (list(EXPECTED_REASONS), list(EXPECTED_REASONS), [str(quarter) for quarter in quarters]),
        ).fetchall()
    sentences = [
        f"{quarter}: {faulty} of {read} items ({100 * faulty / read:.1f} %) are faulty, more than the limit of {limit:g} % "
        f"(for example {example})."
        for quarter, read, faulty, example in rows
        if 100 * faulty > limit * read
    ]
    if not sentences:
        return None
    return " ".join(sentences) + (
        " Nothing was published and the marts are as before. Mend the files and load them again, "
        "or raise QUARTERDECK_MAX_QUARANTINED_PCT if this is expected."
    )
