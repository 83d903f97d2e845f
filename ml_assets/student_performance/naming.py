"""The rules that name a segment and give its reason.

A label depends on the centroid alone, by thresholds that never change, so that it means the same in every
quarter. It has two parts, read in this order:

* the level, by the mean of the subjects (LEVELS, percentages of the scale: points where scores go from 0 to 100);
* the shape: groups of subjects at least WIDE_GAP points apart are said ("mathematics well below languages"), if the
  subjects within each group are closer than that; otherwise single subjects that far apart are; where nothing is,
  the level holds "in all three".

Two segments of a quarter that would read the same are told apart by their figures, never by a number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ml_assets.student_performance.subjects import Subject
from ml_assets.student_performance.weighted_kmeans import WRITTEN_DECIMALS, FloatArray

# (lowest mean score of the level, its words). Fifteen points are one standard deviation of these exams.
LEVELS: tuple[tuple[float, str], ...] = (
    (80.0, "strong"),
    (65.0, "good"),
    (50.0, "middling"),
    (35.0, "needs support"),
    (float("-inf"), "needs intensive support"),
)
# Half a standard deviation: reading and writing of one segment stay within it, cohorts differ by less.
WIDE_GAP = 8.0
NUMBER_WORDS = ("", "", "", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def join_words(words: Sequence[str]) -> str:
    """Join words as 'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def level_of(mean_score: float) -> str:
    """Return the words for the level of a mean score (0 to 100), by LEVELS."""
    return next(words for lowest, words in LEVELS if round(mean_score, WRITTEN_DECIMALS) >= lowest)


def gap_in_words(means: dict[str, float]) -> tuple[str, float] | None:
    """Say what stands out among named mean scores, and by how many points; None when all are within WIDE_GAP.

    Of two, the lower is said against the higher. Of more, one that is WIDE_GAP away from all the others is said
    against 'the others' (their mean), the lowest first; else the lowest is said against the highest.
    """
    ordered = sorted(means.items(), key=lambda item: (item[1], item[0]))
    if len(ordered) < 2 or not _is_wide(ordered[0][1], ordered[-1][1]):
        return None
    (low_name, low), (high_name, high) = ordered[0], ordered[-1]
    if len(ordered) > 2:
        values = [value for _, value in ordered]
        if _is_wide(low, values[1]):
            return f"{low_name} well below the others", sum(values[1:]) / len(values[1:]) - low
        if _is_wide(values[-2], high):
            return f"{high_name} well above the others", high - sum(values[:-1]) / len(values[:-1])
    return f"{low_name} well below {high_name}", high - low


def shape_of(centroid: Sequence[float], subjects: Sequence[Subject]) -> tuple[str, float] | None:
    """Return the gap worth saying between groups of subjects, else between subjects, and its size; else None.

    `centroid` and the size are percentages of the scale (0-100).
    """
    by_group: dict[str, list[float]] = defaultdict(list)
    for subject, score in zip(subjects, centroid, strict=True):
        by_group[subject.group].append(score)
    groups_agree = not any(_is_wide(min(scores), max(scores)) for scores in by_group.values())
    group_means = {group: sum(scores) / len(scores) for group, scores in by_group.items()}
    groups = gap_in_words(group_means) if groups_agree else None
    by_subject = {subject.label_in_sentence: score for subject, score in zip(subjects, centroid, strict=True)}
    return groups or gap_in_words(by_subject)


def everywhere(subjects: Sequence[Subject]) -> str:
    """Say 'in mathematics', 'in both', 'in all three' or 'in all 12'."""
    count = len(subjects)
    if count <= 2:
        return f"in {subjects[0].label_in_sentence}" if count == 1 else "in both"
    return f"in all {NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else count}"


def plain_label(centroid: Sequence[float], subjects: Sequence[Subject]) -> str:
    """Name one centroid by level and shape, before segments of a quarter are told apart."""
    percents = _percents(centroid, subjects)
    level = level_of(sum(percents) / len(percents))
    shape = shape_of(percents, subjects)
    return f"{level} {everywhere(subjects)}" if shape is None else f"{level}, {shape[0]}"


def label_clusters(centroids: FloatArray, subjects: Sequence[Subject]) -> list[str]:
    """Name each centroid (clusters, subjects), no two the same.

    Segments with the same plain label all get their figures: the mean ('middling in all three (mean 62)'), and
    where that is not enough the score in each subject, with as many decimals as tell them apart. Raises ValueError
    when two centroids are the same.
    """
    rows = [[float(score) for score in centroid] for centroid in centroids]
    labels = [plain_label(row, subjects) for row in rows]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        alike = [position for position, other in enumerate(labels) if other == label]
        figures = _distinct_figures([rows[position] for position in alike], subjects)
        for position, figure in zip(alike, figures, strict=True):
            labels[position] = f"{label} ({figure})"
    return labels


def reason_for(
    centroid: Sequence[float],
    overall: Sequence[float],
    subjects: Sequence[Subject],
) -> str:
    """Write one sentence with the segment's figures and what sets it apart from the quarter's mean.

    `overall` is the quarter's mean score in each subject. The sentence counts no students: those of the cells and
    those labelled one by one differ by a few, and two counts of one segment would only puzzle a reader.
    """
    scores = [f"{score:.1f} in {s.label_in_sentence}" for s, score in zip(subjects, centroid, strict=True)]
    own_mean = round(sum(centroid) / len(centroid), 1)
    quarter_mean = round(sum(overall) / len(overall), 1)
    # The difference of the printed figures, so that a reader who subtracts finds the same.
    difference = round(own_mean - quarter_mean, 1)
    if difference == 0:
        apart = f"overall mean {own_mean:.1f}, level with the quarter's"
    else:
        direction = "above" if difference > 0 else "below"
        apart = (
            f"overall mean {own_mean:.1f}, {abs(difference):.1f} points {direction} the quarter's {quarter_mean:.1f}"
        )
    shape = shape_of(_percents(centroid, subjects), subjects)
    gap = f", with {shape[0]} (by {shape[1] * subjects[0].points_in_a_percent:.1f})" if shape else ""
    return f"Mean {'scores' if len(scores) > 1 else 'score'} {join_words(scores)}; {apart}{gap}."


def _percents(centroid: Sequence[float], subjects: Sequence[Subject]) -> list[float]:
    return [subject.percent(score) for subject, score in zip(subjects, centroid, strict=True)]


def _is_wide(low: float, high: float) -> bool:
    return round(high - low, WRITTEN_DECIMALS) >= WIDE_GAP


def _distinct_figures(rows: Sequence[Sequence[float]], subjects: Sequence[Subject]) -> list[str]:
    means = [f"mean {sum(row) / len(row):.0f}" for row in rows]
    if len(set(means)) == len(rows):
        return means
    for decimals in range(WRITTEN_DECIMALS + 1):
        figures = [
            ", ".join(
                f"{subject.label_in_sentence} {score:.{decimals}f}"
                for subject, score in zip(subjects, row, strict=True)
            )
            for row in rows
        ]
        if len(set(figures)) == len(rows):
            return figures
    raise ValueError("Two clusters have the same centroid and cannot be told apart by name.")
