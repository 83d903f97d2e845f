"""The attendance pages as files: their numbers are those of the marts, and nothing in them tells of a student."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.attendance.lab_page import lab_results
from orchestration.attendance.pages import NAVIGATION, build_pages
from orchestration.attendance.student_views import student_views
from orchestration.attendance.witness import TABLES
from orchestration.core.figures import FigureId, read_page
from orchestration.core.lab_page import lab_section
from tests.attendance.pages_data import QUARTERS, outcomes_of, pages_data, students

DATA = pages_data()
NEWEST = QUARTERS[-1]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages") / "site"
    build_pages(DATA, folder)
    return {path.stem: path.read_text() for path in (folder / "attendance").glob("*.html")}


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"</?span[^>]*>", "", page)).split())


def test_the_matrix_of_the_lab_counts_each_student_whom_two_versions_judge_differently() -> None:
    [chronic, tiers] = [lab_section(result) for result in lab_results(DATA, NEWEST)]
    said = [
        {(name, f"{who}@{number}"): place for name, who, number, _, place in outcomes_of(enrolled, present)}
        for _, _, enrolled, present in students(NEWEST, (60, 45, 12, 150))
    ]
    for section in (chronic, tiers):
        name, versions = section.result.name, section.result.versions
        for version, numbers in section.matrix:
            for other, number in zip(versions, numbers, strict=True):
                expected = sum(one[name, version] != one[name, other] for one in said)
                assert number == (None if version == other else expected)
    assert sum(number or 0 for _, numbers in chronic.matrix for number in numbers) > 0
    assert "<code>e3aac9f7</code>" in {
        case.who for section in (chronic, tiers) for case in section.result.boundary_cases
    }


def test_days_over_schools_are_those_over_students_and_a_difference_is_said(tmp_path: Path) -> None:
    for row in student_views(DATA)["adds_up"]:
        assert row["schools"] == row["students"]
    wrong = DATA.student_attendance.copy()
    wrong.loc[wrong["school_code"] == "S01", "enrolled_days"] += 1
    build_pages(replace(DATA, student_attendance=wrong), tmp_path / "site")
    assert "NOT THE SAME" in (tmp_path / "site" / "attendance" / "students.html").read_text()


def test_figures_of_the_pages_have_ids_that_the_witness_knows(tmp_path: Path) -> None:
    build_pages(DATA, tmp_path / "site")
    shown = {
        page: [FigureId.parse(one) for one, _ in read_page(tmp_path / "site" / page).figures] for page, _ in NAVIGATION
    }
    assert all(shown.values())
    for figure in (figure for figures in shown.values() for figure in figures):
        assert figure.column in TABLES[figure.table].columns, figure
        assert len(figure.key) == len(TABLES[figure.table].key), figure


def test_pages_name_nobody(pages: dict[str, str]) -> None:
    everything = " ".join(pages.values())
    assert not re.search(r"\b[0-9a-f]{32}\b", everything)
    assert "3f459a4f" in pages["students"]
    assert "e3aac9f7" in pages["definitions"]


def test_tiers_by_segment_stand_there_or_why_not(pages: dict[str, str], tmp_path: Path) -> None:
    assert "15 of 45 students have an exam result" in words_of(pages["students"])
    unmatched = DATA.segments[~DATA.segments["has_exam_result"].astype(bool)]
    build_pages(replace(DATA, segments=unmatched), tmp_path / "site")
    assert "There is no shared key" in (tmp_path / "site" / "attendance" / "students.html").read_text()


def test_a_quarter_of_reports_alone_has_pages_that_say_so(tmp_path: Path) -> None:
    none = {
        name: getattr(DATA, name).iloc[:0]
        for name in (
            "student_attendance",
            "outcomes",
            "chronic_absence",
            "streaks",
            "identity_conflicts",
            "reasons",
            "segments",
            "flips",
            "boundary_cases",
        )
    }
    build_pages(replace(DATA, **none), tmp_path / "site")
    folder = tmp_path / "site" / "attendance"
    assert "No student has been marked yet" in (folder / "students.html").read_text()
    assert "Nothing to compare yet" in (folder / "definitions.html").read_text()


def test_an_unmapped_reason_is_counted_and_not_told(pages: dict[str, str]) -> None:
    assert "2 texts wait for a place in the taxonomy (9 times given)" in words_of(pages["students"])
