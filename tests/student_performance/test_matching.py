from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.student_performance.matching import MAXIMUM_DISTANCE, match_clusters
from tests.student_performance.score_cohorts import SUBJECTS

COLUMNS = [subject.mean_score_column for subject in SUBJECTS]
scores = st.integers(0, 1000).map(lambda tenths: tenths / 10)
centroid_lists = st.lists(st.tuples(scores, scores, scores), min_size=1, max_size=5, unique=True)


def profiles_of(centroids: list[tuple[float, ...]]) -> pd.DataFrame:
    table = pd.DataFrame(centroids, columns=COLUMNS)
    table.insert(0, "cluster_id", range(1, len(table) + 1))
    table.insert(1, "cluster_label", [f"segment of {row}" for row in centroids])
    return table


def test_match_clusters_follows_the_centroid_and_not_the_number() -> None:
    previous = profiles_of([(85, 88, 87), (60, 62, 61), (45, 47, 45)])
    current = profiles_of([(86, 88, 88), (72, 74, 73), (61, 62, 62)])
    matched = match_clusters(previous, current, SUBJECTS)
    assert matched["continues_cluster_id"].to_list() == [1, pd.NA, 2]
    assert matched["continues_label"].to_list() == ["segment of (85, 88, 87)", None, "segment of (60, 62, 61)"]
    assert matched["continues_distance"].round(3).to_list()[::2] == [1.414, 1.414]
    assert np.isnan(matched["continues_distance"][1])


def test_match_clusters_keeps_a_close_pair_beside_a_hopeless_one() -> None:
    """Summing plain distances would pair 1 with 1 (6 + 81 against 3 + 90), for the sake of a pair that is none."""
    previous = profiles_of([(10, 50, 50), (19, 50, 50)])
    current = profiles_of([(16, 50, 50), (100, 50, 50)])
    matched = match_clusters(previous, current, SUBJECTS, maximum_distance=10)
    assert matched["continues_cluster_id"].to_list() == [2, pd.NA]


@pytest.mark.parametrize("previous", [None, profiles_of([])])
def test_match_clusters_without_a_previous_quarter_continues_nothing(previous: pd.DataFrame | None) -> None:
    matched = match_clusters(previous, profiles_of([(80, 80, 80)]), SUBJECTS)
    assert matched[["continues_cluster_id", "continues_label", "continues_distance"]].isna().all(axis=None)


def test_match_clusters_replaces_an_earlier_match_and_keeps_other_columns() -> None:
    profiles = profiles_of([(80, 80, 80)]).assign(reason="why")
    once = match_clusters(profiles, profiles, SUBJECTS)
    again = match_clusters(None, once, SUBJECTS)
    assert list(again.columns) == list(once.columns)
    assert again["reason"].to_list() == ["why"]
    assert again["continues_cluster_id"].isna().all()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda table: table.drop(columns="math_mean_score"), "lack math_mean_score"),
        (lambda table: pd.concat([table, table]), "cluster id twice"),
        (lambda table: table.assign(math_mean_score=np.nan), "empty values"),
    ],
)
def test_match_clusters_refuses_what_is_not_one_quarter(broken, message: str) -> None:  # type: ignore[no-untyped-def]
    whole = profiles_of([(80, 80, 80), (60, 60, 60)])
    with pytest.raises(ValueError, match=message):
        match_clusters(whole, broken(whole), SUBJECTS)
    with pytest.raises(ValueError, match=message):
        match_clusters(broken(whole), whole, SUBJECTS)


@pytest.mark.parametrize("maximum_distance", [0.0, -1.0, float("nan")])
def test_match_clusters_refuses_a_distance_that_lets_nothing_continue(maximum_distance: float) -> None:
    profiles = profiles_of([(80, 80, 80)])
    with pytest.raises(ValueError, match="above 0 points"):
        match_clusters(profiles, profiles, SUBJECTS, maximum_distance=maximum_distance)


@given(centroid_lists)
def test_match_clusters_on_itself_is_the_identity(centroids: list[tuple[float, ...]]) -> None:
    profiles = profiles_of(centroids)
    matched = match_clusters(profiles, profiles, SUBJECTS)
    assert matched["continues_cluster_id"].to_list() == profiles["cluster_id"].to_list()
    assert (matched["continues_distance"] == 0).all()


@given(centroid_lists, centroid_lists, st.sampled_from([0.5, 5.0, MAXIMUM_DISTANCE, 60.0]))
def test_match_clusters_is_one_to_one_within_the_distance_and_the_best_such(
    before: list[tuple[float, ...]], now: list[tuple[float, ...]], maximum_distance: float
) -> None:
    previous, current = profiles_of(before), profiles_of(now)
    matched = match_clusters(previous, current, SUBJECTS, maximum_distance=maximum_distance)
    assert matched["cluster_id"].to_list() == current["cluster_id"].to_list()
    continued = matched.dropna(subset="continues_cluster_id")
    assert continued["continues_cluster_id"].is_unique
    assert (continued["continues_distance"] <= maximum_distance + 1e-6).all()
    labels = previous.set_index("cluster_id")["cluster_label"]
    assert continued["continues_label"].to_list() == [labels[name] for name in continued["continues_cluster_id"]]

    distances = np.linalg.norm(np.array(before)[:, None] - np.array(now)[None], axis=2)
    capped = np.minimum(distances, maximum_distance)
    capped = capped if len(capped) <= len(capped[0]) else capped.T
    rows = np.arange(len(capped))
    best = min(capped[rows, list(order)].sum() for order in permutations(range(len(capped[0])), len(capped)))
    found = continued["continues_distance"].sum() + maximum_distance * (min(distances.shape) - len(continued))
    assert found == pytest.approx(best, abs=1e-4)


@given(centroid_lists, centroid_lists, st.randoms())
def test_match_clusters_ignores_the_order_of_rows(before, now, random) -> None:  # type: ignore[no-untyped-def]
    previous, current = profiles_of(before), profiles_of(now)
    shuffled = [table.sample(frac=1, random_state=random.randrange(1000)) for table in (previous, current)]
    expected = match_clusters(previous, current, SUBJECTS, maximum_distance=30)
    pd.testing.assert_frame_equal(match_clusters(*shuffled, SUBJECTS, maximum_distance=30), expected)
