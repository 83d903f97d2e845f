"""Numbers of distinct sets: every line's number leads back to its values, and the same values have one number."""

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.distinct_sets import DistinctSets

VALUES = st.sampled_from(["", "a", "b", "b ", "ä", "\u0000", "é,\"'"])
LINES = st.lists(st.one_of(st.none(), st.tuples(VALUES, VALUES, VALUES)), max_size=40)


def blocks(lines: list[tuple[str, ...] | None], size: int) -> list[pa.Table]:
    columns = [[line and line[place] for line in lines] for place in range(3)]
    table = pa.table({name: pa.array(column, pa.string()) for name, column in zip("xyz", columns, strict=True)})
    return [table.slice(start, size) for start in range(0, len(table), size)]


@settings(deadline=None)
@given(LINES, st.integers(1, 7))
def test_number_leads_back_to_the_values(lines: list[tuple[str, ...] | None], block_size: int) -> None:
    sets = DistinctSets(["x", "y", "z"])
    numbers = [number for block in blocks(lines, block_size) for number in sets.number(block).to_pylist()]
    table = sets.table("set").to_pylist()
    by_number = {row["set"]: (row["x"], row["y"], row["z"]) for row in table}
    assert [number and by_number[number] for number in numbers] == lines
    assert list(by_number) == list(range(1, len(by_number) + 1))
    assert {by_number[row["set"]]: row["line_count"] for row in table} == Counter(line for line in lines if line)


@settings(deadline=None)
@given(LINES, st.integers(1, 7), st.integers(1, 7))
def test_numbers_do_not_depend_on_the_blocks(lines: list[tuple[str, ...] | None], one: int, other: int) -> None:
    found = []
    for size in (one, other):
        sets = DistinctSets(["x", "y", "z"])
        found.append([number for block in blocks(lines, size) for number in sets.number(block).to_pylist()])
    assert found[0] == found[1]


def test_values_that_come_later_get_later_numbers() -> None:
    lines = [(str(number * 7 % 50), str(number // 2), str(number // 3)) for number in range(50)]
    sets = DistinctSets(["x", "y", "z"])
    numbers = [number for block in blocks([*lines, *lines], 30) for number in sets.number(block).to_pylist()]
    assert numbers == [*range(1, 51), *range(1, 51)]
    assert sets.table("set").num_rows == 50
