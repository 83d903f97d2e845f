"""The definitions lab as a page: versions of a definition side by side, whom any two judge differently and why.

A pure function over counts, which knows no domain; templates/lab.html shows what it makes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.core.figures import FigureId, marked, sentence
from orchestration.core.site_format import count


@dataclass(frozen=True)
class Flip:
    """Students whom two versions judge differently: what each says of them, and by which clause.

    note: what these students have in common, for instance the range of their attendance.
    """

    one: str
    other: str
    outcome: str
    other_outcome: str
    clause: str
    other_clause: str
    student_count: int
    note: str


@dataclass(frozen=True)
class BoundaryCase:
    """Exactly on a bound: who (a pseudonym, or how many students), the figures, and the outcome by version."""

    who: str
    figures: str
    outcomes: Mapping[str, str]


@dataclass(frozen=True)
class LabResult:
    """All versions of a definition, of one quarter.

    name: as `quarterdeck lab` takes it. title: for people. counts: students by version (`authority@version`) and outcome.
    outcomes: by version, its outcomes in order. boundary_count: how many students are exactly on a bound; shown_count: how many of
    them are among the cases. not_compared: pairs of versions of which nothing can be said.
    compared_by: when two outcomes differ. noted: what a flip's note is of. told_by: what a boundary case's `who` is.
    """

    name: str
    title: str
    counts: Mapping[str, Mapping[str, int]]
    outcomes: Mapping[str, Sequence[str]]
    flips: Sequence[Flip]
    boundary_cases: Sequence[BoundaryCase]
    boundary_count: int
    shown_count: int
    compared_by: str
    noted: str
    told_by: str
    not_compared: frozenset[frozenset[str]] = frozenset()

    @property
    def versions(self) -> list[str]:
        """The versions, by name."""
        return sorted(self.counts)


@dataclass(frozen=True)
class LabSection:
    """What the page shows of a definition.

    width: the most outcomes that a version has. matrix: by version, the number of
    students whom each other version judges differently; None for itself and where the two are not compared.
    flips: by pair of versions, the most first.
    """

    result: LabResult
    width: int
    matrix: Sequence[tuple[str, Sequence[int | None]]]
    flips: Sequence[tuple[str, str, int, Sequence[Flip]]]


def lab_headline(results: Sequence[LabResult], quarter: str, figure_of: Callable[..., FigureId]) -> str:
    """What the page says first: on how many students two versions of a definition differ at most.

    figure_of: the domain's, which makes the ids of figures.
    """
    if not results:
        return "Authorities' definitions, side by side"
    pairs = [
        (number, result.name, one, other) for result in results for one, other, number, _ in lab_section(result).flips
    ]
    most, *key = max(pairs, default=(0,))
    if not most:
        return "All versions of each definition agree on every student"
    return sentence(
        "Two definitions of the same thing differ on up to {} {}",
        marked(count(most), figure_of("lab_pairs", quarter, "student_count", *key)),
        "student" if most == 1 else "students",
    )


def lab_section(result: LabResult) -> LabSection:
    """Put a lab's result into the form of the page."""
    by_pair: dict[frozenset[str], list[Flip]] = {}
    for flip in result.flips:
        by_pair.setdefault(frozenset((flip.one, flip.other)), []).append(flip)

    def differing(pair: frozenset[str]) -> int:
        return sum(flip.student_count for flip in by_pair.get(pair, []))

    matrix = [
        (
            version,
            [
                None if version == other or pair in result.not_compared else differing(pair)
                for other in result.versions
                for pair in [frozenset((version, other))]
            ],
        )
        for version in result.versions
    ]
    flips: list[tuple[str, str, int, Sequence[Flip]]] = []
    for pair in sorted(by_pair, key=lambda pair: (-differing(pair), sorted(pair))):
        one, other = sorted(pair)
        some = sorted(by_pair[pair], key=lambda flip: (-flip.student_count, flip.outcome))
        flips.append((one, other, differing(pair), some))
    width = max(map(len, result.outcomes.values()))
    return LabSection(result, width, matrix, flips)
