"""The built-in sample: reproducible, like the real thing in its figures, and never real."""

import csv
import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from orchestration.core.errors import QuarterdeckError
from orchestration.student_performance.contract import (
    SHIPPED_CONTRACT,
    load_aliases,
    load_contract,
)
from orchestration.student_performance.exam_file import ExamFile, read_exam_results
from orchestration.student_performance.sample import write_sample
from tests.conftest import SHARED_STUDENTS
from tests.student_performance.exam_rows import rows_of

SHARED = SHARED_STUDENTS / "StudentsPerformance.csv"
CONTRACT = load_contract()
EIGHT = [f"{year}Q{number}" for year in (2025, 2026) for number in (1, 2, 3, 4)]


def sample(folder: Path, quarter: str, rows: int = 1000) -> ExamFile:
    return read_exam_results(write_sample(quarter, folder, CONTRACT, rows=rows), CONTRACT, load_aliases())


def accepted(exam: ExamFile) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Demographics and scores by student id, of lines without a fault."""
    found = {}
    for row in rows_of(exam):
        texts = [str(value) for value in row[1:10]]
        if all(texts) and all(text.isdigit() and int(text) <= 100 for text in texts[6:]) and texts[0] not in found:
            found[texts[0]] = (tuple(texts[1:6]), tuple(map(int, texts[6:])))
    return found


def test_the_same_quarter_is_the_same_bytes_and_another_is_not(tmp_path: Path) -> None:
    digests = set()
    for folder, quarter in (("a", "2026Q4"), ("b", "2026Q4"), ("c", "2026Q3")):
        (tmp_path / folder).mkdir()
        digests.add(hashlib.sha256(write_sample(quarter, tmp_path / folder, CONTRACT).read_bytes()).hexdigest())
    assert len(digests) == 2


def test_the_figures_are_like_the_real_ones(tmp_path: Path) -> None:
    students = accepted(sample(tmp_path, "2026Q4", rows=20_000)).values()
    scores = np.array([points for _, points in students])
    assert np.allclose(scores.mean(axis=0), (66.1, 69.2, 68.1), atol=2)
    assert np.allclose(scores.std(axis=0), (15.2, 14.6, 15.2), atol=1)
    assert np.allclose(np.corrcoef(scores.T)[np.triu_indices(3, 1)], (0.82, 0.80, 0.95), atol=0.03)
    categories = np.array([part for part, _ in students])
    for place, value, share in (
        (0, "female", 0.518),
        (1, "group C", 0.319),
        (3, "standard", 0.645),
        (4, "none", 0.642),
    ):
        assert abs((categories[:, place] == value).mean() - share) < 0.02
    is_female, is_standard = categories[:, 0] == "female", categories[:, 3] == "standard"
    assert np.allclose(scores[is_female].mean(axis=0) - scores[~is_female].mean(axis=0), (-5.1, 7.1, 9.2), atol=1)
    assert np.allclose(scores[is_standard].mean(axis=0) - scores[~is_standard].mean(axis=0), (11.1, 7.0, 7.8), atol=1)


def test_nine_in_ten_students_stay_and_remain_themselves(tmp_path: Path) -> None:
    before, after = accepted(sample(tmp_path, "2026Q3")), accepted(sample(tmp_path, "2026Q4"))
    stayed = before.keys() & after.keys()
    assert 0.85 < len(stayed) / len(before) < 0.95
    assert all(before[student][0] == after[student][0] for student in stayed)
    pairs = np.array([(before[student][1], after[student][1]) for student in sorted(stayed)])
    for place in range(3):
        assert 0.8 < np.corrcoef(pairs[:, 0, place], pairs[:, 1, place])[0, 1] < 0.95


def test_eight_quarters_show_a_fall_in_mathematics_and_its_recovery(tmp_path: Path) -> None:
    means = [
        np.mean([points for _, points in accepted(sample(tmp_path, quarter)).values()], axis=0) for quarter in EIGHT
    ]
    maths = [float(mean[0]) for mean in means]
    assert np.argmin(maths) == EIGHT.index("2025Q4")
    assert maths[2] - maths[3] > 5
    assert maths[7] > maths[0]
    assert all(abs(after[1] - before[1]) < 3 for before, after in pairwise(means))


def test_every_thousand_lines_have_three_to_six_faults(tmp_path: Path) -> None:
    kinds = set()
    for quarter in EIGHT:
        rows = rows_of(sample(tmp_path, quarter))
        assert 3 <= len(rows) - len(accepted(sample(tmp_path, quarter))) <= 6
        ids = [row[1] for row in rows]
        texts = {str(value) for row in rows for value in row[2:10]}
        kinds |= {"repeated"} if len(set(ids)) < len(ids) else set()
        kinds |= {"", "absent", "104"} & texts
    assert kinds == {"repeated", "", "absent", "104"}
    large = sample(tmp_path, "2026Q4", rows=20_000)
    assert 60 <= 20_000 - len(accepted(large)) <= 120
    assert len(accepted(sample(tmp_path, "2026Q4", rows=150))) == 150


def test_chunks_leave_no_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_sample("2026Q4", tmp_path, CONTRACT, rows=2500).read_bytes()
    monkeypatch.setattr("orchestration.student_performance.sample._CHUNK_ROWS", 700)
    assert write_sample("2026Q4", tmp_path, CONTRACT, rows=2500).read_bytes() == whole


def test_the_sample_is_no_copy_of_the_real_file(tmp_path: Path) -> None:
    if SHARED.exists():
        real = [tuple(row) for row in csv.reader(SHARED.open(encoding="utf-8"))][1:]
    else:
        # Without the real file: a quarter so far away that no student is in both is no copy either.
        far_away = accepted(sample(tmp_path, "2006Q4")).values()
        real = [(*part, *map(str, points)) for part, points in far_away]
    made = [(*part, *map(str, points)) for part, points in accepted(sample(tmp_path, "2026Q4")).values()]
    # By chance a few combinations of five categories and three scores come up in both; a copied block would be many.
    assert len(set(real) & set(made)) < 10
    assert not any(first == second for first, second in zip(real, made, strict=False))


def test_another_contract_gets_its_own_columns(tmp_path: Path) -> None:
    content = yaml.safe_load(SHIPPED_CONTRACT.read_text(encoding="utf-8"))
    content["subjects"] = [
        {"name": name, "label": name, "header": name, "group": group}
        for name, group in (("physics", "science"), ("chemistry", "science"), ("latin", "languages"), ("art", "arts"))
    ]
    content["demographics"] = [
        {"name": "campus", "label": "Campus", "header": "campus", "values": ["North", "South", "East", "West"]},
        {"name": "tutor", "label": "Tutor", "header": "tutor", "required": False, "values": []},
    ]
    content["score"] = {"minimum": 1, "maximum": 6, "pass_mark": 4}
    del content["identifier"]
    (tmp_path / "contract.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    contract = load_contract(tmp_path / "contract.yml")
    exam = read_exam_results(write_sample("2026Q4", tmp_path, contract, rows=4000), contract, load_aliases())
    rows = rows_of(exam)
    assert exam.dialect.header == ("campus", "tutor", "physics", "chemistry", "latin", "art")
    assert len(rows) == 4000
    counts = [sum(row[2] == campus for row in rows) for campus in ("North", "South", "East", "West")]
    assert all(900 < count < 1100 for count in counts)
    scores = [float(str(row[5])) for row in rows]
    assert min(scores) >= 1
    assert max(scores) <= 6
    assert len(set(scores)) > 20


def test_a_text_that_is_no_quarter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match="2026Q5"):
        write_sample("2026Q5", tmp_path, CONTRACT)
