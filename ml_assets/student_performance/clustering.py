"""Segments of students from the cells of ten-point score ranges, for one quarter.

Pure: frames in, frames out, no database and no orchestration. Scores form the segments and nothing else does:
every function takes the named score columns it needs and looks at no other, so that demographics can describe a
segment afterwards but never form one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from ml_assets.student_performance.matching import match_clusters
from ml_assets.student_performance.naming import label_clusters, reason_for
from ml_assets.student_performance.quality import (
    bootstrap_stability,
    explained_share,
    inertia_ratio,
    weighted_silhouette,
)
from ml_assets.student_performance.subjects import Subject
from ml_assets.student_performance.weighted_kmeans import (
    WRITTEN_DECIMALS,
    FloatArray,
    IntegerArray,
    fit_centroids,
    settle,
    weighted_inertia,
)

__all__ = ["ENOUGH_EXPLAINED", "Clustering", "Subject", "cluster_cells", "match_clusters"]

# Share of the variation between cells that the segments must account for.
ENOUGH_EXPLAINED = 0.80


@dataclass(frozen=True, slots=True)
class Clustering:
    """The result for one quarter, rows in canonical order, floats rounded to 6 decimals.

    `cells`: one row a cell by its ranges: `cell_id`, `<subject>_range`, `student_count`, `cluster_id` (1..k),
    `cluster_label`, `distance`, `confidence`.
    `profiles`: one row a cluster by its id: `cluster_id`, `cluster_label`, `reason`, `<subject>_mean_score`,
    `student_count`, `student_pct` (0-100), `cell_count`, and the quarter's figures repeated on each row:
    `cluster_count`, `silhouette` (NaN with one cluster), `inertia`, `inertia_ratio` (NaN when not asked for),
    `stability`.
    """

    cells: pd.DataFrame
    profiles: pd.DataFrame


def cluster_cells(
    cells: pd.DataFrame,
    subjects: Sequence[Subject],
    *,
    minimum_clusters: int = 3,
    maximum_clusters: int = 8,
    seed: int,
    score_counts: pd.DataFrame | None = None,
) -> Clustering:
    """Cluster one quarter's cells by weighted k-means on their mean scores, name the clusters and measure them.

    `cells` has one row a cell: `cell_id`, `<subject>_range` (lower bound), `student_count` (at least 1),
    `<subject>_mean_score` (0-100). `score_counts`, when given, has the same students as one row a combination of
    exact scores: `<subject>_score`, `student_count`; it only serves `inertia_ratio`. Any other column, demographics
    above all, is ignored.

    Number of clusters: the smallest within the bounds whose clusters account for at least ENOUGH_EXPLAINED of the
    variation between cells, weighted by students; where none does, the one with the best silhouette. On the public
    exam files, which differ mostly in level, this gives four segments about 12 points apart, and the same four for
    any 300 students or more drawn from them. The best silhouette alone gives three there, putting 28 % of the
    students into the one that needs support, and anything between three and eight for a class of 150. With fewer
    distinct cells than `minimum_clusters` there are as many clusters as distinct cells.

    Cluster ids follow the overall mean of the centroids, highest first, then the subjects in turn. A centroid is
    the weighted mean of its cells, rounded; a cell belongs to its nearest rounded centroid, at a tie to the lowest id:
    the rule that SQL applies to each student. `distance` is Euclidean, in score points, to the own centroid.
    `confidence` is 1 - distance / distance to the second nearest centroid: 1 at the centroid, 0 on the border
    between two clusters, 1 where there is one cluster only.

    Cells are sorted first, the seed is fixed and one thread is used whatever the surroundings allow, so the same
    cells give the same bytes in any order, on any number of threads, every time.

    Raises ValueError, saying what is wrong, for no cells, a missing column, missing or infinite values, a repeated
    cell, a count below 1, bounds that make no sense, or score counts of other students.
    """
    if not subjects:
        raise ValueError("There is no subject to cluster by.")
    if not 1 <= minimum_clusters <= maximum_clusters:
        raise ValueError(f"The number of clusters cannot lie between {minimum_clusters} and {maximum_clusters}.")
    table = _checked_cells(cells, subjects)
    points = table[[subject.mean_score_column for subject in subjects]].to_numpy(dtype=np.float64)
    weights = table["student_count"].to_numpy(dtype=np.float64)
    exact = None if score_counts is None else _checked_score_counts(score_counts, subjects, int(weights.sum()))
    with threadpool_limits(limits=1):
        centroids, assignment = _choose(points, weights, minimum_clusters, maximum_clusters, seed)
        silhouette = weighted_silhouette(points, weights, assignment)
        figures = {
            "cluster_count": len(centroids),
            "silhouette": np.nan if silhouette is None else silhouette,
            "inertia": weighted_inertia(points, weights, centroids),
            "inertia_ratio": np.nan if exact is None else inertia_ratio(*exact, centroids, seed=seed),
            "stability": bootstrap_stability(points, weights, assignment, seed=seed),
        }
    labels = label_clusters(centroids, subjects)
    return Clustering(
        cells=_labelled_cells(table, subjects, points, centroids, assignment, labels),
        profiles=_profiles(points, weights, subjects, centroids, assignment, labels).assign(
            **{
                name: round(value, WRITTEN_DECIMALS) if isinstance(value, float) else value
                for name, value in figures.items()
            }
        ),
    )


def _choose(
    points: FloatArray, weights: FloatArray, minimum_clusters: int, maximum_clusters: int, seed: int
) -> tuple[FloatArray, IntegerArray]:
    distinct = len(np.unique(points, axis=0))
    best: tuple[FloatArray, IntegerArray] | None = None
    best_silhouette = -np.inf
    for cluster_count in range(min(minimum_clusters, distinct), min(maximum_clusters, distinct) + 1):
        fitted = fit_centroids(points, weights, cluster_count, seed=seed)
        centroids, assignment = settle(points, weights, fitted)
        if round(explained_share(points, weights, centroids), WRITTEN_DECIMALS) >= ENOUGH_EXPLAINED:
            return centroids, assignment
        silhouette = weighted_silhouette(points, weights, assignment)
        # A single cluster has no silhouette; anything that has one is preferred to it.
        comparable = -1.0 if silhouette is None else round(silhouette, WRITTEN_DECIMALS)
        if comparable > best_silhouette:
            best, best_silhouette = (centroids, assignment), comparable
    if best is None:
        raise RuntimeError("No number of clusters was tried.")
    return best


def _labelled_cells(
    table: pd.DataFrame,
    subjects: Sequence[Subject],
    points: FloatArray,
    centroids: FloatArray,
    assignment: IntegerArray,
    labels: Sequence[str],
) -> pd.DataFrame:
    distances = np.sort(cdist(points, centroids), axis=1)
    own = distances[:, 0]
    confidence = 1.0 - own / distances[:, 1] if len(centroids) > 1 else np.ones(len(own))
    return table[["cell_id", *(subject.range_column for subject in subjects), "student_count"]].assign(
        cluster_id=assignment + 1,
        cluster_label=[labels[position] for position in assignment],
        distance=own.round(WRITTEN_DECIMALS),
        confidence=confidence.round(WRITTEN_DECIMALS),
    )


def _profiles(
    points: FloatArray,
    weights: FloatArray,
    subjects: Sequence[Subject],
    centroids: FloatArray,
    assignment: IntegerArray,
    labels: Sequence[str],
) -> pd.DataFrame:
    overall = np.average(points, axis=0, weights=weights).tolist()
    rows: list[dict[str, object]] = []
    for position, (centroid, label) in enumerate(zip(centroids.tolist(), labels, strict=True)):
        member = assignment == position
        student_count = int(weights[member].sum())
        student_pct = 100.0 * student_count / float(weights.sum())
        rows.append(
            {
                "cluster_id": position + 1,
                "cluster_label": label,
                "reason": reason_for(centroid, overall, subjects),
                **dict(zip((subject.mean_score_column for subject in subjects), centroid, strict=True)),
                "student_count": student_count,
                "student_pct": round(student_pct, WRITTEN_DECIMALS),
                "cell_count": int(member.sum()),
            }
        )
    return pd.DataFrame(rows)


def _checked_cells(cells: pd.DataFrame, subjects: Sequence[Subject]) -> pd.DataFrame:
    """Return the needed columns with plain types, in canonical order."""
    ranges = [subject.range_column for subject in subjects]
    scores = [subject.mean_score_column for subject in subjects]
    table = _numbers(cells, ["cell_id", *ranges, "student_count", *scores], "cells", text="cell_id")
    if table[ranges].duplicated().any() or table["cell_id"].duplicated().any():
        raise ValueError("The cells hold a combination of ranges twice: give the cells of one quarter only.")
    table = table.astype(dict.fromkeys([*ranges, "student_count"], "int64"))
    return table.sort_values(ranges, ignore_index=True)


def _checked_score_counts(
    score_counts: pd.DataFrame, subjects: Sequence[Subject], student_count: int
) -> tuple[FloatArray, FloatArray]:
    """Return the distinct score combinations in canonical order and their students."""
    scores = [subject.score_column for subject in subjects]
    table = _numbers(score_counts, [*scores, "student_count"], "score counts")
    found = int(table["student_count"].sum())
    if found != student_count:
        raise ValueError(f"The score counts hold {found} students and the cells {student_count}.")
    counts = table.groupby(scores, as_index=False, sort=True)["student_count"].sum()
    return counts[scores].to_numpy(dtype=np.float64), counts["student_count"].to_numpy(dtype=np.float64)


def _numbers(frame: pd.DataFrame, columns: list[str], what: str, *, text: str | None = None) -> pd.DataFrame:
    """Return only `columns`, as finite floats (decimals from a database too), but for the `text` column."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"The {what} lack {', '.join(missing)}.")
    if frame.empty:
        raise ValueError(f"There are no {what}: the quarter has no student to cluster.")
    numeric = [column for column in columns if column != text]
    table = frame[columns].astype(dict.fromkeys(numeric, "float64"))
    if not np.isfinite(table[numeric].to_numpy()).all() or frame[columns].isna().to_numpy().any():
        raise ValueError(f"The {what} have a missing or infinite value in {', '.join(numeric)}.")
    if (table["student_count"] < 1).any():
        raise ValueError(f"The {what} have a row without a student.")
    return table
