"""The lab's page of exams against the same counts taken by hand."""

from dataclasses import replace

import pandas as pd
from markupsafe import Markup

from orchestration.core.lab_page import lab_headline, lab_section
from orchestration.student_performance.figures import figure_of
from orchestration.student_performance.lab_page import lab_results
from tests.student_performance.pages_data import pages_data

ROWS = [
    # Outcomes, on a bound, students, means, lowest subjects.
    ("every_subject@1=failed, mean@1=failed", False, 5, 20, 39, 10, 38),
    ("every_subject@1=failed, mean@1=passed", False, 3, 41.5, 79.6667, 30, 39),
    ("every_subject@1=passed, mean@1=passed", True, 2, 40, 55, 40, 40),
    ("every_subject@1=passed, mean@1=passed", False, 90, 41, 100, 40.5, 100),
]
COLUMNS = [
    "outcomes", "is_on_bound", "student_count", "lowest_mean_score", "highest_mean_score", "lowest_subject_score",
    "highest_subject_score",
]  # fmt: skip


def words_of(text: str) -> str:
    return Markup(text).striptags()


def test_versions_are_counted_and_compared() -> None:
    outcomes = pd.DataFrame(ROWS, columns=COLUMNS).assign(quarter="2026Q4", definition="pass")
    [result] = lab_results(replace(pages_data(), exam_outcomes=outcomes), "2026Q4")
    assert result.counts == {
        "every_subject@1": {"failed": 8, "passed": 92},
        "mean@1": {"failed": 5, "passed": 95},
    }
    assert lab_section(result).matrix == [("every_subject@1", [None, 3]), ("mean@1", [3, None])]
    [flip] = result.flips
    assert (flip.outcome, flip.other_outcome, flip.student_count, words_of(flip.note)) == (
        "failed",
        "passed",
        3,
        "41.50 to 79.67",
    )
    assert (flip.clause, flip.other_clause) == ("lowest subject >= 0 and < 40", "mean >= 40 and <= 100")
    assert [(words_of(case.who), words_of(case.figures)) for case in result.boundary_cases] == [
        ("2", "mean 40.00 to 55.00, lowest subject 40.0")
    ]
    assert result.boundary_count == 2
    assert (
        words_of(lab_headline([result], "2026Q4", figure_of))
        == "Two definitions of the same thing differ on up to 3 students"
    )


def test_authorities_without_a_common_name_are_not_compared() -> None:
    outcomes = pd.DataFrame(
        [("kaggle@1=F, kaggle_without_fail@1=F, uk@1=fail, us@1=F", False, 5, 20, 29, 10, 28)], columns=COLUMNS
    ).assign(quarter="2026Q4", definition="grade")
    [result] = lab_results(replace(pages_data(), exam_outcomes=outcomes), "2026Q4")
    assert result.flips == []
    assert dict(lab_section(result).matrix)["uk@1"] == [None] * 4
    assert dict(lab_section(result).matrix)["us@1"] == [0, 0, None, None]
