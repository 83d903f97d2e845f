"""The rules of `fct_attendance_outcomes`, run as they are by a real Postgres, against exact fractions."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import jinja2
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core.postgres import Database
from tests.conftest import PROJECT_ROOT

MODEL = PROJECT_ROOT / "dbt_project/models/attendance/marts/fct_attendance_outcomes.sql"
MACROS = PROJECT_ROOT / "dbt_project/macros/attendance_definitions.sql"
SEED = PROJECT_ROOT / "dbt_project/seeds/attendance/attendance_definitions.csv"
Outcomes = dict[tuple[str, str, int], str]


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        connection.execute(
            """
            create temporary table student_attendance_rows (
                quarter text, student_id text, school_code text, enrolled_days bigint, present_days numeric,
                attendance_pct numeric
            )
            """
        )
        connection.execute(
            """
            create temporary table definition_rows (
                definition text, authority text, version integer, outcome text, lower_pct numeric, includes_lower boolean,
                upper_pct numeric, includes_upper boolean, minimum_enrolled_days integer, source text
            )
            """
        )
        with SEED.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        connection.cursor().executemany(f"insert into definition_rows values ({', '.join(['%s'] * 10)})", rows)
        yield connection
        connection.rollback()


def outcomes(connection: psycopg.Connection, present: Decimal, enrolled: int) -> Outcomes:
    tables = {"fct_student_attendance": "student_attendance_rows", "attendance_definitions": "definition_rows"}
    query = jinja2.Template(MACROS.read_text(encoding="utf-8") + MODEL.read_text(encoding="utf-8")).render(
        config=lambda **_: "",
        ref=tables.__getitem__,
        in_requested_quarters=lambda _: "true",
        number_text=lambda number: f"{number}::text",
    )
    connection.execute("delete from student_attendance_rows")
    connection.execute(
        "insert into student_attendance_rows values ('2026Q4', 'S', 'all', %s, %s, round(100 * %s::numeric / %s, 2))",
        (enrolled, present, present, enrolled),
    )
    rows = connection.execute(f"select definition, authority, version, outcome from ({query}) as outcomes").fetchall()
    assert len(rows) == len({tuple(row[:3]) for row in rows}), "a version says two things of one student"
    return {(definition, authority, version): outcome for definition, authority, version, outcome in rows}


def expected(present: Decimal, enrolled: int) -> Outcomes:
    """The field's rules, written out by hand from their sources."""
    rate = 100 * Fraction(present) / enrolled

    def chronic(is_chronic: bool, minimum: int) -> str:
        return "not_enough_days" if enrolled < minimum else "chronic" if is_chronic else "not_chronic"

    edu = ("severe", "chronic", "at_risk", "satisfactory")[(rate > 80) + (rate > 90) + (rate > 95)]
    kipp = ("tier_4", "tier_3", "tier_2", "tier_1")[(rate >= 80) + (rate >= 90) + (rate >= 95)]
    absent = enrolled - Fraction(present)
    return {
        ("chronic_absence", "edfacts", 1): chronic(absent * 10 >= enrolled, 10),
        ("chronic_absence", "florida", 1): chronic(absent * 10 >= enrolled, 10),
        ("chronic_absence", "nj", 1): chronic(absent * 10 >= enrolled, 45),
        ("chronic_absence", "edu", 1): chronic(rate < 90, 20),
        ("chronic_absence", "edu", 2): chronic(rate <= 90, 20),
        ("chronic_absence", "kipp", 1): chronic(rate < 90, 10),
        ("chronic_absence", "kipp_dashboard", 1): chronic(rate <= 90, 10),
        ("attendance_tier", "edu", 1): edu if enrolled >= 20 else "not_enough_days",
        ("attendance_tier", "kipp", 1): kipp if enrolled >= 10 else "not_enough_days",
    }


@st.composite
def days(draw: st.DrawFn) -> tuple[Decimal, int]:
    """Days present, in hundredths, of days enrolled; half of them next to a bound or on it."""
    enrolled = draw(st.one_of(st.sampled_from([9, 10, 19, 20, 44, 45, 100, 180]), st.integers(1, 366)))
    near = [Decimal(bound * enrolled + step) / 100 for bound in (80, 90, 95) for step in (-1, 0, 1)]
    anywhere = st.integers(0, 100 * enrolled).map(lambda hundredths: Decimal(hundredths) / 100)
    present = draw(st.one_of(st.sampled_from(near), anywhere))
    return min(present, Decimal(enrolled)), enrolled


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days())
def test_every_definition_judges_exactly(connection: psycopg.Connection, case: tuple[Decimal, int]) -> None:
    assert outcomes(connection, *case) == expected(*case)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(5, 30))
def test_exactly_ninety_percent_flips_only_between_below_and_at_most(connection: psycopg.Connection, tens: int) -> None:
    enrolled, present = 10 * tens, Decimal(9 * tens)
    found = outcomes(connection, present, enrolled)
    chronic = {key[1:]: outcome for key, outcome in found.items() if key[0] == "chronic_absence"}
    assert {name for name, outcome in chronic.items() if outcome == "not_chronic"} == {("edu", 1), ("kipp", 1)}
    for other in (present - Decimal("0.01"), present + Decimal("0.01")):
        beside = outcomes(connection, other, enrolled)
        assert len({outcome for key, outcome in beside.items() if key[0] == "chronic_absence"}) == 1
