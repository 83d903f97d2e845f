"""The definitions lab: whom versions of authorities' definitions judge differently, and by which clause.

What does not belong here: the definitions and what is judged by them (a domain's `lab.py`), and the page (`lab_page.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database


@dataclass(frozen=True)
class Case:
    """Students with the same figures, and what each version says of them.

    students: their pseudonyms, or some of them. figures: in words. is_on_bound: whether these are exactly on a bound of a version.
    outcomes: (outcome, clause) of each version, as asked. differs: whether the outcomes are not the same.
    """

    students: tuple[str, ...]
    student_count: int
    figures: str
    is_on_bound: bool
    outcomes: tuple[tuple[str, str], ...]
    differs: bool


@dataclass(frozen=True)
class Comparison:
    """Versions of a definition side by side: their names as `authority@version`, students by outcome, and the cases that tell.

    cases: those that differ or are on a bound, from the lowest figures up.
    """

    quarter: str
    names: tuple[str, ...]
    student_count: int
    outcome_counts: Mapping[str, Mapping[str, int]]
    cases: tuple[Case, ...]

    @property
    def flips(self) -> list[Case]:
        """The cases whose outcomes differ."""
        return [case for case in self.cases if case.differs]


class DomainLab(Protocol):
    """What a domain's `lab.py` knows."""

    DEFINITIONS: tuple[str, ...]

    def compare(
        self, database: Database, definition: str, asked: Sequence[str], quarter: str | None = None
    ) -> Comparison:
        """Compare versions of a definition; without a quarter, in the newest there is."""


def resolve_versions(
    known: Mapping[str, Mapping[str, Sequence[int]]], definition: str, asked: Sequence[str]
) -> tuple[str, ...]:
    """The versions that are meant: `edu@1` is one, `edu` the newest of that authority.

    Args:
        known: by definition and authority, the versions, rising.

    Raises:
        QuarterdeckError: there is no such definition or version, or fewer than two are asked for.
    """
    if definition not in known:
        raise QuarterdeckError(f"There is no definition '{definition}'. There are {', '.join(sorted(known))}.")
    authorities = known[definition]
    names = []
    for text in asked:
        authority, _, version = text.partition("@")
        versions = authorities.get(authority, [])
        if not versions or (version and version not in map(str, versions)):
            there = ", ".join(f"{name}@{number}" for name, numbers in sorted(authorities.items()) for number in numbers)
            raise QuarterdeckError(f"There is no {definition} of '{text}'. There are {there}.")
        names.append(f"{authority}@{version or versions[-1]}")
    if len(set(names)) < 2:
        there = ",".join(sorted(authorities)[:2])
        raise QuarterdeckError(f"Comparing takes two versions or more, such as --compare {there}.")
    return tuple(dict.fromkeys(names))
