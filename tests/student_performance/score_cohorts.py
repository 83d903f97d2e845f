"""Cohorts of exam scores for tests of the clustering, and their cells as the mart has them."""

from pathlib import Path

import numpy as np
import pandas as pd

from ml_assets.student_performance.subjects import Subject

SUBJECTS = (
    Subject("math", "Mathematics", "mathematics"),
    Subject("reading", "Reading", "languages"),
    Subject("writing", "Writing", "languages"),
)
REAL_FILE = Path(__file__).parents[3] / "shared" / "data" / "students" / "StudentsPerformance.csv"


def generated_scores(student_count: int, seed: int) -> pd.DataFrame:
    """Scores with the means, spreads and correlations of the public exam file."""
    generator = np.random.default_rng(seed)
    ability, language = generator.normal(size=(2, student_count, 1))
    own = generator.normal(size=(student_count, 3))
    deviations = 0.9 * ability + language * [0.0, 0.36, 0.36] + own * [0.43, 0.2, 0.2]
    scores = (deviations * [15.2, 14.6, 15.2] + [66.1, 69.2, 68.1]).round().clip(0, 100)
    return pd.DataFrame(scores, columns=[subject.score_column for subject in SUBJECTS])


def real_scores() -> pd.DataFrame:
    """The three scores of the public exam file."""
    table = pd.read_csv(REAL_FILE)
    return table[["math score", "reading score", "writing score"]].set_axis(
        [subject.score_column for subject in SUBJECTS], axis=1
    )


def cells_of(scores: pd.DataFrame) -> pd.DataFrame:
    """Ten-point range cells of exact scores: the columns of fct_score_range_cells without the quarter."""
    ranges = (scores // 10 * 10).clip(upper=90).astype(int)
    ranges.columns = pd.Index([column.replace("_score", "_range") for column in scores.columns])
    means = scores.set_axis([column.replace("_score", "_mean_score") for column in scores.columns], axis=1)
    groups = pd.concat([ranges, means], axis=1).groupby(list(ranges.columns), sort=True)
    cells = groups.mean().reset_index()
    cells.insert(0, "cell_id", ["-".join(map(str, row)) for row in cells[list(ranges.columns)].to_numpy()])
    return cells.assign(student_count=groups.size().to_numpy())


def score_counts_of(scores: pd.DataFrame) -> pd.DataFrame:
    """Students of each exact score combination."""
    return scores.groupby(list(scores.columns)).size().reset_index(name="student_count")
