"""The domain-free parts of the pages: escaping, formatting, defusing, checking and the swap."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest

from orchestration.core import site_format
from orchestration.core.site import SiteBuilder, SiteFacts, environment, json_for_script, publish
from orchestration.core.site_check import SiteCheckError, check_site
from orchestration.core.site_downloads import defused, write_download

HOSTILE = "<script>alert(1)</script>"
WORDS = "word " * 60


def built(folder: Path, body: str = "", sources: tuple[str, ...] = ("file",), banner: bool = False) -> Path:
    built_at = datetime(2026, 11, 22, tzinfo=UTC)
    facts = SiteFacts("Product", "Title", "Internal edition", "2026Q4", built_at, "run", [], [], sources)
    mark = "<p data-sample-banner>Sample data</p>" if banner else ""
    builder = SiteBuilder(folder, facts, environment())
    builder.write("index.html", f"<!doctype html>{mark}<main><p>{WORDS}</p>{body}</main>")
    builder.manifest()
    return folder


def test_json_for_script_cannot_close_its_element() -> None:
    value = {"name": f"{HOSTILE}&\u2028\u2029"}
    text = str(json_for_script(value))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_json_for_script_refuses_not_a_number() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_for_script({"value": float("nan")})


def test_environment_escapes_and_refuses_a_missing_value() -> None:
    templates = environment()
    assert templates.from_string("{{ value }}").render(value=HOSTILE) == "&lt;script&gt;alert(1)&lt;/script&gt;"
    with pytest.raises(jinja2.UndefinedError):
        templates.from_string("{{ value }}").render()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("-1.5", "-1.5"),
        ("+2e3", "+2e3"),
        ("-cmd", "'-cmd"),
        ("\tx", "'\tx"),
        ("a=b", "a=b"),
    ],
)
def test_defused_quotes_formulas_and_leaves_numbers(cell: str, expected: str) -> None:
    assert defused(cell) == expected


def test_write_download_writes_missing_as_empty_and_lists_as_json(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "name": ["=x", None],
            "counts": [[1, 2], None],
            "n": [Decimal(3), None],
            "share": [-0.5, float("inf")],
            "at": [datetime(2026, 10, 1, 8, 30, tzinfo=UTC), pd.NaT],
        }
    )
    made = write_download(tmp_path, "t", "T", frame)
    assert (tmp_path / made.csv_path).read_text() == (
        'name,counts,n,share,at\n\'=x,"[1, 2]",3,-0.5,2026-10-01T08:30:00+00:00\n,,,,\n'
    )


def test_write_download_gives_the_same_values_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [Decimal(1), Decimal("2.5"), None], "why": [{"a": 1}, {}, None]})
    made = write_download(tmp_path, "t", "T", frame)
    table = parquet.read_table(tmp_path / made.parquet_path)
    assert table.to_pylist()[0] == {"n": 1.0, "why": '{"a": 1}'}
    assert table["n"].to_pylist() == [1.0, 2.5, None]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.nan, Decimal("NaN")])
def test_format_shows_every_kind_of_missing_as_a_dash(missing: object) -> None:
    shown = {name: show(missing) for name, show in site_format.FILTERS.items() if name != "quarter"}
    assert set(shown.values()) == {"—"}


def test_format_rounds_half_up_and_signs_changes() -> None:
    assert site_format.decimal(1234.25) == "1,234.3"
    assert site_format.decimal(-0.04) == "0.0"
    assert site_format.change(-0.4, unit="pts") == "\u22120.4 pts"
    assert site_format.change(0.01) == "±0.0"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="nowhere.html">x</a>', "leads nowhere"),
        ('<a href="#nowhere">x</a>', "leads to no element"),
        ('<a href="https://example.org">x</a>', "points outside the site"),
        ('<img src="//example.org/a.png">', "points outside the site"),
        ('<a href="/etc/passwd">x</a>', "absolute path"),
        ('<a href="../x.html">x</a>', "points outside the folder"),
        ('<p style="color:red">x</p>', "inline style"),
        ("<script>1</script>", "inline script"),
        ('<script type="application/json">{"a":</script>', "does not parse"),
        ('<i id="a"></i><i id="a"></i>', "two elements"),
    ],
)
def test_check_site_names_the_problem(tmp_path: Path, body: str, problem: str) -> None:
    with pytest.raises(SiteCheckError, match=problem):
        check_site(built(tmp_path / "site", body))


def test_check_site_accepts_a_whole_site_with_the_page_beside_it(tmp_path: Path) -> None:
    assert check_site(built(tmp_path / "site", '<a href="dbt/index.html">docs</a>')) == 1


def test_check_site_refuses_sample_data_without_a_banner(tmp_path: Path) -> None:
    with pytest.raises(SiteCheckError, match="without the banner"):
        check_site(built(tmp_path / "bare", sources=("sample",)))
    assert check_site(built(tmp_path / "marked", sources=("sample",), banner=True)) == 1


@pytest.mark.parametrize("page", ["<main></main>", ""])
def test_check_site_refuses_an_empty_page_and_changed_bytes(tmp_path: Path, page: str) -> None:
    site = built(tmp_path / "site")
    (site / "index.html").write_text(page)
    with pytest.raises(SiteCheckError, match=r"(?s)not the bytes.*the page is empty"):
        check_site(site)


def test_builder_refuses_a_folder_with_old_pages(tmp_path: Path) -> None:
    built(tmp_path / "site")
    with pytest.raises(FileExistsError, match="not empty"):
        built(tmp_path / "site")


def test_publish_swaps_whole_builds_and_keeps_the_last_two(tmp_path: Path) -> None:
    site = tmp_path / "pages"
    for number in range(4):
        publish(built(tmp_path / "builds" / str(number), f"<b>build {number}</b>"), site)
        assert f"build {number}" in (site / "index.html").read_text()
    assert sorted(path.name for path in (tmp_path / "builds").iterdir()) == ["2", "3"]


def test_publish_refuses_an_unfinished_build_and_leaves_the_old_site(tmp_path: Path) -> None:
    site = tmp_path / "pages"
    publish(built(tmp_path / "builds" / "good"), site)
    (tmp_path / "builds" / "bad").mkdir()
    with pytest.raises(FileNotFoundError, match=r"site\.json"):
        publish(tmp_path / "builds" / "bad", site)
    assert (site / "index.html").is_file()
