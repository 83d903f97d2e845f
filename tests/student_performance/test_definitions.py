"""The rules of `fct_exam_outcomes` and of repair, against exact fractions and against staging's SQL, run by a real Postgres."""

import csv
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.core.postgres import Database
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.corrections import broken_value
from orchestration.student_performance.exam_file import Spelling
from orchestration.student_performance.lab import clause
from tests.conftest import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project/models/student_performance"
SEED = PROJECT_ROOT / "dbt_project/seeds/student_performance/exam_definitions.csv"
SUBJECTS = ("math", "reading", "writing")
CONTRACT = load_contract()


@cache
def rendered(path: Path, *tables: tuple[str, str]) -> str:
    """A model's SQL with tables in the place of its sources and refs, and the project's macros for Postgres."""
    macros = "".join(
        f"{text}\n"
        for name in ("literals", "scores", "corrections", "portable")
        for text in [(PROJECT_ROOT / f"dbt_project/macros/{name}.sql").read_text(encoding="utf-8")]
    )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    variables = {**CONTRACT.dbt_vars(), "quarters": ["2026Q4"]}
    context: dict[str, Any] = {
        "config": lambda **_: "",
        "ref": dict(tables).__getitem__,
        "source": lambda _, name: dict(tables)[name],
        "var": variables.__getitem__,
        "in_requested_quarters": lambda _: "true",
    }

    class Adapter:
        def dispatch(self, name: str) -> Any:
            return getattr(template.make_module(context), f"default__{name}")

    context["adapter"], context["return"] = Adapter(), lambda value: value
    template = environment.from_string(macros)
    text = path.read_text(encoding="utf-8")
    return environment.from_string(macros + text).render(context)


Outcomes = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        connection.execute(
            """
            create temporary table score_sets (
                quarter text, score_set_id integer, math_score numeric, reading_score numeric, writing_score numeric,
                student_count bigint
            );
            create temporary table exam_definitions (
                definition text, authority text, version integer, outcome text, measure text, subject_minimum numeric,
                scale text, lower_bound numeric, includes_lower boolean, upper_bound numeric, includes_upper boolean, source text
            );
            create temporary table raw_score_sets (
                quarter text, slot text, score_set integer, math_score text, reading_score text, writing_score text,
                line_count bigint, corrections text
            );
            create temporary table raw_demographic_sets (
                quarter text, slot text, demographic_set integer, gender text, race_ethnicity text,
                parental_level_of_education text, lunch text, test_preparation_course text, line_count bigint,
                corrections text
            )
            """
        )
        with SEED.open(encoding="utf-8", newline="") as file:
            rows = [[value or None for value in row] for row in csv.reader(file)][1:]
        connection.cursor().executemany(f"insert into exam_definitions values ({', '.join(['%s'] * 12)})", rows)
        yield connection
        connection.rollback()


def outcomes(connection: psycopg.Connection, scores: Sequence[Decimal]) -> Outcomes:
    """What each version says of one student, with two others at the ends of the scale."""
    query = rendered(
        MODELS / "marts/fct_exam_outcomes.sql",
        ("fct_score_sets", "score_sets"),
        ("exam_definitions", "exam_definitions"),
    )
    connection.execute("delete from score_sets")
    for number, values in enumerate((scores, [Decimal(0)] * 3, [Decimal(100)] * 3)):
        connection.execute("insert into score_sets values ('2026Q4', %s, %s, %s, %s, 1)", (number, *values))
    rows = connection.execute(
        f"select definition, authority, outcome from ({query}) as outcomes where score_sum = %s and lowest_score = %s".encode(),
        (sum(scores), min(scores)),
    ).fetchall()
    assert len(rows) == len({row[:2] for row in rows}), "a version says two things of one student"
    return {(definition, authority): outcome for definition, authority, outcome in rows}


def expected(scores: Sequence[Decimal]) -> Outcomes:
    """The field's rules, written out by hand from their sources."""
    mean, lowest = Fraction(sum(scores)) / 3, min(scores)

    def graded(letters: str, *bounds: int) -> str:
        return letters[sum(mean >= bound for bound in bounds)]

    kaggle = graded("FEDCBA", 40, 50, 60, 70, 80)
    tenth = 10 * min(int(mean // 10), 9)
    uk = ("fail", "resit", "pass", "merit", "distinction")
    return {
        ("pass", "every_subject"): "passed" if lowest >= 40 else "failed",
        ("pass", "mean"): "passed" if mean >= 40 else "failed",
        ("grade", "kaggle"): kaggle if lowest >= 40 else "F",
        ("grade", "kaggle_without_fail"): kaggle,
        ("grade", "us"): graded("FDCBA", 60, 70, 80, 90),
        ("grade", "uk"): uk[sum(mean >= bound for bound in (30, 40, 60, 70))],
        ("score_range", "ten_point"): f"{tenth}-{tenth + 10}",
        ("score_range", "equal_width"): f"{tenth}-{tenth + 10}",
    }


@st.composite
def students(draw: st.DrawFn) -> list[Decimal]:
    """Scores in hundredths; half of the students have a mean that is on a bound or next to one."""
    anywhere = st.integers(0, 10_000)
    first, second = draw(anywhere), draw(anywhere)
    sums = [300 * bound + step for bound in range(0, 101, 10) for step in (-1, 0, 1)]
    third = draw(st.one_of(anywhere, st.sampled_from(sums).map(lambda total: total - first - second)))
    near = draw(st.sampled_from([third, 3999, 4000, 4001]))
    return [Decimal(min(max(score, 0), 10_000)) / 100 for score in (first, second, near)]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(students())
@example([Decimal(39), Decimal(100), Decimal(100)])
@example([Decimal(40), Decimal(40), Decimal(40)])
@example([Decimal("79.99"), Decimal(80), Decimal(80)])
def test_every_definition_judges_exactly(connection: psycopg.Connection, scores: list[Decimal]) -> None:
    assert outcomes(connection, scores) == expected(scores)


def test_39_100_100_passes_on_the_mean_alone(connection: psycopg.Connection) -> None:
    found = outcomes(connection, [Decimal(39), Decimal(100), Decimal(100)])
    assert (found["pass", "every_subject"], found["pass", "mean"]) == ("failed", "passed")
    assert (found["grade", "kaggle"], found["grade", "kaggle_without_fail"]) == ("F", "B")


def test_the_clause_says_what_decided() -> None:
    row = {
        "measure": "mean",
        "scale": "points",
        "includes_lower": True,
        "lower_bound": Decimal(0),
        "includes_upper": False,
        "upper_bound": Decimal("40.0"),
        "subject_minimum": Decimal(40),
    }
    assert clause(row) == "mean >= 0 and < 40, or a subject < 40"
    assert clause({**row, "lower_bound": Decimal(80)}) == "mean >= 80 and < 40, every subject >= 40"


texts = st.one_of(
    st.sampled_from(
        ["", " ", "0", "100", "100.0", "+40", "-1", "100.01", " 55.5\t", "1e1", "abc", "4 0", "7.", ".5", "NaN"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5),
)
categories = st.sampled_from(["female", "Female ", "", "robot", "standard", "group A", "some college", "none"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(categories, categories, categories, categories, categories), st.tuples(texts, texts, texts))
def test_repair_refuses_what_staging_would_quarantine(
    connection: psycopg.Connection, demographics: tuple[str, ...], scores: tuple[str, ...]
) -> None:
    names = [part.name for part in CONTRACT.demographics]
    values = dict(
        zip((*names, *(subject.column for subject in CONTRACT.subjects)), (*demographics, *scores), strict=True)
    )
    spelled = {part.name: Spelling(part.values).of(values[part.name]) for part in CONTRACT.demographics}
    corrected = {**values, **spelled}
    connection.execute("delete from raw_score_sets; delete from raw_demographic_sets")
    connection.execute(
        "insert into raw_score_sets values ('2026Q4', 'a', 1, null, null, null, 1, %s)", (json.dumps(corrected),)
    )
    connection.execute(
        "insert into raw_demographic_sets values ('2026Q4', 'a', 1, null, null, null, null, null, 1, %s)",
        (json.dumps(corrected),),
    )
    staging = MODELS / "staging"
    score_sets = rendered(staging / "stg_student_performance__score_sets.sql", ("exam_score_sets", "raw_score_sets"))
    demographic_sets = rendered(
        staging / "stg_student_performance__demographic_sets.sql", ("exam_demographic_sets", "raw_demographic_sets")
    )
    [(verdict,)] = connection.execute(f"select verdict from ({score_sets}) as judged".encode()).fetchall()
    [(missing, unknown)] = connection.execute(
        f"select missing_column, unknown_column from ({demographic_sets}) as judged".encode()
    ).fetchall()
    assert (broken_value(CONTRACT, values) is None) == (verdict is None and missing is None and unknown is None)
