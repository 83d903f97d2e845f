"""The queue of absence reasons that the office's taxonomy does not map yet."""

from collections.abc import Collection
from dataclasses import dataclass

from orchestration.core.engine import model_exists, model_rows
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings

REASONS = "attendance_staging.stg_attendance__absence_reasons"
MARKS = "attendance_staging.stg_attendance__trusted_marks"
TAXONOMY = "attendance_staging.absence_categories"
SEED = "dbt_project/seeds/attendance/absence_categories.csv"


@dataclass(frozen=True)
class UnmappedReason:
    """A reason as people wrote it, in lower case; how often, by how many students, and the last quarter that has it."""

    reason: str
    mention_count: int
    student_count: int
    last_quarter: str


def unmapped_reasons(
    database: Database, settings: Settings, quarters: Collection[Quarter] | None = None
) -> list[UnmappedReason]:
    """The reasons without a row in seed absence_categories, the most frequent first.

    Raises:
        QuarterdeckError: nothing about students was loaded yet.
    """
    if not model_exists(settings, database, MARKS):
        raise QuarterdeckError("No marks of students were loaded yet. Run `quarterdeck run --domain attendance` first.")
    labels = ", ".join(f"'{quarter}'" for quarter in quarters or ())
    chosen = f" and quarter in ({labels})" if labels else ""
    with model_rows(settings, database) as rows:
        found = rows(
            f"""
            with mentions as (
                select quarter, source_student_id, absence_reason from {REASONS} where reason is null
                union all
                select quarter, source_student_id, lower(absence_reason) from {MARKS} where absence_reason is not null
            )

            select absence_reason, count(*), count(distinct source_student_id), max(quarter)
            from mentions
            where absence_reason not in (select reason from {TAXONOMY}){chosen}
            group by absence_reason
            order by count(*) desc, absence_reason
            """  # noqa: S608 - labels of quarters alone
        )
    return [UnmappedReason(*row) for row in found]
