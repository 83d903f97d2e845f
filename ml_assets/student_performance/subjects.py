"""The subjects that form segments, as far as clustering and naming need to know them."""

from __future__ import annotations

from dataclasses import dataclass

# Subjects named after a people or a place keep their capital inside a sentence.
CAPITALISED_SUBJECTS = {
    *("arabic", "chinese", "dutch", "english", "french", "german", "greek", "hebrew", "hindi", "italian"),
    *("japanese", "korean", "latin", "polish", "portuguese", "russian", "spanish", "turkish", "urdu", "welsh"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One examined subject.

    `name` is the stem of its columns (`math` -> `math_mean_score`, `math_range`), `label` what people read
    (`Mathematics`), `group` the words for the subjects it belongs with (`mathematics`, `languages`).
    """

    name: str
    label: str
    group: str
    minimum: float = 0.0
    maximum: float = 100.0

    def percent(self, score: float) -> float:
        """The score as a percentage of the scale, 0 to 100; the score itself on a scale from 0 to 100."""
        return (score - self.minimum) / self.points_in_a_percent

    @property
    def points_in_a_percent(self) -> float:
        """Score points that make one percent of the scale."""
        return (self.maximum - self.minimum) / 100.0

    @property
    def mean_score_column(self) -> str:
        """Column holding a cell's or a cluster's mean score in this subject."""
        return f"{self.name}_mean_score"

    @property
    def range_column(self) -> str:
        """Column holding the lower bound of a cell's ten-point range in this subject."""
        return f"{self.name}_range"

    @property
    def score_column(self) -> str:
        """Column holding an exact score in this subject."""
        return f"{self.name}_score"

    @property
    def label_in_sentence(self) -> str:
        """The label as written inside a sentence: 'mathematics', but 'English' and 'ICT'."""
        first_word = self.label.split(" ")[0].lower()
        if first_word in CAPITALISED_SUBJECTS or self.label[1:2].isupper():
            return self.label
        return self.label[:1].lower() + self.label[1:]
