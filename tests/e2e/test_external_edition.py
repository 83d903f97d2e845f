"""Both domains' external pages are one edition: attacked together, and one domain's leak stops it whoever publishes."""

from pathlib import Path

import pandas as pd
import pytest

from orchestration.attendance.external_pages import build_external_pages
from orchestration.core.disclosure_attack import attack
from orchestration.core.disclosure_solved import Solved
from orchestration.core.errors import QuarterdeckError
from orchestration.core.external_edition import Areas, external_edition
from orchestration.core.settings import Settings
from orchestration.definitions import DOMAINS
from orchestration.student_performance.external_publish import external_results
from tests.attendance.pages_data import QUARTERS
from tests.attendance.pages_data import pages_data as attendance_data
from tests.student_performance.pages_data import pages_data as exam_data

ATTENDANCE = attendance_data()
EXAMS = exam_data(QUARTERS[-1:], 400)


def publish_attendance(settings: Settings, *, leak: bool = False) -> None:
    def build_part(folder: Path, areas: Areas, solved: Solved) -> bool:
        is_made = build_external_pages(ATTENDANCE, settings.disclosure_rules, folder, areas, solved)
        if leak:
            row = {"quarter": QUARTERS[-1], "population": "attendance", "dimension": "school", "dimension_value": "S03"}
            extra = folder / "attendance" / "downloads" / "extra.csv"
            pd.DataFrame([row | {"measure": "attendance_tier", "category": "severe", "student_count": 3}]).to_csv(extra)
        return is_made

    with external_edition(settings, "attendance", DOMAINS, ATTENDANCE.built_at, build_part):
        pass


def publish_exams(settings: Settings, students: int = 400) -> None:
    data = EXAMS if students == 400 else exam_data(QUARTERS[-1:], students)
    with external_results(data, settings, DOMAINS):
        pass


def test_both_parts_are_one_edition_and_attacked_together(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    site = settings.external_site
    publish_attendance(settings)
    assert "there are no figures to show" in (site / "index.html").read_text()
    publish_exams(settings)
    assert 'href="attendance/index.html"' in (site / "index.html").read_text()
    found = attack(site, settings.disclosure_rules)
    assert not found.succeeded
    assert {figure.cell.population for figure in found.figures} == {"", "attendance"}
    totals = {
        figure.cell.population: figure.count
        for figure in found.figures
        if (figure.cell.quarter, figure.cell.group, figure.cell.measure) == (QUARTERS[-1], (), "students")
    }
    assert totals[""] != totals["attendance"]

    before = site.resolve()
    with pytest.raises(QuarterdeckError, match="1 small ones are shown"):
        publish_attendance(settings, leak=True)
    assert site.resolve() == before

    publish_exams(settings, students=60)
    assert "there are no figures to show" in (site / "index.html").read_text()
    assert (site / "attendance" / "about.html").exists()


def test_a_leak_of_one_domain_that_is_already_there_stops_the_other(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    publish_attendance(settings)
    page = settings.external_site / "attendance" / "index.html"
    text = page.read_text().replace("</main>", "<p>Among them are 3.7 of a class.</p></main>")
    page.write_text(text)
    with pytest.raises(QuarterdeckError, match="1 numbers are of unknown meaning"):
        publish_exams(settings)
