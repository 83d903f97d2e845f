"""`quarterdeck sql`: one statement, which only reads, stops in time and gives out no more rows than allowed."""

import csv
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.queries import QueryRows, ask_database, ask_published, write_file
from orchestration.core.site_downloads import write_download


def ask(database: Database, query: str, *, timeout: float = 10, limit: int = 5) -> QueryRows:
    return ask_database(database, query, timeout_seconds=timeout, row_limit=limit)


@pytest.mark.parametrize(("limit", "is_cut"), [(1, True), (2, True), (3, False), (4, False)])
def test_rows_beyond_the_limit_are_left_out_and_said(database: Database, limit: int, is_cut: bool) -> None:
    result = ask(database, "select i, i * 2 as twice from generate_series(1, 3) as i", limit=limit)
    assert result.names == ["i", "twice"]
    assert result.rows == [(i, i * 2) for i in range(1, min(limit, 3) + 1)]
    assert result.is_cut is is_cut


def test_a_query_of_endless_rows_ends_with_the_limit(database: Database) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
    assert len(ask(database, endless).rows) == 5


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select pg_sleep(30)", "longer than 0.2 seconds"),
        ("select set_config('statement_timeout', '0', false), pg_sleep(30)", "longer than 0.2 seconds"),
        ("select 1; select 2", "cannot insert multiple commands"),
        ("create table public.x as select 1", "read-only transaction|permission denied"),
        ("select set_config('transaction_read_only', 'off', true)", "transaction read-write mode|read-only"),
        ("set session authorization postgres", "permission denied|did not|didn't"),
        ("select set_config('role', 'postgres', false)", "permission denied to set role"),
        ("select * from platform.stage_status", "An analyst may not do this: permission denied"),
        ("select pg_read_file('/etc/passwd')", "permission denied"),
        ("copy (select 1) to program 'true'", "permission denied"),
        ("select rolpassword from pg_authid", "permission denied"),
        ("selct 1", "syntax error"),
    ],
)
def test_what_an_analyst_may_not_do_is_one_sentence(database: Database, query: str, said: str) -> None:
    with pytest.raises(QuarterdeckError, match=said):
        ask(database, query, timeout=0.2)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Downloads of two parts of a site, made by the site's own writer."""
    root = tmp_path_factory.mktemp("it's a site")
    write_download(root, "quarters", "Quarters", pd.DataFrame({"quarter": ["2026Q1", "2026Q2"], "students": [10, 20]}))
    write_download(root / "attendance", "quarters", "Quarters", pd.DataFrame({"quarter": ["2026Q2"], "days": [60]}))
    (root.parent / "outside.csv").write_text("secret\n1\n")
    return root


def test_published_downloads_are_views_by_their_names(site: Path) -> None:
    query = (
        "select quarter, students, days from quarters left join attendance.quarters as days using (quarter) order by 1"
    )
    result = ask_published(site, query, timeout_seconds=10, row_limit=5)
    assert result == QueryRows(
        ["quarter", "students", "days"], [("2026Q1", 10, None), ("2026Q2", 20, 60)], is_cut=False
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from read_csv('{outside}')", "Permission Error"),
        ("copy quarters to '{outside}'", "Permission Error"),
        ("set enable_external_access = true", "locked|Cannot"),
        ("select * from nothing", "does not exist"),
        (
            "select count(*) from range(100000000000) as a, range(1000000) as b where a.range % 7 = b.range % 3",
            "longer than 0.3",
        ),
    ],
)
def test_a_published_query_sees_the_downloads_alone_and_ends(site: Path, query: str, said: str) -> None:
    outside = site.parent / "outside.csv"
    with pytest.raises(QuarterdeckError, match=said):
        ask_published(site, query.replace("{outside}", str(outside)), timeout_seconds=0.3, row_limit=5)
    assert outside.read_text() == "secret\n1\n"


def test_without_a_site_the_sentence_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match=r"no published downloads.*quarterdeck run"):
        ask_published(tmp_path, "select 1", timeout_seconds=1, row_limit=1)


def test_files_hold_the_rows(database: Database, tmp_path: Path) -> None:
    query = """
        select i, i * 1.5 as half, case when i = 1 then 'a,"b' end as text, '{"b": 1, "a": 2}'::jsonb as object,
            timestamptz '2026-01-01 10:00+00' as at, array[i, 2] as list
        from generate_series(1, 2) as i
    """
    result = ask(database, query)
    write_file(result, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["i", "half", "text", "object", "at", "list"]
    assert [row[:3] for row in rows[1:]] == [["1", "1.5", 'a,"b'], ["2", "3.0", ""]]
    write_file(result, tmp_path / "rows.parquet")
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == rows[0]
    assert table["i"].to_pylist() == [1, 2]
    assert table["text"].to_pylist() == ['a,"b', None]
    assert table["object"].to_pylist() == ['{"a": 2, "b": 1}'] * 2
    assert table["list"].to_pylist() == [[1, 2], [2, 2]]
    assert pa.types.is_timestamp(table.schema.field("at").type)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "rows.parquet"]


def test_no_file_is_written_of_a_part_of_the_rows(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match=r"more than 1 rows, so .* was not written"):
        write_file(QueryRows(["i"], [(1,)], is_cut=True), tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    write_file(QueryRows(["i", "j"], [], is_cut=False), tmp_path / "rows.parquet")
    assert parquet.read_table(tmp_path / "rows.parquet").column_names == ["i", "j"]
