import io
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from ml_assets.student_performance import clustering, quality
from ml_assets.student_performance.clustering import Clustering, Subject, cluster_cells, match_clusters
from tests.student_performance.score_cohorts import (
    REAL_FILE,
    SUBJECTS,
    cells_of,
    generated_scores,
    real_scores,
    score_counts_of,
)

SEED = 20_240_601
MEANS = [subject.mean_score_column for subject in SUBJECTS]
few_runs = settings(max_examples=15, deadline=None)

score = st.integers(0, 100)
score_tables = st.lists(st.tuples(score, score, score), min_size=1, max_size=60).map(
    lambda rows: pd.DataFrame(rows, columns=[subject.score_column for subject in SUBJECTS], dtype=float)
)


def bytes_of(result: Clustering) -> bytes:
    """Both tables as CSV and as Parquet."""
    written = b"".join(table.to_csv(index=False).encode() for table in (result.cells, result.profiles))
    for table in (result.cells, result.profiles):
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        written += buffer.getvalue()
    return written


def assert_consistent(result: Clustering, cells: pd.DataFrame) -> None:
    """Everything that holds for any clustering."""
    profiles, labelled = result.profiles, result.cells.merge(cells[["cell_id", *MEANS]], on="cell_id")
    count = len(profiles)
    assert profiles["cluster_id"].to_list() == list(range(1, count + 1))
    keys = [(round(sum(row) / len(row), 6), *row) for row in profiles[MEANS].to_numpy().tolist()]
    assert keys == sorted(keys, reverse=True)
    assert (profiles["cluster_count"] == count).all()
    assert profiles["cluster_label"].is_unique

    assert sorted(labelled["cell_id"]) == sorted(cells["cell_id"])
    assert profiles["student_count"].sum() == cells["student_count"].sum()
    sizes = labelled.groupby("cluster_id")["student_count"].agg(["sum", "size"])
    assert sizes["sum"].to_list() == profiles["student_count"].to_list()
    assert sizes["size"].to_list() == profiles["cell_count"].to_list()
    assert profiles["student_pct"].sum() == pytest.approx(100)
    names = profiles.set_index("cluster_id")["cluster_label"]
    assert labelled["cluster_label"].to_list() == names.loc[labelled["cluster_id"]].to_list()

    points, centroids = labelled[MEANS].to_numpy(dtype=float), profiles[MEANS].to_numpy()
    distances = np.sqrt(((points[:, None] - centroids[None]) ** 2).sum(axis=2))
    assert (labelled["cluster_id"] == distances.argmin(axis=1) + 1).all()
    assert labelled["distance"].to_numpy() == pytest.approx(distances.min(axis=1), abs=1e-6)
    assert labelled["confidence"].between(0, 1).all()
    for name, members in labelled.groupby("cluster_id"):
        mean = np.average(members[MEANS].to_numpy(dtype=float), axis=0, weights=members["student_count"])
        assert profiles.loc[profiles["cluster_id"] == name, MEANS].to_numpy()[0] == pytest.approx(mean, abs=1e-5)


# The public file where it is at hand, and a generated cohort of the same shape where it is not.
# Sizes, inertia, silhouette and the largest inertia ratio are what a study of each cohort gave.
COHORTS = {
    "public file": (real_scores, (210, 350, 281, 159), 121_487.492046, 0.394267, 1.007),
    "generated": (lambda: generated_scores(1000, seed=4), (143, 395, 368, 94), 111_165.748094, 0.436149, 1.012),
}


@pytest.mark.parametrize("name", ["generated", *(["public file"] if REAL_FILE.exists() else [])])
def test_cluster_cells_gives_four_sayable_segments(name: str) -> None:
    load, sizes, inertia, silhouette, largest_ratio = COHORTS[name]
    scores = load()
    cells = cells_of(scores)
    result = cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=score_counts_of(scores))
    assert_consistent(result, cells)
    profiles = result.profiles
    assert profiles["cluster_label"].to_list() == [
        "strong in all three",
        "good in all three",
        "middling in all three",
        "needs support in all three",
    ]
    assert tuple(profiles["student_count"]) == sizes
    assert profiles["inertia"][0] == pytest.approx(inertia, abs=0.01)
    assert profiles["silhouette"][0] == pytest.approx(silhouette, abs=1e-5)
    assert 1 <= profiles["inertia_ratio"][0] < largest_ratio
    assert 0.7 < profiles["stability"][0] <= 1
    assert list(profiles.columns) == [
        *("cluster_id", "cluster_label", "reason", *MEANS, "student_count", "student_pct", "cell_count"),
        *("cluster_count", "silhouette", "inertia", "inertia_ratio", "stability"),
    ]
    assert list(result.cells.columns) == [
        *("cell_id", *(subject.range_column for subject in SUBJECTS), "student_count"),
        *("cluster_id", "cluster_label", "distance", "confidence"),
    ]


def test_cluster_cells_finds_the_same_solution_from_any_seed() -> None:
    cells = cells_of(generated_scores(1000, seed=4))
    results = [cluster_cells(cells, SUBJECTS, seed=seed) for seed in (0, 1, 2)]
    assert len({result.cells.to_csv() for result in results}) == 1


def test_cluster_cells_names_a_group_whose_mathematics_stays_behind() -> None:
    level = generated_scores(800, seed=1)
    behind = generated_scores(400, seed=2).assign(
        math_score=lambda table: (table["math_score"] - 35).clip(0), reading_score=lambda table: table["writing_score"]
    )
    result = cluster_cells(cells_of(pd.concat([level, behind])), SUBJECTS, seed=SEED)
    labels = result.profiles["cluster_label"].to_list()
    assert any("mathematics well below languages" in label for label in labels)
    assert any("in all three" in label for label in labels)


@few_runs
@given(score_tables)
def test_cluster_cells_holds_its_promises_for_any_cohort(scores: pd.DataFrame) -> None:
    cells = cells_of(scores)
    result = cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=score_counts_of(scores))
    assert_consistent(result, cells)
    assert min(3, len(cells)) <= len(result.profiles) <= 8
    assert (result.profiles["inertia_ratio"] >= 1).all()
    assert result.profiles["stability"].notna().all()
    matched = match_clusters(result.profiles, result.profiles, SUBJECTS)
    assert matched["continues_cluster_id"].to_list() == result.profiles["cluster_id"].to_list()


@few_runs
@given(score_tables, st.integers(0, 1000))
def test_cluster_cells_gives_the_same_bytes_for_any_row_order(scores: pd.DataFrame, seed: int) -> None:
    cells, counts = cells_of(scores), score_counts_of(scores)
    expected = cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=counts)
    shuffled = cluster_cells(
        cells.sample(frac=1, random_state=seed),
        SUBJECTS,
        seed=SEED,
        score_counts=counts.sample(frac=1, random_state=seed),
    )
    assert bytes_of(shuffled) == bytes_of(expected)


def test_cluster_cells_samples_the_same_score_combinations_for_any_row_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MAXIMUM_COMBINATIONS", 100)
    scores = generated_scores(400, seed=6)
    cells, counts = cells_of(scores), score_counts_of(scores)
    orders = (counts, counts[::-1])
    written = {bytes_of(cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=order)) for order in orders}
    assert len(written) == 1


def test_cluster_cells_gives_the_same_bytes_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = pd.DataFrame(np.random.default_rng(0).integers(0, 101, (20_000, 3)), columns=[*score_counts_columns()])
    cells, counts = cells_of(scores), score_counts_of(scores)
    used: list[int] = []
    fit = clustering.fit_centroids

    def recording(*arguments: object, **options: object) -> object:
        used.extend(pool["num_threads"] for pool in threadpool_info())
        return fit(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(clustering, "fit_centroids", recording)
    written = set()
    for limit in (1, 2):
        with threadpool_limits(limits=limit):
            written.add(bytes_of(cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=counts)))
    assert len(written) == 1
    assert set(used) == {1}


def score_counts_columns() -> list[str]:
    return [subject.score_column for subject in SUBJECTS]


def test_cluster_cells_ignores_every_other_column() -> None:
    cells = cells_of(generated_scores(200, seed=3))
    others = cells.assign(gender=np.arange(len(cells)) % 2, lunch="standard", quarter="2026Q4", extra=np.nan)
    assert bytes_of(cluster_cells(others[others.columns[::-1]], SUBJECTS, seed=SEED)) == bytes_of(
        cluster_cells(cells, SUBJECTS, seed=SEED)
    )


def test_cluster_cells_takes_the_decimals_of_a_database() -> None:
    cells = cells_of(generated_scores(200, seed=3)).round(6)
    decimals = cells.assign(**{column: [Decimal(str(value)) for value in cells[column]] for column in MEANS})
    assert bytes_of(cluster_cells(decimals, SUBJECTS, seed=SEED)) == bytes_of(cluster_cells(cells, SUBJECTS, seed=SEED))


def test_cluster_cells_sorts_ranges_as_numbers() -> None:
    scores = pd.DataFrame({column: [5.0, 45.0, 95.0, 99.0] for column in score_counts_columns()})
    result = cluster_cells(cells_of(scores), SUBJECTS, seed=SEED)
    assert result.cells["cell_id"].to_list() == ["0-0-0", "40-40-40", "90-90-90"]


@pytest.mark.parametrize(("student_count", "clusters"), [(1, 1), (2, 2), (3, 3)])
def test_cluster_cells_with_fewer_cells_than_clusters_uses_one_each(student_count: int, clusters: int) -> None:
    scores = pd.DataFrame({column: [25.0, 55.0, 85.0][:student_count] for column in score_counts_columns()})
    result = cluster_cells(cells_of(scores), SUBJECTS, seed=SEED)
    assert len(result.profiles) == clusters
    assert (result.cells["confidence"] == 1).all()
    assert result.profiles["silhouette"].isna().all() == (clusters == 1)
    assert result.profiles["inertia_ratio"].isna().all()


def test_cluster_cells_works_for_a_school_of_twelve() -> None:
    scores = generated_scores(12, seed=8)
    cells = cells_of(scores)
    result = cluster_cells(cells, SUBJECTS, seed=SEED, score_counts=score_counts_of(scores))
    assert_consistent(result, cells)
    assert 3 <= len(result.profiles) <= 5


def test_cluster_cells_stays_within_the_bounds_asked_for() -> None:
    cells = cells_of(generated_scores(300, seed=5))
    assert len(cluster_cells(cells, SUBJECTS, minimum_clusters=6, maximum_clusters=6, seed=1).profiles) == 6
    assert len(cluster_cells(cells, SUBJECTS, minimum_clusters=2, maximum_clusters=3, seed=1).profiles) in (2, 3)


def test_cluster_cells_works_for_other_subjects() -> None:
    subjects = [Subject("english", "English", "languages"), Subject("physics", "Physics", "sciences")]
    generator = np.random.default_rng(2)
    scores = pd.DataFrame(generator.integers(0, 101, (200, 2)), columns=["english_score", "physics_score"])
    labels = cluster_cells(cells_of(scores), subjects, seed=SEED).profiles["cluster_label"].to_list()
    assert any("sciences well below languages" in label for label in labels)


def test_confidence_falls_from_the_centroid_to_the_border() -> None:
    result = cluster_cells(cells_of(generated_scores(1000, seed=4)), SUBJECTS, seed=SEED)
    cells = result.cells.merge(cells_of(generated_scores(1000, seed=4))[["cell_id", *MEANS]], on="cell_id")
    points, centroids = cells[MEANS].to_numpy(), result.profiles[MEANS].to_numpy()
    distances = np.sort(np.linalg.norm(points[:, None] - centroids[None], axis=2), axis=1)
    assert cells["confidence"].to_numpy() == pytest.approx(1 - distances[:, 0] / distances[:, 1], abs=1e-6)


CELLS = cells_of(generated_scores(50, seed=1))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (CELLS.iloc[:0], "no student to cluster"),
        (CELLS.drop(columns="math_mean_score"), "lack math_mean_score"),
        (CELLS.assign(math_mean_score=np.nan), "missing or infinite value"),
        (CELLS.assign(reading_mean_score=np.inf), "missing or infinite value"),
        (CELLS.assign(cell_id=None), "missing or infinite value"),
        (CELLS.assign(student_count=0), "without a student"),
        (pd.concat([CELLS, CELLS]), "combination of ranges twice"),
    ],
)
def test_cluster_cells_refuses_broken_cells(cells: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_cells(cells, SUBJECTS, seed=SEED)


def test_cluster_cells_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="no subject"):
        cluster_cells(CELLS, [], seed=SEED)
    with pytest.raises(ValueError, match="between 5 and 4"):
        cluster_cells(CELLS, SUBJECTS, minimum_clusters=5, maximum_clusters=4, seed=SEED)
    with pytest.raises(ValueError, match="hold 49 students and the cells 50"):
        cluster_cells(CELLS, SUBJECTS, seed=SEED, score_counts=score_counts_of(generated_scores(49, seed=1)))
