"""Attendance in the definitions lab: chronic absence and tiers.

The outcomes are those of `fct_attendance_outcomes`; nothing is computed again here.
"""

from collections.abc import Sequence

from orchestration.core.errors import QuarterdeckError
from orchestration.core.lab import Case, Comparison, resolve_versions
from orchestration.core.postgres import Database
from orchestration.core.roles import Role

DEFINITIONS = ("chronic_absence", "attendance_tier")


def compare(database: Database, definition: str, asked: Sequence[str], quarter: str | None = None) -> Comparison:
    """Compare the definition's authorities; `edu@1` is a version, `edu` the newest. Without a quarter, the newest there is.

    Outcomes differ where their places from the lowest range up do: authorities give the same tier other names.

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
        names = resolve_versions(known, definition, asked)
        newest = connection.execute("select max(quarter) from attendance_marts.fct_attendance_outcomes").fetchone()
        chosen = quarter or (newest[0] if newest else None)
        rows = connection.execute(
            """
            select student_id, authority || '@' || version, outcome, outcome_rank, clause, enrolled_days, present_days,
                attendance_pct, 100 * present_days in (80 * enrolled_days, 90 * enrolled_days, 95 * enrolled_days)
            from attendance_marts.fct_attendance_outcomes
            where quarter = %s and definition = %s and authority || '@' || version = any(%s)
            order by attendance_pct, student_id
            """,
            (chosen, definition, list(names)),
        ).fetchall()
    if not rows:
        raise QuarterdeckError(
            f"{chosen}: no student has an outcome. Load class sheets or long sheets for the quarter."
        )
    figures: dict[str, tuple[str, bool]] = {}
    outcomes: dict[str, dict[str, tuple[str, str]]] = {}
    places: dict[str, set[int]] = {}
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for student, name, outcome, place, clause, enrolled, present, pct, is_exact in rows:
        text = f"{present.normalize():f} of {enrolled} days, {'exactly ' if is_exact else ''}{pct:.2f} %"
        figures[student] = (text, is_exact)
        outcomes.setdefault(student, {})[name] = (outcome, clause)
        places.setdefault(student, set()).add(place)
        counts[name][outcome] = counts[name].get(outcome, 0) + 1
    cases = tuple(
        Case((student,), 1, text, is_exact, tuple(outcomes[student][name] for name in names), len(places[student]) > 1)
        for student, (text, is_exact) in figures.items()
        if is_exact or len(places[student]) > 1
    )
    return Comparison(str(chosen), names, len(figures), counts, cases)
