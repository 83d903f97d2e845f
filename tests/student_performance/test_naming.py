import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.student_performance.naming import (
    LEVELS,
    WIDE_GAP,
    label_clusters,
    level_of,
    plain_label,
    reason_for,
)
from ml_assets.student_performance.subjects import Subject
from tests.student_performance.score_cohorts import SUBJECTS

FOUR = (*SUBJECTS, Subject("physics", "Physics", "sciences"))


@pytest.mark.parametrize(
    ("centroid", "label"),
    [
        ((84.6, 87.9, 87.2), "strong in all three"),
        ((80.0, 80.0, 80.0), "strong in all three"),
        ((79.99, 79.99, 79.99), "good in all three"),
        ((65.0, 65.0, 65.0), "good in all three"),
        ((58.9, 61.6, 60.5), "middling in all three"),
        ((50.0, 50.0, 50.0), "middling in all three"),
        ((44.3, 47.2, 44.7), "needs support in all three"),
        ((30.1, 34.4, 31.8), "needs intensive support in all three"),
        ((62.0, 70.0, 70.0), "good, mathematics well below languages"),
        ((62.01, 70.0, 70.0), "good in all three"),
        ((76.0, 62.0, 60.0), "good, languages well below mathematics"),
        ((65.0, 70.0, 60.0), "good, writing well below reading"),
        ((25.0, 24.0, 75.0), "needs support, writing well above the others"),
    ],
)
def test_plain_label_says_level_and_shape(centroid: tuple[float, ...], label: str) -> None:
    assert plain_label(centroid, SUBJECTS) == label


@pytest.mark.parametrize(
    ("centroid", "label"),
    [
        ((70, 70, 70, 60), "good, sciences well below the others"),
        ((60, 60, 60, 70), "middling, sciences well above the others"),
        ((60, 65, 65, 70), "good, mathematics well below sciences"),
        ((66, 66, 66, 66), "good in all four"),
    ],
)
def test_plain_label_with_three_groups(centroid: tuple[float, ...], label: str) -> None:
    assert plain_label(centroid, FOUR) == label


@pytest.mark.parametrize(
    ("subjects", "label"),
    [
        ([Subject("english", "English", "languages")], "good in English"),
        ([Subject("it", "IT", "computing")], "good in IT"),
        ([Subject("art", "Art history", "arts")], "good in art history"),
        ([Subject(f"s{n}", f"S{n}", "all") for n in range(2)], "good in both"),
        ([Subject(f"s{n}", f"S{n}", "all") for n in range(10)], "good in all ten"),
        ([Subject(f"s{n}", f"S{n}", "all") for n in range(12)], "good in all 12"),
    ],
)
def test_plain_label_for_any_number_of_subjects(subjects: list[Subject], label: str) -> None:
    assert plain_label([70.0] * len(subjects), subjects) == label


def test_label_clusters_tells_equal_labels_apart_by_figures() -> None:
    by_mean = label_clusters(np.array([[75.0, 77, 76], [65, 67, 66], [85, 88, 87]]), SUBJECTS)
    assert by_mean == ["good in all three (mean 76)", "good in all three (mean 66)", "strong in all three"]
    by_subject = label_clusters(np.array([[70.0, 66, 68], [66.0, 70, 68]]), SUBJECTS)
    assert by_subject == [
        "good in all three (mathematics 70, reading 66, writing 68)",
        "good in all three (mathematics 66, reading 70, writing 68)",
    ]


def test_label_clusters_refuses_equal_centroids() -> None:
    with pytest.raises(ValueError, match="same centroid"):
        label_clusters(np.full((2, 3), 70.0), SUBJECTS)


scores = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


@given(st.lists(st.tuples(scores, scores, scores), min_size=1, max_size=8, unique=True))
def test_label_clusters_gives_distinct_labels_that_begin_with_the_level(rows: list[tuple[float, ...]]) -> None:
    labels = label_clusters(np.array(rows), SUBJECTS)
    assert len(set(labels)) == len(rows)
    for row, label in zip(rows, labels, strict=True):
        assert label.startswith(level_of(sum(row) / 3))
        assert ("in all three" in label) == (round(max(row) - min(row), 6) < WIDE_GAP or "well" not in label)


@given(st.tuples(scores, scores, scores))
def test_plain_label_says_in_all_three_only_when_no_group_or_subject_is_far(row: tuple[float, float, float]) -> None:
    if plain_label(row, SUBJECTS).endswith("in all three"):
        assert round(max(row) - min(row), 6) < WIDE_GAP
    elif round(max(row) - min(row), 6) < WIDE_GAP:
        raise AssertionError("a gap is said that no two subjects have")


def test_levels_fall_and_cover_every_score() -> None:
    lowest = [bound for bound, _ in LEVELS]
    assert lowest == sorted(lowest, reverse=True)
    assert level_of(0.0) == LEVELS[-1][1]
    assert level_of(100.0) == LEVELS[0][1]


def test_reason_for_states_scores_students_and_what_sets_the_segment_apart() -> None:
    reason = reason_for((83.1, 85.0, 84.4), (66.1, 69.2, 68.1), SUBJECTS)
    assert reason == (
        "Mean scores 83.1 in mathematics, 85.0 in reading and 84.4 in writing; "
        "overall mean 84.2, 16.4 points above the quarter's 67.8."
    )


def test_reason_for_names_a_gap_and_a_single_student() -> None:
    reason = reason_for((55.0, 66.0, 68.0), (66.0, 69.0, 69.0), SUBJECTS)
    assert reason == (
        "Mean scores 55.0 in mathematics, 66.0 in reading and 68.0 in writing; overall mean 63.0, "
        "5.0 points below the quarter's 68.0, with mathematics well below languages (by 12.0)."
    )


def test_reason_for_a_segment_at_the_mean_and_one_subject() -> None:
    subject = [Subject("latin", "Latin", "languages")]
    assert reason_for([70.0], [70.04], subject) == (
        "Mean score 70.0 in Latin; overall mean 70.0, level with the quarter's."
    )


def test_labels_are_the_same_on_every_scale_of_marks() -> None:
    out_of_20 = [Subject(subject.name, subject.label, subject.group, 0, 20) for subject in SUBJECTS]
    for centroid in ((84.0, 88.0, 87.0), (55.0, 66.0, 68.0), (44.0, 47.0, 45.0)):
        assert plain_label([score / 5 for score in centroid], out_of_20) == plain_label(centroid, SUBJECTS)
    reason = reason_for([11.0, 13.2, 13.6], [13.2, 13.8, 13.8], out_of_20)
    assert reason.endswith("with mathematics well below languages (by 2.4).")
