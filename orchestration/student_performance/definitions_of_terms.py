"""The terms that the pages use and what they mean, in the words of the contract in force."""

from orchestration.student_performance.contract import Contract
from orchestration.student_performance.pages_input import Definition


def definitions_of(contract: Contract) -> list[Definition]:
    """Every term shown on a page with its definition; figures come from the contract, not from this text."""
    subjects = ", ".join(subject.label for subject in contract.subjects)
    low, high, mark = contract.score.minimum, contract.score.maximum, contract.score.pass_mark
    return [
        Definition("Quarter", "Three months of the year; 2026Q4 is its fourth quarter. A quarter is made of one file."),
        Definition("Score", f"Points in one subject ({subjects}), from {low:g} to {high:g}."),
        Definition("Mean score", "The mean of a student's scores in all subjects, each counted equally."),
        Definition("Pass", f"At least {mark:g} in every subject. A high mean does not make up for one subject below."),
        Definition(
            "Ten-point ranges",
            "0-10, 10-20 and so on; the lower bound belongs to the range, and 100 belongs to the highest one.",
        ),
        Definition(
            "Equal-width ranges",
            "Ten ranges of equal width between the lowest and the highest score of the quarter in that subject.",
        ),
        Definition("US letters", "A from 90, B from 80, C from 70, D from 60, F below."),
        Definition(
            "Grade",
            f"By the mean score: A from 80, B from 70, C from 60, D from 50, E from 40; "
            f"F where any subject is below {mark:g}. The rule that is common for this data set.",
        ),
        Definition(
            "Segment",
            "Students with similar scores in all subjects, found by weighted k-means on the ten-point cells. Only scores "
            "form a segment; gender, background and the like describe it afterwards and play no part in forming it.",
        ),
        Definition(
            "Move",
            "A student in this and the previous quarter whose segment does not continue the earlier one. Students can be "
            "followed only where the files carry a student id.",
        ),
        Definition("Silhouette", "How well segments are separated: 1 is perfect, 0 is none."),
        Definition(
            "Stability", "How far the same segments are found again in resampled data: 1 is always, 0 is chance."
        ),
        Definition(
            "Quarantined",
            "A row that breaks the contract (a missing, non-numeric or out-of-range score, an unknown category, a wrong "
            "number of fields, a repeated id). It is kept with its reason and counts in no figure.",
        ),
        Definition(
            "Row account", "Rows read = rows trusted + rows quarantined, for every file, or nothing is published."
        ),
    ]
