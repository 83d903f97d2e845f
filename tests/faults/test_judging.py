"""What is judged of a whole file: certain damage, values that are not of the contract, differences from other quarters."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.core.errors import QuarterdeckError
from orchestration.core.profile import Profile
from orchestration.faults.quiet import read_through
from orchestration.student_performance.against_earlier import SPREADSHEET_ROWS, differences
from orchestration.student_performance.arrival import Arrival
from orchestration.student_performance.contract import Contract, Demographic, load_contract
from orchestration.student_performance.doubts import unexpected_values
from orchestration.student_performance.exam_file import ExamLines, read_exam_results
from orchestration.student_performance.sample import write_sample

HEADER = "gender,race/ethnicity,parental level of education,lunch,test preparation course,math score,reading score,writing score\n"


def results(
    path: Path, scores: list[tuple[object, object, object]], gender: Callable[[int], str] = lambda _: "female"
) -> Path:
    lines = [f"{gender(row)},group A,high school,standard,none,{a},{b},{c}\n" for row, (a, b, c) in enumerate(scores)]
    path.write_text(HEADER + "".join(lines))
    return path


def distinct(count: int, top: int = 90) -> list[tuple[object, object, object]]:
    return [(row % top, (row * 7) % top, (row * 11 + 5) % top) for row in range(count)]


@pytest.mark.parametrize(("rows", "is_refused"), [(19, False), (20, True)])
def test_a_file_of_few_students_may_repeat_by_chance(tmp_path: Path, rows: int, is_refused: bool) -> None:
    path = results(tmp_path / "a.csv", distinct(rows) * 2)
    if is_refused:
        with pytest.raises(QuarterdeckError, match="2 times"):
            read_through(path)
    else:
        assert read_through(path)[0].row_count == 2 * rows


def test_one_row_more_is_no_repetition(tmp_path: Path) -> None:
    assert read_through(results(tmp_path / "a.csv", [*(distinct(100) * 2), (1, 2, 4)]))[0].row_count == 201


@pytest.mark.parametrize(("top", "is_refused"), [(10, True), (11, False)])
def test_a_cohort_below_a_tenth_of_the_scale_is_on_another_scale(tmp_path: Path, top: int, is_refused: bool) -> None:
    scores = [(row % top + (row % 2) / 2 if top == 10 else row % (top + 1), row % 97, row % 89) for row in range(200)]
    path = results(tmp_path / "a.csv", scores)
    if is_refused:
        with pytest.raises(QuarterdeckError, match="column math_score goes up to"):
            read_through(path)
    else:
        read_through(path)


def test_a_contract_may_have_any_scale(tmp_path: Path) -> None:
    contract = load_contract()
    small = contract.model_copy(update={"score": contract.score.model_copy(update={"maximum": 1, "pass_mark": 0.4})})
    scores = [(row % 100 / 100, row % 97 / 100, row % 89 / 100) for row in range(200)]
    arrival = arrived(results(tmp_path / "a.csv", scores), small)
    assert unexpected_values(arrival) == []


def test_everybody_with_the_same_score_is_no_damage(tmp_path: Path) -> None:
    assert (
        read_through(results(tmp_path / "a.csv", [(0, row % 90, row % 41) for row in range(200)]))[0].row_count == 200
    )


def arrived(path: Path, contract: Contract) -> Arrival:
    lines = ExamLines(read_exam_results(path, contract, {}))
    for _ in lines.blocks():
        pass
    return lines.arrival()


def test_a_range_that_a_spreadsheet_took_for_a_date_is_named(tmp_path: Path) -> None:
    contract = load_contract()
    hours = Demographic(name="gender", label="Hours", header="gender", values=("0 - 5", "5 - 10", "> 10"))
    changed = contract.model_copy(update={"demographics": (hours, *contract.demographics[1:])})
    path = results(tmp_path / "a.csv", distinct(100), lambda row: ("0 - 5", "10-May", "> 10")[row % 3])
    (doubt,) = unexpected_values(arrived(path, changed))
    assert "Column gender holds '10-May' in 33 rows, where 0 - 5, 5 - 10, > 10 are expected" in doubt
    assert "into a date" in doubt


@pytest.mark.parametrize("value", ["5/10/2026", "2026-05-10", "Oct-26", "10. Mai", "May 10"])
def test_dates_are_known_in_many_forms(tmp_path: Path, value: str) -> None:
    scores = [(value if row % 10 == 0 else row % 90, row % 88, row % 47) for row in range(100)]
    (doubt,) = unexpected_values(arrived(results(tmp_path / "a.csv", scores), load_contract()))
    assert ("into a date" in doubt) == (value != "10. Mai")
    assert f"'{value}' in 10 rows" in doubt


def test_values_do_nothing_to_a_terminal_and_are_not_long(tmp_path: Path) -> None:
    path = results(tmp_path / "a.csv", distinct(100), lambda row: "\x1b[31m" + "x" * 300)
    (doubt,) = unexpected_values(arrived(path, load_contract()))
    assert "\x1b" not in doubt
    assert len(doubt) < 300


def quarter(folder: Path, label: str, **options: bool) -> tuple[Arrival, Profile]:
    return read_through(write_sample(label, folder, load_contract(), rows=1000, with_faults=False, **options))


def test_each_pair_of_swapped_subjects_is_found_and_no_other(tmp_path: Path) -> None:
    before = {f"a.csv (2026Q{number})": quarter(tmp_path, f"2026Q{number}")[1] for number in (1, 2)}
    path = write_sample("2026Q3", tmp_path, load_contract(), rows=1000, with_faults=False)
    header, rest = path.read_text().split("\n", 1)
    for one, other in (("math", "reading"), ("math", "writing"), ("reading", "writing")):
        swapped = header.replace(one, "x").replace(other, one).replace('"x ', f'"{other} ')
        path.write_text(f"{swapped}\n{rest}")
        found = [doubt for doubt in differences(*read_through(path), before) if "swapped" in doubt]
        assert [doubt.split(" seem")[0] for doubt in found] == [f"Columns {one}_score and {other}_score"]
    path.write_text(f"{header}\n{rest}")
    assert differences(*read_through(path), before) == []


def test_groups_that_do_not_differ_say_nothing_of_swapped_columns(tmp_path: Path) -> None:
    import random

    chance = random.Random(7)

    def scores() -> list[tuple[object, object, object]]:
        return [(chance.randint(20, 95), chance.randint(20, 95), chance.randint(20, 95)) for _ in range(1000)]

    def gender(row: int) -> str:
        return "male" if row % 2 else "female"

    for turn in range(20):
        before = {"a.csv (2026Q1)": read_through(results(tmp_path / "a.csv", scores(), gender))[1]}
        assert differences(*read_through(results(tmp_path / "b.csv", scores(), gender)), before) == [], turn


def test_as_many_rows_as_a_spreadsheet_holds_are_doubted(tmp_path: Path) -> None:
    arrival, profile = quarter(tmp_path, "2026Q1")
    full = Profile(SPREADSHEET_ROWS[0], profile.columns)
    assert any("as many as a spreadsheet can hold" in doubt for doubt in differences(arrival, full, {}))
