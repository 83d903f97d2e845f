"""What clustering the cells costs against clustering every row, computed apart from the project's own figure."""

from pathlib import Path

import numpy as np
import pyarrow.csv
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

SCORE_HEADERS = ["math score", "reading score", "writing score"]
MOST_ROWS = 1_000_000  # above, equal rows are taken together with their number: the same sum in less memory
STARTS = 5
_BLOCK = 100_000


def read_scores(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The scores of every row (n, 3) and how often each counts (n)."""
    options = pyarrow.csv.ConvertOptions(include_columns=SCORE_HEADERS)
    table = pyarrow.csv.read_csv(file, convert_options=options)
    points = np.column_stack([table[header].to_numpy() for header in SCORE_HEADERS])
    if len(points) <= MOST_ROWS:
        return points.astype(float), np.ones(len(points))
    weights = np.bincount(points @ [101 * 101, 101, 1])
    codes = np.flatnonzero(weights)
    return np.column_stack([codes // 101**2, codes // 101 % 101, codes % 101]).astype(float), weights[codes]


def inertia(points: np.ndarray, weights: np.ndarray, centroids: np.ndarray) -> float:
    """Sum of squared distances to the nearest centroid."""
    blocks = range(0, len(points), _BLOCK)
    return sum(
        float(cdist(points[at : at + _BLOCK], centroids, "sqeuclidean").min(axis=1) @ weights[at : at + _BLOCK])
        for at in blocks
    )


def inertia_ratio(file: Path, centroids: np.ndarray) -> float:
    """Inertia of `centroids` over every row, divided by that of scikit-learn's k-means on every row, the best of 5 starts."""
    points, weights = read_scores(file)
    best = KMeans(len(centroids), n_init=STARTS, random_state=1).fit(points, sample_weight=weights)
    return inertia(points, weights, centroids) / inertia(points, weights, best.cluster_centers_)
