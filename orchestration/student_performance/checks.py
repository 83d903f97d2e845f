"""What must hold before a quarter goes on: the row account, and the limit on quarantined rows."""
# ruff: noqa: S608 - the queries hold labels of quarters alone, and run on either engine

from collections.abc import Sequence

import psycopg

from orchestration.core.accounts import RowAccount, record_accounts
from orchestration.core.engine import model_rows
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.profile_store import file_doubts
from orchestration.core.resources import Platform
from orchestration.core.roles import Role
from orchestration.core.settings import Settings
from orchestration.student_performance.ingest import DOMAIN


def count_rows(
    database: Database, settings: Settings, quarters: Sequence[Quarter], *, refused: bool = False
) -> list[RowAccount]:
    """The quarters' row accounts: the raw lines, the students in the marts and the rejected lines are counted independently.

    Of a file that was refused no student is in the marts: its lines without a reason to reject them are counted instead.
    """
    labels = ", ".join(f"'{quarter}'" for quarter in quarters)
    with model_rows(settings, database) as rows:
        read = rows(
            f"""
            select files.quarter, files.source_file_id, count(*)
            from student_performance_raw.exam_files as files
            inner join student_performance_raw.exam_lines as lines on files.quarter = lines.quarter and files.slot = lines.slot
            where files.quarter in ({labels}) group by 1, 2 order by 1, 2
            """
        )
        # A line with an id of its own repeats no other.
        counted = (
            f"""
            select quarter, sum(student_count), sum(greatest(student_count - own_id_count - 1, 0))
            from student_performance_staging.stg_student_performance__accepted_sets
            where quarter in ({labels}) group by quarter
            """
            if not refused
            else f"""
            select lines.quarter, count(*), 0
            from student_performance_staging.stg_student_performance__exam_lines as lines
            inner join student_performance_raw.exam_files as files on files.quarter = lines.quarter and files.slot = lines.slot
            where lines.reason is null and lines.quarter in ({labels}) group by lines.quarter
            """
        )
        trusted = {quarter: (int(count), int(repeated)) for quarter, count, repeated in rows(counted)}
        rejected: dict[tuple[str, str], dict[str, int]] = {}
        for quarter, file_id, reason, count in rows(
            f"""
            select quarter, source_file_id, reason, count(*)
            from student_performance_staging.stg_student_performance__rejected_results
            where quarter in ({labels}) group by 1, 2, 3 order by 1, 2, 3
            """
        ):
            rejected.setdefault((quarter, file_id), {})[reason] = count
    accounts = []
    for quarter, file_id, count in read:
        trusted_count, repeated = trusted.get(quarter, (0, 0))
        reasons = rejected.get((quarter, file_id), {})
        accounts.append(RowAccount(DOMAIN, quarter, file_id, count, trusted_count, reasons, repeated))
    return accounts


def explain_quarantine(platform: Platform, quarters: Sequence[Quarter]) -> str | None:
    """Why dbt stopped, where the cause is too many quarantined rows; None where it is not.

    If it is, the accounts are recorded, so that the status and quality pages can show what happened.
    """
    return quarantine_sentence(platform.database, platform.settings, quarters)


def quarantine_sentence(database: Database, settings: Settings, quarters: Sequence[Quarter]) -> str | None:
    """Why these quarters are held back, with what the rejected values look like; None where they are within the limit."""
    with database.as_role(Role.TRANSFORMER).connect() as connection:
        ready = connection.execute(
            """
            select count(to_regclass('student_performance_staging.stg_student_performance__' || name))
            from unnest(array['exam_lines', 'rejected_results']) as name
            """
        ).fetchone()
    if ready != (2,):
        return None
    accounts = count_rows(database, settings, quarters, refused=True)
    limit = settings.max_quarantined_pct
    too_many = [account for account in accounts if account.quarantined_pct > limit]
    if not too_many:
        return None
    record_accounts(database, DOMAIN, [str(quarter) for quarter in quarters], accounts)
    with database.as_role(Role.TRANSFORMER).connect() as connection:
        names: dict[str, str] = dict(connection.execute("select source_file_id, name from platform.landing_files"))
        sentences = [
            _quarantine_sentence(account, names[account.source_file_id], _examples(connection, account), limit)
            for account in too_many
        ]
        held_back = {account.quarter for account in too_many}
        sentences += [doubt for quarter, _, _, doubt in file_doubts(connection, DOMAIN) if quarter in held_back]
    return " ".join(sentences) + (
        " Nothing was published and the marts are as before. Mend the file and load it again, "
        "or raise QUARTERDECK_MAX_QUARANTINED_PCT if this is expected."
    )


def _quarantine_sentence(account: RowAccount, name: str, examples: str, limit: float) -> str:
    reasons = ", ".join(
        f"{count} {reason}"
        for reason, count in sorted(account.quarantined_by_reason.items(), key=lambda item: -item[1])
    )
    return (
        f"{name} ({account.quarter}): {account.quarantined} of {account.read} rows ({account.quarantined_pct:.1f} %) were "
        f"quarantined, more than the limit of {limit:g} % ({reasons}; {examples})."
    )


def _examples(connection: psycopg.Connection, account: RowAccount) -> str:
    rows = connection.execute(
        """
        select source_line, column_name, reason from student_performance_staging.stg_student_performance__rejected_results
        where quarter = %s order by source_line limit 3
        """,
        (account.quarter,),
    ).fetchall()
    return "for example " + ", ".join(
        f"line {line}{f', {column}' if column else ''}: {reason}" for line, column, reason in rows
    )
