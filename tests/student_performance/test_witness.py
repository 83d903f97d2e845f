"""The witness on files of a few lines whose figures are plain to see, and its rounding against the exact one."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.student_performance.contract import load_aliases, load_contract
from orchestration.student_performance.witness import Witness, rules, tables

HEADER = (
    "student id,gender,race/ethnicity,parental level of education,lunch,test preparation course,"
    "math score,reading score,writing score"
)
ONE_LINE_A_STUDENT = {
    "score_ranges",
    "exam_cube",
    "segments",
    "segment_cube",
    "rejected",
    "exam_outcomes",
    "lab_outcomes",
    "lab_pairs",
    "lab_flips",
}
SEGMENTS = pd.DataFrame(
    {
        "quarter": ["2026Q3", "2026Q3", "2026Q4", "2026Q4"],
        "cluster_id": [1, 2, 1, 2],
        "cluster_label": ["strong", "weak", "strong", "weak"],
        **{f"{name}_mean_score": [80.0, 30.0, 80.0, 30.0] for name in ("math", "reading", "writing")},
        "continues_cluster_id": pd.array([None, None, 1, 2], dtype="Int64"),
    }
)


def line(student: str, *scores: object, gender: str = "female", lunch: str = "standard") -> str:
    return f"{student},{gender},group A,high school,{lunch},none,{','.join(map(str, scores))}"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    files = {
        "2026Q3": [line("a", 90, 90, 90), line("b", 20, 30, 40), line("c", 80, 80, 80)],
        "2026Q4": [
            line("a", 100, 100, 100, gender=" FEMALE "),
            line("b", 39.5, 90, 90, gender="male"),
            line("d", "0.0", 0, 1),
            line("e", "", 50, 50),
            line("f", 50, "fifty", 50),
            line("g", 50, 50, 100.5),
            line("h", 50, 50, 50, lunch="none"),
            line("a", 50, 50, 50),
            "too,few",
        ],
    }
    made = Witness(load_contract(), load_aliases(), SEGMENTS)
    for quarter, lines in files.items():
        path = tmp_path / f"{quarter}.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n")
        made.read(quarter, path, path.name)
    return made


def test_every_line_is_judged_by_the_first_rule_that_it_breaks(witness: Witness) -> None:
    assert {key: row["line_count"] for key, row in witness.figures("rejected").items()} == {
        ("2026Q4", "missing_value", "math_score"): 1,
        ("2026Q4", "not_a_number", "reading_score"): 1,
        ("2026Q4", "out_of_range", "writing_score"): 1,
        ("2026Q4", "unknown_category", "lunch"): 1,
        ("2026Q4", "repeated_id", "student_id"): 1,
        ("2026Q4", "wrong_field_count", ""): 1,
    }
    assert witness.lines_of("rejected", ["2026Q4", "repeated_id", "student_id"]) == [("2026Q4", 9)]


def test_a_corrected_line_has_the_values_that_were_decided(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        "\n".join([HEADER, line("a", "", 50, 50), line("a", 50, 50, 50), line("a", 60, 60, 60), "too,few"]) + "\n"
    )
    made = Witness(load_contract(), load_aliases(), SEGMENTS)
    made.read("2026Q4", path, path.name, {2: {"math_score": "40"}, 3: {"student_id": "b"}})
    assert made.figures("quarters")["2026Q4",]["math_mean_score"] == 45
    assert {key[1] for key in made.figures("rejected")} == {"repeated_id", "wrong_field_count"}
    assert made.lines_of("rejected", ["2026Q4", "repeated_id", "student_id"]) == [("2026Q4", 4)]


def test_the_quarters_figures(witness: Witness) -> None:
    assert witness.figures("quarters")["2026Q4",] == {
        "rows_read": 9,
        "rows_trusted": 3,
        "rows_quarantined": 6,
        "student_count": 3,
        "pass_count": 1,
        "pass_pct": 33.3333,
        # 100, 219.5 / 3 = 73.1667 and 1 / 3 = 0.3333, each rounded, then their mean.
        "mean_score": 57.8333,
        "math_mean_score": 46.5,
        "reading_mean_score": 63.3333,
        "writing_mean_score": 63.6667,
    }


def test_a_grade_is_f_for_whoever_failed_a_subject(witness: Witness) -> None:
    grades = {
        key[-1]: row["student_count"]
        for key, row in witness.figures("score_ranges").items()
        if key[:-1] == ("2026Q4", "all", "all", "overall", "kaggle_grade")
    }
    assert grades == {"1": 2, "2": 0, "3": 0, "4": 0, "5": 0, "6": 1}
    top = witness.figures("score_ranges")["2026Q4", "all", "all", "math", "equal_width", "10"]
    assert top == {"lower_bound": 90, "upper_bound": 100, "student_count": 1, "student_pct": 33.3333, "mean_score": 100}


def test_definitions_are_judged_side_by_side(witness: Witness) -> None:
    counts = {
        key[1:]: row["student_count"] for key, row in witness.figures("lab_outcomes").items() if key[0] == "2026Q4"
    }
    # 39.5 90 90 fails a subject and passes by the mean; 100 100 100 and 0 0 1 are told alike.
    assert counts["pass", "every_subject@1", "failed"] == 2
    assert counts["pass", "mean@1", "failed"] == 1
    assert counts["grade", "kaggle@1", "F"] == 2
    assert counts["grade", "kaggle_without_fail@1", "B"] == 1
    flips = {key[1:]: row["student_count"] for key, row in witness.figures("lab_flips").items()}
    assert flips["pass", "every_subject@1", "mean@1", "failed", "passed"] == 1
    assert witness.lines_of("lab_pairs", ["2026Q4", "pass", "every_subject@1", "mean@1"]) == [("2026Q4", 3)]
    # 20 30 40 and 80 80 80: a mean of 80 is exactly on a bound of grades.
    on_bound = {key[1:] for key in witness.figures("exam_outcomes") if key[0] == "2026Q3" and key[3] == "True"}
    expected = "kaggle@1=A, kaggle_without_fail@1=A, uk@1=distinction, us@1=B"
    assert ("grade", expected, "True") in on_bound


def test_moves_are_of_students_known_in_one_of_two_quarters(witness: Witness) -> None:
    moves = {key[1:]: row["student_count"] for key, row in witness.figures("segment_moves").items()}
    assert moves == {
        ("strong", "strong", "stayed"): 1,
        ("weak", "strong", "moved"): 1,
        ("strong", "", "left"): 1,
        ("", "weak", "joined"): 1,
    }
    assert witness.lines_of("segment_moves", ["2026Q4", "weak", "strong", "moved"]) == [("2026Q3", 3), ("2026Q4", 3)]


def test_every_figure_has_lines_or_is_a_count_of_none(witness: Witness) -> None:
    for table in tables(load_contract()):
        for key, row in witness.figures(table).items():
            lines = witness.lines_of(table, list(key))
            counted = row.get("student_count", row.get("line_count"))
            if table in ONE_LINE_A_STUDENT:
                assert len(lines) == counted, (table, key)


@pytest.fixture(scope="module")
def rounding() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that knows the rules' arithmetic."""
    with duckdb.connect() as connection:
        connection.execute(rules(load_contract()).split("create table", 1)[0])
        yield connection


@settings(deadline=None)
@given(part=st.integers(-(10**17), 10**17), whole=st.integers(1, 10**15))
def test_rounding_is_exact(rounding: duckdb.DuckDBPyConnection, part: int, whole: int) -> None:
    found = rounding.execute("select rounded(?::hugeint, ?::hugeint)", [part, whole]).fetchone()
    exact = Decimal(part * 10_000) / Decimal(whole)
    assert found == (int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)),)
