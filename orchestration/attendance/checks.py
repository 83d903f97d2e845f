"""What must hold before a quarter of attendance goes on: the row account, and the limit on faulty rows."""

# ruff: noqa: S608 - the queries hold labels of quarters and the words below alone, and run on either engine

from collections.abc import Iterable, Sequence
from contextlib import suppress

import psycopg

from orchestration.attendance.ingest import DOMAIN
from orchestration.core.accounts import RowAccount
from orchestration.core.engine import model_rows
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings

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


def count_rows(database: Database, settings: Settings, quarters: Sequence[Quarter]) -> list[RowAccount]:
    """The quarters' row accounts, a file each, counted in the raw tables and in the judged rows independently."""
    labels = _listed(quarters)
    read: dict[tuple[str, str], int] = {}
    reasons: dict[tuple[str, str], dict[str | None, int]] = {}
    with model_rows(settings, database) as rows:
        for raw_table, judged in JUDGED.items():
            of_file = f"select quarter, source_file_id, count(*) from attendance_raw.{raw_table}"
            for quarter, file, count in rows(f"{of_file} where quarter in ({labels}) group by 1, 2"):
                read[quarter, file] = count
            by_reason = f"select quarter, source_file_id, reason, count(*) from {_view(judged)}"
            for quarter, file, reason, count in rows(f"{by_reason} where quarter in ({labels}) group by 1, 2, 3"):
                reasons.setdefault((quarter, file), {})[reason] = count
    return [
        RowAccount(
            DOMAIN,
            *key,
            read[key],
            found.get(None, 0),
            {reason: count for reason, count in sorted(found.items(), key=str) if reason is not None},
        )
        for key in sorted(read)
        for found in [reasons.get(key, {})]
    ]


def explain_quarantine(platform: Platform, quarters: Sequence[Quarter]) -> str | None:
    """Why dbt stopped, where the cause is too many faulty items or marks; None where it is not."""
    limit = platform.settings.max_quarantined_pct
    sentences = []
    # Where dbt stopped before it made a view for the first time, there is nothing to say.
    with (
        suppress(psycopg.errors.UndefinedTable, QuarterdeckError),
        model_rows(platform.settings, platform.database) as rows,
    ):
        for judged, expected in EXPECTED_REASONS.items():
            faulty = f"reason is not null and reason not in ({_listed(expected)})"
            query = f"""
                select quarter, count(*), count(*) filter (where {faulty}), min(reason) filter (where {faulty})
                from {_view(judged)} where quarter in ({_listed(quarters)}) group by quarter order by quarter
            """
            words = judged.replace("_", " ")
            sentences += [
                f"{quarter}: {faulty} of {read} {words} ({100 * faulty / read:.1f} %) are faulty, more than the limit of "
                f"{limit:g} % (for example {example})."
                for quarter, read, faulty, example in rows(query)
                if 100 * faulty > limit * read
            ]
    if not sentences:
        return None
    return " ".join(sentences) + (
        " Nothing was published and the marts are as before. Mend the files and load them again, "
        "or raise QUARTERDECK_MAX_QUARANTINED_PCT if this is expected."
    )


def _listed(values: Iterable[object]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _view(judged: str) -> str:
    return f"attendance_staging.stg_attendance__{judged}"
