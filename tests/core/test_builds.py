"""Records of what was built: what counts as changed, and what a failure leaves."""

from pathlib import Path

import pytest

from orchestration.core.builds import changed, code_fingerprint, fingerprint_of, following, recorded
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database

Q1, Q2 = Quarter(2026, 1), Quarter(2026, 2)


def work(database: Database, domain: str, fingerprints: dict[Quarter, str | None]) -> list[Quarter]:
    with changed(database, domain, "raw", fingerprints, lambda _: None) as todo:
        return todo


def test_only_changed_quarters_are_worked_on_and_the_others_are_said(database: Database) -> None:
    assert work(database, "builds", {Q1: "a", Q2: "b"}) == [Q1, Q2]
    said: list[str] = []
    with changed(database, "builds", "raw", {Q1: "a", Q2: "c"}, said.append) as todo:
        assert todo == [Q2]
        # Away while the step changes its rows, so that a kill leaves none.
        assert set(recorded(database, "builds", [Q1, Q2], "raw")) == {Q1}
    assert len(said) == 1
    assert said[0].startswith("2026Q1: unchanged since ")
    assert work(database, "builds", {Q1: "a", Q2: "c"}) == []


def test_a_step_that_failed_has_no_record(database: Database) -> None:
    assert work(database, "failed", {Q1: "a"}) == [Q1]
    with pytest.raises(RuntimeError), changed(database, "failed", "raw", {Q1: "b"}, lambda _: None):
        raise RuntimeError("disk full")
    assert recorded(database, "failed", [Q1], "raw") == {}
    assert work(database, "failed", {Q1: "a"}) == [Q1]


def test_what_is_not_known_is_always_worked_on(database: Database) -> None:
    assert following(database, "unknown", [Q1], "raw", "code") == {Q1: None}
    assert fingerprint_of("a", None) is None
    for _ in range(2):
        assert work(database, "unknown", {Q1: None}) == [Q1]


def test_a_changed_step_before_changes_the_ones_after_it(database: Database) -> None:
    found = []
    for fingerprint in ("a", "b"):
        work(database, "chain", {Q1: fingerprint})
        found.append(following(database, "chain", [Q1], "raw", "code")[Q1])
    assert None not in found
    assert found[0] != found[1]


def test_changed_code_is_another_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text("one")
    before = code_fingerprint(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "step.pyc").write_text("compiled")
    assert code_fingerprint(tmp_path) == before
    (tmp_path / "step.py").write_text("two")
    assert code_fingerprint(tmp_path) != before
