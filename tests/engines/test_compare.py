"""The comparison of two engines' tables sees every kind of difference."""

from decimal import Decimal

import pyarrow as pa
import pytest

from tests.engines.compare import compare

ROWS = [
    {"quarter": "2026Q1", "score": Decimal("66.5"), "label": None, "distance": 1.5},
    {"quarter": "2026Q1", "score": Decimal(70), "label": "good", "distance": None},
]
SCHEMA = pa.schema({
    "quarter": pa.string(), "score": pa.decimal128(38, 12), "label": pa.string(), "distance": pa.float64(),
})  # fmt: skip


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def test_order_of_rows_and_the_last_digits_of_floats_do_not_matter() -> None:
    other = [ROWS[1], {**ROWS[0], "distance": 1.5 + 1e-12}]
    assert compare("t", table(ROWS), table(other)).difference == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"score": Decimal("66.5001")},
        {"label": ""},
        {"quarter": "2026Q2"},
        {"distance": 1.5001},
        {"distance": None},
    ],
)
def test_one_changed_value_is_a_difference(changed: dict[str, object]) -> None:
    assert compare("t", table(ROWS), table([{**ROWS[0], **changed}, ROWS[1]])).difference != ""


def test_a_missing_row_and_a_missing_column_are_differences() -> None:
    assert "rows" in compare("t", table(ROWS), table(ROWS[:1])).difference
    assert "columns" in compare("t", table(ROWS), table(ROWS).drop_columns(["label"])).difference
