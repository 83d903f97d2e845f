"""The calendar of quarters."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import (
    Quarter,
    from_partition_keys,
    quarterly_cron,
    quarterly_partitions,
    to_partition_key,
)
from orchestration.core.settings import Settings

DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
MONTHS = st.integers(1, 12)


@given(DAYS, MONTHS)
def test_every_day_lies_in_exactly_its_quarter(day: date, start_month: int) -> None:
    quarter = Quarter.of(day, start_month)
    assert quarter.first_day(start_month) <= day < quarter.plus(1).first_day(start_month)


@given(DAYS, MONTHS)
def test_the_quarter_after_begins_the_day_after(day: date, start_month: int) -> None:
    quarter = Quarter.of(day, start_month)
    last_day = quarter.plus(1).first_day(start_month) - timedelta(days=1)
    assert Quarter.of(last_day, start_month) == quarter


@given(st.integers(1000, 9000), st.integers(1, 4), st.integers(-400, 400))
def test_plus_is_undone_by_minus_and_text_reads_back(year: int, number: int, count: int) -> None:
    quarter = Quarter(year, number)
    assert quarter.plus(count).plus(-count) == quarter
    assert Quarter.parse(str(quarter)) == quarter


@given(st.lists(DAYS, min_size=2, max_size=10))
def test_order_as_text_is_order_in_time(days: list[date]) -> None:
    quarters = [Quarter.of(day) for day in days]
    assert sorted(quarters) == sorted(quarters, key=str)


@pytest.mark.parametrize("text", ["2026Q5", "2026", "Q4", "26Q4", "2026Q4x", "", "0000Q1"])
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(QuarterdeckError, match="not a quarter"):
        Quarter.parse(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("results_2026Q4.csv", "2026Q4"), ("2025-q1 final.csv", "2025Q1"), ("results.csv", None), ("x12026Q45.csv", None)],
)
def test_a_quarter_is_found_in_a_file_name(name: str, expected: str | None) -> None:
    found = Quarter.find(name)
    assert (str(found) if found else None) == expected


def test_calendar_quarters_have_the_plain_cron_and_academic_ones_their_months() -> None:
    assert quarterly_cron(1) == "0 0 1 */3 *"
    assert quarterly_cron(9) == "0 0 1 3,6,9,12 *"


@pytest.mark.parametrize("start_month", [1, 9])
def test_partition_keys_are_first_days_and_read_back(start_month: int) -> None:
    settings = Settings(academic_year_start_month=start_month, first_quarter="2024Q1")
    keys = quarterly_partitions(settings).get_partition_keys()
    quarters = from_partition_keys(keys, settings)
    assert str(quarters[0]) == "2024Q1"
    assert [to_partition_key(quarter, settings) for quarter in quarters] == list(keys)
    assert quarters == [quarters[0].plus(index) for index in range(len(quarters))]


def test_a_future_quarter_is_refused() -> None:
    with pytest.raises(QuarterdeckError, match="cannot be loaded"):
        to_partition_key(Quarter(2999, 1), Settings())
