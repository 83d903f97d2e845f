"""Deliveries compared in plain words: what changed is said, what chance does is not."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.profile import Profile, profile_counts
from orchestration.core.profile_compare import compare, stability_index

GENDERS = {"female": 518, "male": 482}
LUNCHES = {"standard": 645, "free/reduced": 355}
SHARES = st.lists(st.floats(0.001, 1), min_size=2, max_size=8)


def draw(seed: int, rows: int, **changes: object) -> Profile:
    """A cohort from fixed distributions; `changes` replaces columns."""
    numbers = random.Random(seed)
    columns: dict[str, list[str | None]] = {
        "gender": numbers.choices(list(GENDERS), list(GENDERS.values()), k=rows),
        "lunch": numbers.choices(list(LUNCHES), list(LUNCHES.values()), k=rows),
        "mark": [str(min(100, max(0, round(numbers.gauss(66, 15))))) for _ in range(rows)],
        "level": numbers.choices("12345", k=rows),
        **changes,  # type: ignore[dict-item]
    }
    counted = {}
    for name, values in columns.items():
        counted[name] = {value: float(values.count(value)) for value in dict.fromkeys(values)}
    return profile_counts(counted, rows)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(30, 400))
def test_a_file_does_not_differ_from_itself(seed: int, rows: int) -> None:
    profile = draw(seed, rows)
    assert compare(profile, profile) == [f"About as many rows: {rows} after {rows}."]


def test_forty_quarters_drawn_alike_are_only_counted() -> None:
    quarters = [draw(seed, 1_000) for seed in range(41)]
    said = [sentence for last, now in pairwise(quarters) for sentence in compare(last, now)]
    assert [sentence for sentence in said if "rows:" not in sentence] == []


def test_small_classes_drawn_alike_are_only_counted() -> None:
    classes = [draw(seed, 25) for seed in range(41)]
    said = [sentence for last, now in pairwise(classes) for sentence in compare(last, now)]
    assert [sentence for sentence in said if "rows:" not in sentence] == []


def test_fewer_rows_and_a_new_value_are_said_in_plain_words() -> None:
    last = profile_counts({"lunch": {"standard": 645, "free/reduced": 355}}, 1000)
    now = profile_counts({"lunch": {"standard": 549, "free/reduced": 305, "reduced": 6}}, 860)
    assert compare(last, now) == [
        "14 % fewer rows: 860 after 1,000.",
        "`lunch` has a new value: “reduced” (6 rows).",
    ]


def test_a_planted_change_of_each_kind_is_said() -> None:
    rows = 1_000
    last = draw(1, rows, room=["a", "b"] * 500, grade=["A", "B"] * 500, city_code=[f"{n}.5" for n in range(rows)])
    numbers = random.Random(2)
    now = draw(
        2,
        rows,
        gender=numbers.choices(["female", "male"], [80, 20], k=rows),
        lunch=["standard"] * rows,
        mark=[str(min(100, max(0, round(numbers.gauss(76, 15))))) for _ in range(rows - 1)] + ["999"],
        level=[None] * 100 + ["3"] * 900,
        grade_letter=["A", "B"] * 500,
        email=[f"person{number}@example.org" for number in range(rows)],
        city_code=["north", "south"] * 500,
    )
    said = compare(last, now)
    expected = [
        "About as many rows: 1,000 after 1,000.",
        "`gender` have shifted much",
        "`lunch` no longer has the value “free/reduced”.",
        "`mark` has shifted much",
        "`mark` goes up to 999, after 100 at most.",
        "`level` is more often missing: in 10 % of the rows after 0.0 %.",
        "is gone.",
        "seems to be called",
        "The column `email` is new, likely personal data: the values have the form of e-mail addresses.",
        "`city_code` holds text now, after numbers.",
    ]
    for words in expected:
        assert [sentence for sentence in said if words in sentence], (words, said)


def test_a_renamed_column_is_known_by_its_values_and_a_similar_name() -> None:
    last = profile_counts({"lunch": LUNCHES, "math score": {str(n): 2.0 for n in range(100)}}, 1000)
    now = profile_counts({"meal": LUNCHES, "math_score": {str(n): 2.0 for n in range(100)}}, 1000)
    said = compare(last, now)
    assert "`lunch` seems to be called `meal` now." in said
    assert "`math score` seems to be called `math_score` now." in said
    assert not [sentence for sentence in said if "is gone" in sentence or "is new" in sentence]


def test_identifiers_that_repeat_are_said_without_naming_one() -> None:
    last = profile_counts({"student_id": {f"S{n}": 1.0 for n in range(50)}}, 50)
    now = profile_counts({"student_id": {f"S{n}": 2.0 for n in range(25)}}, 50)
    assert compare(last, now)[1:] == ["`student_id` repeats values now: 25 different ones in 50 rows."]


@settings(deadline=None)
@given(SHARES, SHARES)
def test_the_stability_index_is_zero_for_equal_shares_and_never_negative(one: list[float], other: list[float]) -> None:
    size = min(len(one), len(other))
    before = [share / sum(one[:size]) for share in one[:size]]
    after = [share / sum(other[:size]) for share in other[:size]]
    assert stability_index(list(zip(before, before, strict=True))) == 0
    index = stability_index(list(zip(before, after, strict=True)))
    assert index >= 0
    assert abs(index - stability_index(list(zip(after, before, strict=True)))) < 1e-9


def test_the_stability_index_is_that_of_the_definition() -> None:
    # (0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5)
    assert round(stability_index([(0.5, 0.3), (0.5, 0.7)]), 6) == 0.169460
