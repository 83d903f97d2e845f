"""Which of last quarter's segments each segment continues."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from ml_assets.student_performance.subjects import Subject
from ml_assets.student_performance.weighted_kmeans import WRITTEN_DECIMALS

# Euclidean score points on a scale of 0 to 100. Neighbouring segments of real files lie 20 and more apart, so that within
# 10 a centroid cannot be nearer to a neighbour's continuation than to its own.
MAXIMUM_DISTANCE = 10.0


def match_clusters(
    previous_profiles: pd.DataFrame | None,
    profiles: pd.DataFrame,
    subjects: Sequence[Subject],
    *,
    maximum_distance: float = MAXIMUM_DISTANCE,
) -> pd.DataFrame:
    """`profiles` by cluster id, with the cluster of the calendar-previous quarter that each cluster continues.

    Both frames have `cluster_id`, `cluster_label` and `<subject>_mean_score`; `previous_profiles` is None or empty
    where that quarter has no clusters. Added columns: `continues_cluster_id` (Int64), `continues_label` and
    `continues_distance` (Euclidean score points), all null for a cluster that continues none; columns of these
    names that are there already are replaced.

    Pairs are one to one, with the smallest total distance (Hungarian method); pairs farther apart than
    `maximum_distance` stay unpaired, and count no more than that distance, so a hopeless pair cannot push two
    close ones apart. Only two adjacent quarters are looked at and nothing is handed on through a chain of
    quarters, so the order in which quarters are computed or computed again does not change the result; after a
    quarter is replaced, the one after it has to be matched again.
    A label keeps its meaning because its thresholds are absolute; this records the continuation beside it.

    Raises ValueError when a needed column is missing, a cluster id repeats, a mean score is missing, or
    `maximum_distance` is not above 0.
    """
    if not maximum_distance > 0:
        raise ValueError(f"The maximum distance of a continuation must be above 0 points, not {maximum_distance}.")
    _check(profiles, subjects, "profiles")
    matches = profiles.sort_values("cluster_id", ignore_index=True).assign(
        continues_cluster_id=pd.array([pd.NA] * len(profiles), dtype="Int64"),
        continues_label=pd.Series([None] * len(profiles), dtype=object),
        continues_distance=np.full(len(profiles), np.nan),
    )
    if previous_profiles is None or previous_profiles.empty or profiles.empty:
        return matches
    _check(previous_profiles, subjects, "previous profiles")
    previous = previous_profiles.sort_values("cluster_id", ignore_index=True)
    columns = [subject.mean_score_column for subject in subjects]
    distances = cdist(previous[columns].to_numpy(dtype=float), matches[columns].to_numpy(dtype=float))
    for before, now in zip(*linear_sum_assignment(np.minimum(distances, maximum_distance)), strict=True):
        if distances[before, now] <= maximum_distance:
            matches.loc[now, "continues_cluster_id"] = int(previous["cluster_id"].iloc[before])
            matches.loc[now, "continues_label"] = str(previous["cluster_label"].iloc[before])
            matches.loc[now, "continues_distance"] = round(float(distances[before, now]), WRITTEN_DECIMALS)
    return matches


def _check(profiles: pd.DataFrame, subjects: Sequence[Subject], what: str) -> None:
    columns = ["cluster_id", "cluster_label", *(subject.mean_score_column for subject in subjects)]
    missing = [column for column in columns if column not in profiles.columns]
    if missing:
        raise ValueError(f"The {what} lack {', '.join(missing)}: clusters cannot be matched.")
    if profiles["cluster_id"].duplicated().any():
        raise ValueError(f"The {what} hold a cluster id twice: give the clusters of one quarter only.")
    if profiles[columns].isna().to_numpy().any():
        raise ValueError(f"The {what} have empty values: clusters cannot be matched.")
