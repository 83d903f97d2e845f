"""Profiles in the database: kept once a file and quarter, compared in the order of the quarters."""

from orchestration.core.postgres import Database
from orchestration.core.profile import Profile, profile_counts
from orchestration.core.profile_store import (
    FIRST_DELIVERY,
    HEADINGS,
    deliveries,
    profile_markdown,
    profile_rows,
    record_profile,
)

DOMAIN = "profiled"


def lunches(rows: int, **values: int) -> Profile:
    return profile_counts({"lunch": {"standard": rows - sum(values.values()), **values}}, rows)


def receive(database: Database, quarter: str, profile: Profile, *, kind: str = "marks", file: str = "") -> None:
    id_ = f"{kind}{quarter}{file}"
    with database.connect() as connection:
        connection.execute(
            """
            insert into platform.landing_files (source_file_id, domain, name, sha256, bytes, source, received_at)
            values (%s, %s, %s, %s, 1, 'file', now()) on conflict do nothing
            """,
            (id_, DOMAIN, f"{id_}.csv", id_),
        )
        record_profile(connection, DOMAIN, kind, quarter, id_, profile)


def test_deliveries_are_compared_by_kind_and_quarter_whatever_the_order_they_came_in(database: Database) -> None:
    receive(database, "2026Q3", lunches(860, reduced=6))
    receive(database, "2026Q1", lunches(1000))
    receive(database, "2026Q2", lunches(1000))
    receive(database, "2026Q2", lunches(500), kind="sheets")
    with database.connect() as connection:
        found = deliveries(connection, DOMAIN)
    assert [(one.kind, one.quarter, one.compared_with) for one in found] == [
        ("marks", "2026Q1", None),
        ("marks", "2026Q2", "marks2026Q1.csv (2026Q1)"),
        ("marks", "2026Q3", "marks2026Q2.csv (2026Q2)"),
        ("sheets", "2026Q2", None),
    ]
    assert found[0].sentences == found[3].sentences == (FIRST_DELIVERY,)
    assert found[2].sentences == [
        "14 % fewer rows: 860 after 1,000.",
        "`lunch` has a new value: “reduced” (6 rows).",
    ]


def test_a_corrected_file_is_compared_with_the_one_it_corrects_and_a_rerun_changes_nothing(database: Database) -> None:
    receive(database, "2027Q1", lunches(100))
    receive(database, "2027Q1", lunches(200), file="corrected")
    for _ in range(2):
        with database.connect() as connection:
            last = next(one for one in reversed(deliveries(connection, DOMAIN)) if one.kind == "marks")
        assert last.sentences[0] == "100 % more rows: 200 after 100."
        receive(database, "2027Q1", lunches(200), file="corrected")


def test_a_profile_is_shown_as_a_table() -> None:
    profile = profile_counts(
        {
            "lunch": {"standard": 6, "free|reduced": 2, "": 2},
            "mark": {str(mark): 1.0 for mark in range(10)},
            "student_name": {f"Ada Byron{letter}": 1.0 for letter in "abcdefghij"},
        },
        10,
    )
    lunch, mark, name = profile_rows(profile)
    assert (lunch["missing"], lunch["distinct"]) == ("2 (20.0%)", "2")
    assert lunch["values"] == "standard 60.0%, free|reduced 20.0%"
    assert mark["range"] == "0 to 9"
    assert name["personal"].startswith("direct identifier")
    assert name["values"] == "—"
    lines = profile_markdown(profile).splitlines()
    assert len(lines) == 5
    assert lines[0] == "| " + " | ".join(HEADINGS.values()) + " |"
    assert "free\\|reduced" in lines[2]
