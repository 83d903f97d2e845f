import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_score

from ml_assets.student_performance import quality
from ml_assets.student_performance.quality import (
    bootstrap_stability,
    explained_share,
    inertia_ratio,
    weighted_adjusted_rand,
    weighted_silhouette,
)
from ml_assets.student_performance.weighted_kmeans import nearest_centroid, weighted_inertia


def arrays(seed: int, count: int, clusters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, weights and two assignments, the first using every cluster."""
    generator = np.random.default_rng(seed)
    points = generator.integers(0, 101, (count, 3)).astype(float)
    weights = generator.integers(1, 5, count).astype(float)
    first = np.concatenate([np.arange(clusters), generator.integers(0, clusters, count - clusters)])
    return points, weights, first, generator.integers(0, clusters + 1, count)


@given(st.integers(0, 10_000), st.integers(5, 40), st.integers(2, 5))
def test_weighted_silhouette_is_that_of_every_student(seed: int, count: int, clusters: int) -> None:
    points, weights, assignment, _ = arrays(seed, count, clusters)
    repeats = weights.astype(int)
    students, labels = points.repeat(repeats, axis=0), assignment.repeat(repeats)
    if len(labels) <= clusters:  # scikit-learn leaves the silhouette of singletons alone undefined
        return
    expected = silhouette_score(students, labels)
    assert weighted_silhouette(points, weights, assignment) == pytest.approx(expected, abs=1e-6)


def test_weighted_silhouette_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights, assignment, _ = arrays(3, 40, 4)
    whole = weighted_silhouette(points, weights, assignment)
    monkeypatch.setattr(quality, "ROWS_AT_ONCE", 7)
    assert weighted_silhouette(points, weights, assignment) == pytest.approx(whole)


def test_weighted_silhouette_of_one_cluster_is_undefined() -> None:
    assert weighted_silhouette(np.eye(3), np.ones(3), np.zeros(3, dtype=np.int64)) is None


@given(st.integers(0, 10_000), st.integers(5, 40), st.integers(1, 5))
def test_weighted_adjusted_rand_is_that_of_every_student(seed: int, count: int, clusters: int) -> None:
    _, weights, first, second = arrays(seed, count, clusters)
    repeats = weights.astype(int)
    expected = adjusted_rand_score(first.repeat(repeats), second.repeat(repeats))
    assert weighted_adjusted_rand(first, second, weights) == pytest.approx(expected, abs=1e-9)


def test_weighted_adjusted_rand_of_one_cluster_or_one_student_is_one() -> None:
    same = np.zeros(4, dtype=np.int64)
    assert weighted_adjusted_rand(same, same, np.ones(4)) == 1.0
    assert weighted_adjusted_rand(same[:1], same[:1], np.ones(1)) == 1.0


def test_explained_share_of_one_centroid_is_none_and_of_exact_ones_all() -> None:
    points, weights = np.array([[0.0, 0, 0], [90, 90, 90]]), np.array([3.0, 1.0])
    assert explained_share(points, weights, np.array([[22.5, 22.5, 22.5]])) == pytest.approx(0.0)
    assert explained_share(points, weights, points) == 1.0
    assert explained_share(points[:1], weights[:1], points[:1]) == 1.0


def blobs(spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    centres = np.array([[20.0, 20, 20], [50, 50, 50], [80, 80, 80]])
    points = np.unique(centres.repeat(40, axis=0) + generator.normal(0, spread, (120, 3)), axis=0)
    return points, np.ones(len(points)), centres


def test_bootstrap_stability_is_one_for_separate_groups_and_low_without_any() -> None:
    points, weights, centres = blobs(spread=1)
    assert bootstrap_stability(points, weights, nearest_centroid(points, centres), seed=1) == 1.0
    noise = np.random.default_rng(5).uniform(0, 100, (60, 3))
    assignment = nearest_centroid(noise, noise[:5])
    assert bootstrap_stability(noise, np.ones(60), assignment, seed=1) < 0.6


def test_inertia_ratio_is_one_at_the_best_centroids_and_the_loss_elsewhere() -> None:
    points, weights, centres = blobs(spread=5)
    best = np.array([points[nearest_centroid(points, centres) == position].mean(axis=0) for position in range(3)])
    assert inertia_ratio(points, weights, best, seed=1) == pytest.approx(1.0)
    expected = weighted_inertia(points, weights, best + 3) / weighted_inertia(points, weights, best)
    assert inertia_ratio(points, weights, best + 3, seed=1) == pytest.approx(expected)
    assert expected > 1.1


def test_inertia_ratio_of_as_many_clusters_as_combinations_is_one() -> None:
    assert inertia_ratio(np.eye(3), np.ones(3), np.eye(3) + 1e-7, seed=1) == 1.0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_inertia_ratio_of_a_seeded_sample_is_near_that_of_all(seed: int) -> None:
    points, weights, centres = blobs(spread=8)
    whole = inertia_ratio(points, weights, centres, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "MAXIMUM_COMBINATIONS", 90)
        sampled = inertia_ratio(points, weights, centres, seed=seed)
        assert sampled == inertia_ratio(points, weights, centres, seed=seed)
    assert sampled != whole
    assert sampled == pytest.approx(whole, abs=0.1)
