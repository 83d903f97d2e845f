"""A new quarter does not have the external edition of all of history worked out anew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.core import disclosure_attack, disclosure_suppression
from orchestration.core.disclosure import Cell, Interval, Relation
from orchestration.core.disclosure_bounds import Bounds
from orchestration.core.settings import Settings
from orchestration.student_performance import external_publish
from orchestration.student_performance.pages_input import PagesData
from tests.student_performance.pages_data import QUARTERS, pages_data

DATA = pages_data(QUARTERS[-2:], 1000)
DOMAINS = {"student_performance": "Exams"}


def test_a_new_quarter_has_no_other_one_solved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, quarters = Settings(home=tmp_path / "home"), []

    class Counted(Bounds):
        def __init__(self, known: Mapping[Cell, Interval], relations: Sequence[Relation]) -> None:
            quarters.append(next(iter(known)).quarter)
            super().__init__(known, relations)

    monkeypatch.setattr(disclosure_suppression, "Bounds", Counted)
    monkeypatch.setattr(disclosure_attack, "Bounds", Counted)
    with external_publish.external_results(DATA, settings, DOMAINS):
        assert sorted(quarters) == [QUARTERS[-2]] * 2 + [QUARTERS[-1]] * 2  # to protect it, and to attack it
    quarters.clear()
    changed = with_another_count(DATA, QUARTERS[-1])
    with external_publish.external_results(changed, settings, DOMAINS):
        assert sorted(quarters) == [QUARTERS[-1]] * 2
    quarters.clear()
    with external_publish.external_results(changed, settings, DOMAINS):
        assert quarters == []


def with_another_count(data: PagesData, quarter: str) -> PagesData:
    """One student fewer in the quarter's largest group by segment."""
    cube = data.segment_cube.copy()
    cube.loc[cube[cube["quarter"] == quarter]["student_count"].idxmax(), "student_count"] -= 1
    return replace(data, segment_cube=cube)
