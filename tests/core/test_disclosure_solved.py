"""Answers of linear programmes are kept for the very same question, and for nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from orchestration.core import disclosure_suppression
from orchestration.core.disclosure import Rules
from orchestration.core.disclosure_solved import Solved
from orchestration.core.disclosure_suppression import TooFewStudentsError, protect
from tests.core.test_disclosure import SCHEMES, cells_of, cohorts, means_of


def unsolved(*_: object) -> list[int]:
    raise AssertionError("solved anew")


def test_an_answer_is_kept_for_as_long_as_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "solved.json"
    first = Solved(file)
    assert first.answer(("a", Rules()), lambda: [1]) == [1]
    assert first.answer(("a", Rules()), unsolved) == [1]
    assert first.answer(("a", Rules(minimum_count=11)), lambda: [2]) == [2]
    first.save()

    second = Solved(file)
    assert second.answer(("a", Rules(minimum_count=11)), unsolved) == [2]
    second.save()
    assert list(json.loads(file.read_text()).values()) == [[2]]
    assert list(file.parent.iterdir()) == [file]

    file.write_text('{"half')
    assert Solved(file).answer(("a", Rules(minimum_count=11)), lambda: [3]) == [3]


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    solved = Solved()
    assert solved.answer(("a",), lambda: [1]) == [1]
    solved.save()
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=15, deadline=None)
@given(cohorts())
def test_what_was_chosen_before_gives_the_same_protection(students: list[tuple[str, str, int, str]]) -> None:
    counts, means, solved = cells_of(students), means_of(students), Solved()
    try:
        first = protect(counts, means, SCHEMES, Rules(), solved)
    except TooFewStudentsError:
        return
    assert first == protect(counts, means, SCHEMES, Rules())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(disclosure_suppression, "_Suppression", unsolved)
        assert protect(counts, means, SCHEMES, Rules(), solved) == first
        cell = max(counts, key=lambda cell: counts[cell])
        for other in (
            {"counts": {**counts, cell: counts[cell] + 1}},
            {"means": []},
            {"rules": replace(Rules(), minimum_width=6)},
        ):
            question = {"counts": counts, "means": means, "schemes": SCHEMES, "rules": Rules()} | other
            with pytest.raises(AssertionError, match="solved anew"):
                protect(**question, solved=solved)  # type: ignore[arg-type]
