"""Profiles: the same from counts and from blocks, nothing lost, no identifying value kept, estimates near the truth."""

import json
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.profile import Profile, joined, profile_counts, profile_tables
from orchestration.core.profile_counting import ColumnCounter

TEXTS = st.text(alphabet=" ab1.-@é0", max_size=4)
COLUMNS = st.lists(st.one_of(st.none(), TEXTS), max_size=60)


def counts_of(values: list[str | None]) -> dict[str | None, float]:
    counts: dict[str | None, float] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


@settings(deadline=None)
@given(COLUMNS, st.integers(1, 7))
def test_blocks_give_the_profile_of_the_counts_whatever_their_size(values: list[str | None], size: int) -> None:
    blocks = [
        pa.table({"0": pa.array(values[start : start + size], pa.string())}) for start in range(0, len(values), size)
    ]
    assert profile_tables(blocks, {"0": "mark"}) == profile_counts({"mark": counts_of(values)}, len(values))


@settings(deadline=None)
@given(COLUMNS)
def test_every_row_is_missing_or_fits_or_does_not(values: list[str | None]) -> None:
    (column,) = profile_counts({"mark": counts_of(values)}, len(values)).columns
    assert column.missing == sum(not (value or "").strip() for value in values)
    assert column.distinct == len({value.strip() for value in values if (value or "").strip()})
    assert 0 <= column.misfits <= 0.05 * len(values)
    if column.histogram is not None:
        assert sum(column.histogram) == len(values) - column.missing - column.misfits
    if column.values is not None:
        assert sum(column.values.values()) == len(values) - column.missing


@settings(deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=200))
def test_ranges_and_quantiles_are_those_of_the_numbers(numbers: list[int]) -> None:
    # Two decimals a number, so that a column without repeated values is not taken for an identifier.
    (column,) = profile_counts({"mark": counts_of([f"{number}.25" for number in numbers])}, len(numbers)).columns
    read = sorted(float(f"{number}.25") for number in numbers)
    assert (column.minimum, column.maximum) == (read[0], read[-1])
    assert column.mean == pytest.approx(sum(read) / len(read), abs=1e-4)
    assert column.quantiles is not None
    assert column.quantiles[10] == read[(len(read) - 1) // 2]
    assert list(column.quantiles) == sorted(column.quantiles)


@settings(deadline=None)
@given(COLUMNS)
def test_a_profile_survives_its_way_through_json(values: list[str | None]) -> None:
    profile = profile_counts({"mark": counts_of(values), "email": {"a@example.org": 2}}, len(values))
    assert Profile.from_json(json.loads(json.dumps(profile.as_json()))) == profile


def test_lines_that_a_column_does_not_count_have_no_value_in_it() -> None:
    (column,) = profile_counts({"lunch": {"standard": 7, None: 1}}, 10).columns
    assert column.missing == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2", "-3"], "integer"),
        (["1", "2.5", ".5", "1e3"], "decimal"),
        (["2026-10-01", "2026-10-02"], "date"),
        (["31/12/2010", "1.2.2011"], "date"),
        (["1,5", "2,5"], "text"),
        (["", None, "  "], "empty"),
        ([*["7"] * 95, *["absent"] * 5], "integer"),
        ([*["7"] * 94, *["absent"] * 6], "text"),
    ],
)
def test_the_type_is_that_of_nearly_all_rows(values: list[str | None], expected: str) -> None:
    assert profile_counts({"x": counts_of(values)}, len(values)).columns[0].type == expected


def test_days_in_an_uncertain_order_have_no_range() -> None:
    certain = profile_counts({"day": {"2026-10-01": 3, "2026-09-30": 3}}, 6).columns[0]
    uncertain = profile_counts({"day": {"03/04/2026": 3, "2026-09-30": 3}}, 6).columns[0]
    assert (certain.minimum, certain.maximum) == ("2026-09-30", "2026-10-01")
    assert uncertain.minimum is None


def test_a_column_of_a_million_values_is_estimated_in_bounded_memory() -> None:
    counter = ColumnCounter(exact_limit=2_000, sample_size=1_000)
    numbers = random.Random(20261122)
    distinct = 100_000
    for start in range(0, distinct, 5_000):
        block = [f"id {number}" for number in range(start, start + 5_000)] * 2 + ["unknown"] * 1_000 + [None] * 500
        numbers.shuffle(block)
        counter.add(pa.chunked_array([pa.array(block, pa.string())]))
        assert len(counter._counts) < 8_000
    result = counter.result()
    assert result.distinct == pytest.approx(distinct, rel=0.1)
    assert result.counts["unknown"] == 20_000
    assert result.counts[None] == 10_000
    assert sum(result.counts.values()) == pytest.approx(20 * 11_500)


def test_an_estimated_distribution_is_near_the_true_one() -> None:
    numbers = random.Random(20261122)
    values = [f"{numbers.gauss(50, 10):.4f}" for _ in range(60_000)]
    blocks = [pa.table({"0": values[start : start + 10_000]}) for start in range(0, len(values), 10_000)]
    (column,) = profile_tables(blocks, {"0": "height"}).columns
    assert column.is_estimate
    assert column.type == "decimal"
    assert column.quantiles is not None
    assert column.quantiles[10] == pytest.approx(50, abs=1)
    assert column.quantiles[1] == pytest.approx(50 - 1.645 * 10, abs=1.5)
    assert column.distinct == pytest.approx(len(set(values)), rel=0.1)


def test_profiles_of_parts_of_a_file_are_joined() -> None:
    first, second = profile_counts({"a": {"x": 2}}, 2), profile_counts({"b": {"y": 2}}, 2)
    assert [column.name for column in joined(first, second).columns] == ["a", "b"]


IDENTIFYING = {
    "e-mail": [f"person{number}@example.org" for number in range(40)],
    "kontakt": [f"person{number}@example.org" for number in range(40)],
    "call at": [f"+34 600 {number:03} 100" for number in range(40)],
    "Student Name": [f"Ada Byron{chr(97 + number)}" for number in range(26)] * 4,
    "who": [f"Ada Byron{chr(97 + number)}" for number in range(26)],
    "student_id": [str(number) for number in range(700100, 700140)],
    "matricula": [f"M{number:04}" for number in range(40)],
    "bsn": ["111222333"] * 40,
    "document": [f"{number:08}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}" for number in range(12345678, 12345718)],
}


@pytest.mark.parametrize("name", IDENTIFYING)
def test_no_value_of_a_direct_identifier_is_kept(name: str) -> None:
    values = IDENTIFYING[name]
    profile = profile_counts({name: counts_of(list(values))}, len(values))
    (column,) = profile.columns
    assert column.personal is not None
    assert column.personal.personal == "direct_identifier"
    kept = json.dumps(profile.as_json())
    assert not [value for value in values if value in kept]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("gender", ["female", "male"] * 30, "quasi_identifier"),
        ("date_of_birth", ["2010-01-31", "2011-02-28"] * 30, "quasi_identifier"),
        ("race/ethnicity", ["group A", "group B"] * 30, "sensitive"),
        ("lunch", ["standard", "free/reduced"] * 30, "sensitive"),
        ("absence_reason", ["ill", "late bus"] * 30, "sensitive"),
        ("parental level of education", ["some college", "high school"] * 30, "quasi_identifier"),
        ("math_score", [str(number) for number in range(60)] * 2, None),
        ("attendance_rate", [f"{number / 100}" for number in range(60)], None),
        ("course", ["Mathematics I", "Reading and Writing"] * 30, None),
        ("test preparation course", ["none", "completed"] * 30, None),
        ("day_1", ["0", "1"] * 30, None),
    ],
)
def test_likely_personal_data_is_told_by_headers_and_forms(name: str, values: list[str], expected: str | None) -> None:
    (column,) = profile_counts({name: counts_of(list(values))}, len(values)).columns
    assert (column.personal.personal if column.personal else None) == expected
