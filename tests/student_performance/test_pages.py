"""Building the pages: what they say, that they are the same for the same input, and that they hold with little data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import Markup

from orchestration.core.site_check import check_site
from orchestration.student_performance.pages import build_pages
from orchestration.student_performance.payloads import results_payload
from orchestration.student_performance.reading import quarter_before, why_no_moves, written_reading
from tests.student_performance.pages_data import pages_data

HOSTILE = "<script>alert(1)</script>"
SMALL = {"quarters": ("2026Q3", "2026Q4"), "size": 150}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture
def build(tmp_path: Path, cache: Path) -> Callable[..., Path]:
    def built(name: str = "site", **arguments: object) -> Path:
        build_pages(pages_data(**(SMALL | arguments)), tmp_path / name, cache)
        return tmp_path / name

    return built


def test_build_pages_passes_its_own_check(build: Callable[..., Path]) -> None:
    assert check_site(build()) == 7


def test_build_pages_gives_the_same_bytes(build: Callable[..., Path]) -> None:
    one, other = build("one"), build("other")
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    assert [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()] == []


def test_pages_say_sample_and_real_pages_do_not(build: Callable[..., Path]) -> None:
    sample, real = build("sample"), build("real", source="file")
    assert all("Sample data — not real students" in path.read_text() for path in sample.glob("*.html"))
    assert not any("Sample data — not real students" in path.read_text() for path in real.glob("*.html"))


def test_pages_name_edition_quarter_build_run_and_file_hash(build: Callable[..., Path]) -> None:
    data = pages_data(**SMALL)
    site = build()
    for path in site.glob("*.html"):
        text = path.read_text()
        sha256 = data.landing_files["sha256"].iloc[-1]
        for fact in ("Internal edition", "2026 Q4", "22 Nov 2026, 05:30 UTC", data.run_id, sha256[:12]):
            assert fact in text, (path.name, fact)


def test_pages_show_hostile_names_as_text(build: Callable[..., Path]) -> None:
    site = build(hostile=HOSTILE, file_name='"><img src=x onerror=alert(1)>.csv')
    assert check_site(site) == 7
    for path in site.glob("*.html"):
        assert HOSTILE not in path.read_text()
        assert "<img src=x" not in path.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (site / "results.html").read_text()


@pytest.mark.parametrize("arguments", [{"quarters": ("2026Q4",)}, {"own_ids": False}])
def test_pages_hold_with_little_data(build: Callable[..., Path], arguments: dict[str, object]) -> None:
    assert check_site(build(**arguments)) == 7


def test_pages_hold_without_segments_and_quarantine(tmp_path: Path, cache: Path) -> None:
    data = pages_data(**SMALL)
    names = ("segments", "segment_cube", "segment_moves", "rejected", "row_accounts", "stage_status", "dictionary")
    data = replace(data, **{name: getattr(data, name).iloc[0:0] for name in names})
    build_pages(data, tmp_path / "site", cache)
    assert check_site(tmp_path / "site") == 7


def test_reading_of_the_first_quarter_compares_with_nothing() -> None:
    reading = written_reading(pages_data(quarters=("2026Q4",), size=150), "2026Q4")
    text = " ".join((reading.headline, reading.standfirst, *reading.sentences))
    assert "first quarter loaded" in text
    assert "2026 Q3" not in text


def test_reading_gives_the_figures_of_the_data() -> None:
    data = pages_data(**SMALL)
    last, before = data.quarters.iloc[-1], data.quarters.iloc[0]
    reading = written_reading(data, "2026Q4")
    assert Markup(reading.headline).striptags().startswith(f"{last['pass_pct']:.1f}% of")
    assert (
        f"{abs(last['pass_pct'] - before['pass_pct']):.1f} percentage points" in Markup(reading.standfirst).striptags()
    )
    assert any("no real student" in sentence for sentence in reading.sentences)


def test_reading_says_why_moves_cannot_be_shown() -> None:
    no_ids = pages_data(**SMALL, own_ids=False)
    assert "no student id of their own" in (why_no_moves(no_ids, "2026Q4") or "")
    assert "need the quarter before" in (why_no_moves(no_ids, "2026Q3") or "")
    assert why_no_moves(pages_data(**SMALL), "2026Q4") is None


def test_quarter_before_crosses_the_year() -> None:
    assert [quarter_before("2026Q1"), quarter_before("2026Q4")] == ["2025Q4", "2026Q3"]


def test_results_payload_merges_only_schemes_that_agree_in_every_count() -> None:
    schemes = {scheme["name"]: scheme for scheme in results_payload(pages_data(**SMALL))["schemes"]}
    assert schemes["us_letter"]["merge"] == {
        "labels": ["F", "D", "C", "B", "A"],
        "groups": [[0, 1, 2, 3, 4, 5], [6], [7], [8], [9]],
    }
    assert "tables" in schemes["kaggle_grade"]
    assert "tables" in schemes["equal_width"]


def test_results_payload_keeps_every_student_of_the_cube() -> None:
    data = pages_data(**SMALL)
    cube = results_payload(data)["cube"]
    assert sum(cube["students"]) == int(data.quarters["student_count"].sum())
    assert sum(map(sum, cube["bins"]["math"])) == sum(cube["students"])


def test_build_pages_refuses_no_quarters(tmp_path: Path) -> None:
    data = pages_data(quarters=("2026Q4",), size=60)
    with pytest.raises(ValueError, match="nothing to show"):
        build_pages(replace(data, quarters=pd.DataFrame(columns=data.quarters.columns)), tmp_path / "site")
