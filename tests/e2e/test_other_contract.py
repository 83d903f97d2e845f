"""An office with other subjects, demographics and marks changes its contract, and no code."""

import csv
import random
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PROJECT_ROOT, Command

CONTRACT = PROJECT_ROOT / "tests/fixtures/student_performance/other_contract.yml"
SUBJECTS = ("algebra", "geometry", "french", "history")
FORMULA, MARKUP = "=cmd|' /C calc'!A0", "<script>alert(1)</script>"


def write_results(path: Path) -> list[dict[str, str]]:
    generator = random.Random(20)
    rows = []
    for number in range(400):
        ability = generator.gauss(12, 3)
        marks = {name: str(round(min(20, max(0, generator.gauss(ability, 1.5))))) for name in SUBJECTS}
        campus, year = generator.choice(["north", "south"]), generator.choice(["7", "8", ""])
        rows.append({"Pupil Number": f"P{number}", "Campus": campus, "Year-Group": year, **marks})
    rows[5]["french"] = "21"
    # Any text may stand in a category that lists no values.
    rows[6]["Year-Group"], rows[7]["Year-Group"], rows[8]["Year-Group"] = FORMULA, MARKUP, "[/red]"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_other_subjects_demographics_and_marks_need_only_a_contract(
    new_command: Callable[[str], Command], tmp_path: Path
) -> None:
    command = new_command("other")
    command.environment["QUARTERDECK_CONTRACT"] = str(CONTRACT)
    rows = write_results(tmp_path / "results.csv")
    command("run", "--source", str(tmp_path / "results.csv"), "--quarter", "2026Q2")
    accepted = [row for row in rows if row["french"] != "21"]
    passed = sum(all(int(row[name]) >= 10 for name in SUBJECTS) for row in accepted)
    found = command.rows(
        "select student_count, pass_count, rows_quarantined, geometry_mean_score from student_performance_marts.rpt_quarters"
    )
    assert found[0]["student_count"] == len(accepted)
    assert found[0]["pass_count"] == passed
    assert found[0]["rows_quarantined"] == 1
    mean = sum(int(row["geometry"]) for row in accepted) / len(accepted)
    assert abs(float(str(found[0]["geometry_mean_score"])) - mean) < 0.001
    assert "Geometry" in (command.home / "site" / "results.html").read_text()
    labels = {
        str(row["cluster_label"])
        for row in command.rows("select cluster_label from student_performance_ml.cluster_profiles")
    }
    texts = {
        path: path.read_text()
        for path in command.home.rglob("site*/**/*")
        if path.suffix in (".html", ".js", ".json", ".csv")
    }
    assert [path for path, text in texts.items() if path.suffix == ".html" and MARKUP in text] == []
    cells = [
        cell for path in texts if path.suffix == ".csv" for row in csv.reader(texts[path].splitlines()) for cell in row
    ]
    assert f"'{FORMULA}" in cells
    assert [cell for cell in cells if cell.startswith("=")] == []
    # Marks out of 20 are judged on their own scale: a mean of 12 is not 12 of 100.
    assert not all("needs" in label for label in labels)
