"""The receipts of a file's way, on a real Postgres: no zone is skipped, and a file that comes again begins anew."""

import pytest

from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import assign
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.promotions import ZONES, promote, promoted

Q1 = Quarter(2026, 1)


def receive(database: Database, domain: str, *files: str) -> None:
    with database.connect() as connection:
        for file in files:
            connection.execute(
                "insert into platform.landing_files values (%s, %s, %s, %s, 1, 'file', now()) on conflict do nothing",
                (file, domain, file, file),
            )
            assign(connection, domain, Q1, file, part=file)


def test_no_zone_can_be_skipped(database: Database) -> None:
    receive(database, "way", "w1", "w2")
    promote(database, "way", [Q1], "landing", ["known"], "run 1")
    with pytest.raises(QuarterdeckError, match="no receipt of raw"):
        promote(database, "way", [Q1], "trusted", ["accounts"], "run 1")
    for zone in ZONES[1:]:
        promote(database, "way", [Q1], zone, ["checked"], "run 1", {("2026Q1", "w1"): 7})
        assert promoted(database, "way", [Q1], zone) == {Q1}
    with database.connect() as connection:
        rows = connection.execute(
            "select row_count, checks_passed, promoted_by from platform.promotions where domain = 'way' and zone = 'raw' order by 1"
        ).fetchall()
    assert rows == [(7, ["checked"], "run 1"), (None, ["checked"], "run 1")]


def test_a_further_file_holds_the_quarter_back(database: Database) -> None:
    receive(database, "more", "m1")
    for zone in ("landing", "raw"):
        promote(database, "more", [Q1], zone, [], "run 1")
    receive(database, "more", "m2")
    assert promoted(database, "more", [Q1], "raw") == set()
    with pytest.raises(QuarterdeckError, match="m2 cannot be promoted"):
        promote(database, "more", [Q1], "trusted", [], "run 2")
    promote(database, "more", [Q1], "landing", [], "run 2")
    assert promoted(database, "more", [Q1], "raw") == set()
