"""Exams in the definitions lab: passes, grades and ranges of scores.

The outcomes are those of `fct_exam_outcomes`, which says them of each sum and lowest score that students have.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from orchestration.core.errors import QuarterdeckError
from orchestration.core.lab import Case, Comparison, resolve_versions
from orchestration.core.postgres import Database
from orchestration.core.roles import Role

DEFINITIONS = ("pass", "grade", "score_range")
OUTCOMES = sql.SQL("student_performance_marts.fct_exam_outcomes")
# Sets of scores of which the students are looked up, by their pseudonyms.
SETS_WITH_STUDENTS = 200
SHOWN_STUDENTS = 3


def compare(database: Database, definition: str, asked: Sequence[str], quarter: str | None = None) -> Comparison:
    """Compare the definition's authorities; `kaggle@1` is a version, `kaggle` the newest. Without a quarter, the newest there is.

    Raises:
        QuarterdeckError: there is no such definition, authority or quarter, or fewer than two are asked for.
    """
    with (
        database.as_role(Role.ANALYST).connect() as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        if connection.execute("select to_regclass(%s)", (OUTCOMES.as_string(connection),)).fetchone() == (None,):
            raise QuarterdeckError("Nothing was computed yet. Run `quarterdeck run` first.")
        known: dict[str, dict[str, list[int]]] = {}
        for row in cursor.execute(
            sql.SQL("select distinct definition, authority, version from {} order by 1, 2, 3").format(OUTCOMES)
        ):
            known.setdefault(row["definition"], {}).setdefault(row["authority"], []).append(row["version"])
        names = resolve_versions(known, definition, asked)
        newest = connection.execute("select max(quarter) from student_performance_marts.fct_score_sets").fetchone()
        chosen = quarter or (newest[0] if newest else None)
        described = cursor.execute("select * from student_performance_marts.fct_score_sets limit 0").description or ()
        scores = [column.name for column in described if column.name.endswith("_score")]
        columns = list(map(sql.Identifier, scores))
        rows = cursor.execute(
            sql.SQL(
                """
                select outcomes.*, authority || '@' || version as version_name, score_set_id, {scores}, sets.student_count
                from {outcomes} as outcomes
                inner join student_performance_marts.fct_score_sets as sets
                    on outcomes.quarter = sets.quarter and score_sum = {sum} and lowest_score = least({scores})
                where sets.quarter = %s and definition = %s and authority || '@' || version = any(%s)
                order by mean_score, lowest_score, score_set_id
                """
            ).format(outcomes=OUTCOMES, scores=sql.SQL(", ").join(columns), sum=sql.SQL(" + ").join(columns)),
            (chosen, definition, list(names)),
        ).fetchall()
        if not rows:
            raise QuarterdeckError(f"{chosen}: no student has an outcome. Load exam results for the quarter.")
        by_set: dict[int, dict[str, dict[str, Any]]] = {}
        counts: dict[str, dict[str, int]] = {name: {} for name in names}
        for row in rows:
            by_set.setdefault(row["score_set_id"], {})[row["version_name"]] = row
            by_outcome = counts[row["version_name"]]
            by_outcome[row["outcome"]] = by_outcome.get(row["outcome"], 0) + row["student_count"]
        telling = {
            number: versions
            for number, versions in by_set.items()
            if _differ(versions) or any(row["is_on_bound"] for row in versions.values())
        }
        students = _students(
            connection, str(chosen), scores, [next(iter(found.values())) for found in telling.values()]
        )
    cases = tuple(
        Case(
            students=tuple(students.get(tuple(first[name] for name in scores), ())),
            student_count=first["student_count"],
            figures=_in_words(first, scores),
            is_on_bound=any(row["is_on_bound"] for row in versions.values()),
            outcomes=tuple((versions[name]["outcome"], clause(versions[name])) for name in names),
            differs=_differ(versions),
        )
        for versions in telling.values()
        for first in [next(iter(versions.values()))]
    )
    total = sum(next(iter(versions.values()))["student_count"] for versions in by_set.values())
    return Comparison(str(chosen), names, total, counts, cases)


def clause(row: Mapping[str, Any]) -> str:
    """The part of a definition that decided, in words."""
    what = {"mean": "mean", "lowest": "lowest subject"}[row["measure"]]
    unit = " % of the observed range" if row["scale"] == "observed" else ""
    bounds = (
        f"{what} {'>=' if row['includes_lower'] else '>'} {_plain(row['lower_bound'])} and "
        f"{'<=' if row['includes_upper'] else '<'} {_plain(row['upper_bound'])}{unit}"
    )
    if row["subject_minimum"] is None:
        return bounds
    if row["lower_bound"] == 0:
        return f"{bounds}, or a subject < {_plain(row['subject_minimum'])}"
    return f"{bounds}, every subject >= {_plain(row['subject_minimum'])}"


def _differ(versions: Mapping[str, Mapping[str, Any]]) -> bool:
    return len({row["outcome"] for row in versions.values()}) > 1


def _in_words(row: Mapping[str, Any], scores: Sequence[str]) -> str:
    each = ", ".join(f"{name.removesuffix('_score')} {_plain(row[name])}" for name in scores)
    return f"{each}; mean {row['mean_score']:.2f}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _students(
    connection: psycopg.Connection, quarter: str, scores: Sequence[str], sets: Sequence[Mapping[str, Any]]
) -> dict[tuple[Decimal, ...], list[str]]:
    """Pseudonyms of students who have these scores, some of each set, of the first sets that differ."""
    columns = sql.SQL(", ").join(map(sql.Identifier, scores))
    wanted = [[row[name] for row in sets[:SETS_WITH_STUDENTS]] for name in scores]
    rows = connection.execute(
        sql.SQL(
            """
            select {columns}, (array_agg(student_id order by student_id))[:{shown}]
            from student_performance_marts.fct_exam_results
            where quarter = %s and ({columns}) in (select * from unnest({wanted})) group by {columns}
            """
        ).format(
            columns=columns,
            shown=sql.Literal(SHOWN_STUDENTS),
            wanted=sql.SQL(", ").join(sql.SQL("%s::numeric[]") for _ in scores),
        ),
        (quarter, *wanted),
    ).fetchall()
    return {tuple(row[:-1]): row[-1] for row in rows}
