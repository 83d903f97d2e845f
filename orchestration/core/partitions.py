"""The calendars of the platform, as named objects. Dagster has no quarter, so this file holds the only one.

A quarter's partition key is its first day (`2026-10-01`); people, tables and pages say `2026Q4`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings

# A backfill of many quarters becomes runs of five, which the queue works off within its limits: runs side by side, a step's
# statements of a bounded size, and five quarters to repeat when one fails. `docs/scale.md` has the figures.
BACKFILL_POLICY = dg.BackfillPolicy.multi_run(max_partitions_per_run=5)

QUARTER_PATTERN = re.compile(r"(?<!\d)(\d{4})[-_ ]?[Qq]([1-4])(?!\d)")


@dataclass(frozen=True, order=True)
class Quarter:
    """One quarter of a calendar or academic year, e.g. `2026Q4`; ordered by time."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Quarter":
        """Read `2026Q4`.

        Raises:
            QuarterdeckError: the text is not a quarter.
        """
        match = QUARTER_PATTERN.fullmatch(text.strip())
        if match is None or int(match[1]) < 1:
            raise QuarterdeckError(f"'{text}' is not a quarter. Write the year and Q1 to Q4, for example 2026Q4.")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def find(cls, text: str) -> "Quarter | None":
        """The quarter named somewhere in `text` (a file's or folder's name), or None; the last one wins."""
        matches = list(QUARTER_PATTERN.finditer(text))
        return cls(int(matches[-1][1]), int(matches[-1][2])) if matches else None

    @classmethod
    def of(cls, day: date, start_month: int = 1) -> "Quarter":
        """The quarter that `day` lies in, for a year beginning in `start_month`, named by the year it begins in."""
        months = (day.month - start_month) % 12
        year = day.year - (day.month < start_month)
        return cls(year, months // 3 + 1)

    def plus(self, count: int) -> "Quarter":
        """The quarter `count` quarters later (earlier when negative)."""
        index = self.year * 4 + self.number - 1 + count
        return Quarter(index // 4, index % 4 + 1)

    def first_day(self, start_month: int = 1) -> date:
        """First day of the quarter, for a year beginning in `start_month`."""
        months = start_month - 1 + (self.number - 1) * 3
        return date(self.year + months // 12, months % 12 + 1, 1)

    def __str__(self) -> str:
        return f"{self.year:04d}Q{self.number}"


def quarterly_cron(start_month: int = 1) -> str:
    """Cron expression of midnight on the first day of each quarter."""
    months = sorted((start_month - 1 + 3 * index) % 12 + 1 for index in range(4))
    return "0 0 1 */3 *" if months == [1, 4, 7, 10] else f"0 0 1 {','.join(map(str, months))} *"


def quarterly_partitions(settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """All quarters from `first_quarter` to the running one (its files may arrive before it ends)."""
    start_month = settings.academic_year_start_month
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=quarterly_cron(start_month),
        start=Quarter.parse(settings.first_quarter).first_day(start_month).isoformat(),
        fmt="%Y-%m-%d",
        end_offset=1,
    )


def current_quarter(settings: Settings) -> Quarter:
    """The quarter that today (UTC) lies in."""
    return Quarter.of(datetime.now(UTC).date(), settings.academic_year_start_month)


def to_partition_key(quarter: Quarter, settings: Settings) -> str:
    """Dagster's key of a quarter.

    Raises:
        QuarterdeckError: the quarter lies before `first_quarter` or in the future.
    """
    first, last = Quarter.parse(settings.first_quarter), current_quarter(settings)
    if not first <= quarter <= last:
        raise QuarterdeckError(
            f"{quarter} cannot be loaded: quarters run from {first} to {last}, the running one. "
            "For older files set QUARTERDECK_FIRST_QUARTER to the oldest quarter that you have."
        )
    return quarter.first_day(settings.academic_year_start_month).isoformat()


def from_partition_keys(keys: Sequence[str], settings: Settings) -> list[Quarter]:
    """The quarters of Dagster's keys, oldest first."""
    return sorted(Quarter.of(date.fromisoformat(key), settings.academic_year_start_month) for key in keys)


def adjacent_spans(quarters: Sequence[Quarter]) -> list[list[Quarter]]:
    """The quarters in spans without a gap, oldest first: a run takes a range of partitions."""
    spans: list[list[Quarter]] = []
    for quarter in sorted(set(quarters)):
        if spans and spans[-1][-1].plus(1) == quarter:
            spans[-1].append(quarter)
        else:
            spans.append([quarter])
    return spans
