"""The definitions lab: who falls on different sides of authorities' definitions, and by which clause.

The outcomes are those of `fct_attendance_outcomes`; nothing is computed again here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.roles import Role


@dataclass(frozen=True)
class Flip:
    """A student (a pseudonym) whose outcomes differ: days enrolled and present, and (outcome, clause) by authority, as asked.

    Outcomes differ where their places from the lowest range up do: authorities give the same tier other names.
    """

    student_id: str
    enrolled_days: int
    present_days: Decimal
    attendance_pct: Decimal
    outcomes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Comparison:
    """Definitions side by side: their names as `authority@version`, students judged, their number by outcome, and who flips."""

    quarter: str
    names: tuple[str, ...]
    student_count: int
    outcome_counts: dict[str, dict[str, int]]
    flips: tuple[Flip, ...]


def compare(database: Database, definition: str, asked: Sequence[str], quarter: str | None = None) -> Comparison:
    """Compare the definition's authorities; `edu@1` is a version, `edu` the newest. Without a quarter, the newest there is.

    Raises:
        QuarterdeckError: there is no such definition, authority or quarter, or fewer than two are asked for.
    """
    with database.as_role(Role.ANALYST).connect() as connection:
        if connection.execute("select to_regclass('attendance_marts.fct_attendance_outcomes')").fetchone() == (None,):
            raise QuarterdeckError("Nothing was computed yet. Run `quarterdeck run --domain attendance` first.")
        known: dict[str, dict[str, list[int]]] = {}
        for name, authority, version in connection.execute(
            "select distinct definition, authority, version from attendance_marts.fct_attendance_outcomes order by 1, 2, 3"
        ):
            known.setdefault(name, {}).setdefault(authority, []).append(version)
        names = _resolve(known, definition, asked)
        newest = connection.execute("select max(quarter) from attendance_marts.fct_attendance_outcomes").fetchone()
        chosen = quarter or (newest[0] if newest else None)
        rows = connection.execute(
            """
            select student_id, authority || '@' || version, outcome, outcome_rank, clause, enrolled_days, present_days,
                attendance_pct
            from attendance_marts.fct_attendance_outcomes
            where quarter = %s and definition = %s and authority || '@' || version = any(%s)
            order by student_id
            """,
            (chosen, definition, list(names)),
        ).fetchall()
    if not rows:
        raise QuarterdeckError(
            f"{chosen}: no student has an outcome. Load class sheets or long sheets for the quarter."
        )
    students: dict[str, tuple[tuple[int, Decimal, Decimal], dict[str, tuple[str, str]]]] = {}
    places: dict[str, set[int]] = {}
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for student, name, outcome, place, clause, *figures in rows:
        students.setdefault(student, (tuple(figures), {}))[1][name] = (outcome, clause)
        places.setdefault(student, set()).add(place)
        counts[name][outcome] = counts[name].get(outcome, 0) + 1
    flips = tuple(
        Flip(student, *figures, tuple(outcomes[name] for name in names))
        for student, (figures, outcomes) in students.items()
        if len(places[student]) > 1
    )
    ordered = sorted(flips, key=lambda flip: (flip.attendance_pct, flip.student_id))
    return Comparison(str(chosen), names, len(students), counts, tuple(ordered))


def _resolve(known: dict[str, dict[str, list[int]]], definition: str, asked: Sequence[str]) -> tuple[str, ...]:
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
        raise QuarterdeckError("Comparing takes two definitions or more, such as --compare edfacts,nj,edu@1.")
    return tuple(dict.fromkeys(names))
