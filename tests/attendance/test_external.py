"""Attendance's external pages and the attack on them: what is hidden holds, and does not without the protection."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from orchestration.attendance.external import CHRONIC, ExternalQuarter, external_quarters, quarter_counts
from orchestration.attendance.external_pages import build_external_pages, write_external_pages
from orchestration.core.disclosure import Cell, Rules
from orchestration.core.disclosure_attack import attack
from orchestration.core.disclosure_suppression import Protected, primary
from orchestration.core.site_check import check_site
from tests.attendance.pages_data import QUARTERS, pages_data

RULES = Rules()
EXACT = replace(RULES, rounded_to=1, low_pct=0, high_pct=100)
DATA = pages_data()
NEWEST = QUARTERS[-1]
TIERS = "attendance/downloads/tiers.csv"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    assert build_external_pages(DATA, RULES, tmp_path / "site")
    return tmp_path / "site"


def test_the_attack_finds_nothing_in_the_pages(site: Path) -> None:
    assert check_site(site, beside=("index.html",)) == 3
    found = attack(site, RULES)
    assert not found.succeeded
    assert found.cells == 2 * 5 * 7
    assert found.hidden > 15
    assert {figure.cell.population for figure in found.figures} == {"attendance"}


def test_the_truth_is_never_outside_what_the_pages_say() -> None:
    for one in external_quarters(DATA, RULES):
        counts = quarter_counts(DATA, one.quarter)
        assert set(counts) == set(one.protected.figures)
        for cell, figure in one.protected.figures.items():
            if figure.count is not None:
                assert counts[cell] >= RULES.minimum_count
                assert abs(figure.count - counts[cell]) <= 2
            elif figure.share is not None:
                assert figure.share[0] <= 100 * counts[cell] / counts[cell.total] <= figure.share[1]


@pytest.mark.parametrize(("minimum_count", "in_the_open"), [(0, True), (10, False)])
def test_without_complementary_suppression_the_same_attack_succeeds(
    tmp_path: Path, minimum_count: int, in_the_open: bool
) -> None:
    rules = replace(EXACT, minimum_count=minimum_count)
    counts = quarter_counts(DATA, NEWEST)
    alone = ExternalQuarter(NEWEST, Protected(primary(counts, rules), [], frozenset()))
    write_external_pages(DATA, [alone], rules, tmp_path / "site")
    found = attack(tmp_path / "site", RULES)
    assert found.succeeded
    assert bool(found.in_the_open) == in_the_open
    assert (found.exact > 3) != in_the_open
    for cell, (low, high) in found.pinned.items():
        assert low <= counts[cell] <= high


def hidden_cell() -> tuple[Cell, int]:
    """A hidden cell of a school, with its true count."""
    counts = quarter_counts(DATA, NEWEST)
    figures = external_quarters(DATA, RULES)[-1].protected.figures
    return next(
        (cell, counts[cell])
        for cell, figure in sorted(figures.items())
        if cell.group and figure.count is figure.share is None and 0 < counts[cell] < RULES.minimum_count
    )


def test_a_planted_count_pins_its_cell_and_that_of_no_other_population(site: Path) -> None:
    cell, count = hidden_cell()
    frame = pd.read_csv(site / TIERS, dtype=str, keep_default_na=False)
    row = (frame["quarter"] == cell.quarter) & (frame["dimension_value"] == cell.group[0][1])
    row &= frame["category"] == cell.category
    assert row.sum() == 1
    others = frame.copy()
    others.loc[row, ["student_count", "population"]] = [str(count), ""]
    others.to_csv(site / TIERS, index=False)
    assert cell not in attack(site, RULES).pinned
    frame.loc[row, "student_count"] = str(count)
    frame.to_csv(site / TIERS, index=False)
    low, high = attack(site, RULES).pinned[cell]
    assert low <= count <= high


def test_no_page_tells_of_a_person_or_of_what_is_left_out(site: Path) -> None:
    everything = " ".join(path.read_text() for path in [*sorted(site.rglob("*.html")), site / "site.json"])
    for told in (DATA.run_id, "marks</b>.csv", "e3aac9f7", "edfacts", "kipp", "not_mapped", "Flu"):
        assert told not in everything, told
    assert not re.search(r"\b[0-9a-f]{32}\b", everything)
    assert {path.name for path in (site / "attendance" / "downloads").iterdir()} == {
        "tiers.csv", "tiers.parquet", "students.csv", "students.parquet",
    }  # fmt: skip


def test_a_school_has_counts_of_students_or_its_percentage_never_both(site: Path) -> None:
    daily = (site / "attendance" / "daily.html").read_text()
    assert "School 01M015 (01M015)" in daily
    assert "S01" not in daily
    assert "S01" in (site / "attendance" / "index.html").read_text()


def test_chronic_absence_is_what_edu_says_of_whoever_was_there_long_enough() -> None:
    everybody = DATA.outcomes.query(
        "school_code == 'all' and authority == 'edu' and version == 2 and outcome == 'chronic'"
    )
    for quarter, count in zip(everybody["quarter"], everybody["student_count"], strict=True):
        counts = quarter_counts(DATA, quarter)
        assert counts[Cell(quarter, (), "attendance_tier", CHRONIC, "attendance")] == count


def test_reports_alone_make_pages_without_counts_and_nothing_makes_none(tmp_path: Path) -> None:
    few = replace(DATA, outcomes=DATA.outcomes.iloc[:0], student_attendance=DATA.student_attendance.iloc[:0])
    assert build_external_pages(few, RULES, tmp_path / "site")
    assert check_site(tmp_path / "site", beside=("index.html",)) == 3
    found = attack(tmp_path / "site", RULES)
    assert not found.succeeded
    assert found.hidden == 0
    assert not build_external_pages(replace(few, days=DATA.days.iloc[:0]), RULES, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    small = pages_data(schools=(30, 40))
    build_external_pages(small, RULES, tmp_path / "small")
    assert "Too few students to be shown" in (tmp_path / "small" / "attendance" / "about.html").read_text()
