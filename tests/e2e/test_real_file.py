"""One quarter from a real file: the figures, the rerun, the changed file, bad files, the gate before the clustering."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.core.dbt import build_arguments, invoke, parsed_project
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import open_database
from orchestration.core.settings import Settings
from orchestration.definitions import dbt_variables
from orchestration.student_performance.contract import load_contract
from tests.conftest import Command
from tests.e2e.marts import fingerprints

QUARTER = "2026Q3"
# Readers are shown the quarters whose ml stage has succeeded.
ML_STAGE = f"quarter = '{QUARTER}' and stage = 'ml'"
SUBJECTS = ("math score", "reading score", "writing score")


def grade(scores: list[int]) -> str:
    """The rule common for this data set, written out independently of the SQL."""
    mean = sum(scores) / 3
    if min(scores) < 40:
        return "F"
    return next(letter for letter, bound in zip("ABCDE", (80, 70, 60, 50, 40), strict=True) if mean >= bound)


@pytest.fixture(scope="module")
def results_file(shared_students: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real file; where it is missing, a clean one of the same form from the project's own sample."""
    if shared_students:
        return shared_students / "StudentsPerformance.csv"
    from orchestration.student_performance.sample import write_sample

    folder = tmp_path_factory.mktemp("results")
    sample = write_sample(QUARTER, folder, load_contract(), rows=1000)
    with sample.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    seen: set[str] = set()
    target = folder / "results.csv"
    with target.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [name for name in rows[0] if name != "student id"], extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            whole = all(row.values()) and all(row[s].isdigit() and int(row[s]) <= 100 for s in SUBJECTS)
            if whole and row["student id"] not in seen:
                seen.add(row["student id"])
                writer.writerow(row)
    return target


@pytest.fixture(scope="module")
def rows(results_file: Path) -> list[dict[str, str]]:
    with results_file.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command], results_file: Path) -> Command:
    """The command after one whole quarter."""
    command = new_command("real")
    result = command("run", "--source", str(results_file), "--quarter", QUARTER)
    assert "SAMPLE" not in result.stdout
    assert "read = trusted + quarantined" in result.stdout
    return command


def test_grades_and_passes_are_those_of_the_rule(
    command: Command, rows: list[dict[str, str]], shared_students: Path | None
) -> None:
    found = {
        str(row["grade"]): row["students"]
        for row in command.rows(
            "select grade, count(*) as students from student_performance_marts.fct_exam_results group by 1"
        )
    }
    expected = Counter(grade([int(row[subject]) for subject in SUBJECTS]) for row in rows)
    assert found == dict(expected)
    if shared_students:
        assert found == {"A": 198, "B": 261, "C": 256, "D": 178, "E": 56, "F": 51}
    passed = command.rows("select pass_count from student_performance_marts.rpt_quarters")
    assert passed == [{"pass_count": sum(min(int(row[s]) for s in SUBJECTS) >= 40 for row in rows)}]


def test_equal_width_ranges_are_those_of_kaggles_own_page(
    command: Command, rows: list[dict[str, str]], shared_students: Path | None
) -> None:
    found = {
        (str(row["subject"]), str(row["range_label"])): row["student_count"]
        for row in command.rows(
            "select subject, range_label, student_count from student_performance_marts.fct_score_ranges "
            "where range_scheme = 'equal_width' and dimension = 'all'"
        )
    }
    assert sum(count for (subject, _), count in found.items() if subject == "math") == len(rows)
    if shared_students:
        assert found["math", "60.0-70.0"] == 268
        assert found["reading", "66.8-75.1"] == 237
        assert found["writing", "73.0-82.0"] == 225


def test_every_row_is_accounted_for(command: Command, rows: list[dict[str, str]]) -> None:
    account = command.rows("select rows_read, rows_trusted, rows_quarantined from platform.row_accounts")
    assert account == [{"rows_read": len(rows), "rows_trusted": len(rows), "rows_quarantined": 0}]


def test_every_student_has_a_segment_and_the_pages_are_there(command: Command, rows: list[dict[str, str]]) -> None:
    labelled = command.rows("select count(cluster_label) as n from student_performance_marts.fct_labeled_results")
    assert labelled == [{"n": len(rows)}]
    for page in ("index", "results", "segments", "status", "quality", "about", "dbt/index"):
        assert (command.home / "site" / f"{page}.html").stat().st_size > 1000, page
    states = command.rows("select stage, status from platform.stage_status")
    assert {(row["stage"], row["status"]) for row in states} == {
        ("etl", "succeeded"),
        ("ml", "succeeded"),
        ("publish", "succeeded"),
    }


def test_the_attack_finds_nothing_outside_and_every_small_group_inside(
    command: Command, rows: list[dict[str, str]], shared_students: Path | None
) -> None:
    outside = command("disclose", "attack", str(command.home / "site-external"))
    assert "The attack found nothing." in outside.stdout
    inside = command("disclose", "attack", str(command.home / "site"), check=False)
    assert inside.returncode == 1
    assert "must not be given to the public" in inside.stderr
    groups = Counter(tuple(value for name, value in row.items() if name not in SUBJECTS) for row in rows)
    small = sum(count < 10 for count in groups.values())
    assert f"{len(groups)} cells by 5 characteristics, {small} of them in the open" in inside.stdout
    if shared_students:
        assert (len(groups), small) == (211, 192)
    compared = command("disclose", "compare").stdout
    told = {
        line.split("│")[1].strip(): int(line.split("│")[4]) for line in compared.splitlines() if line.count("│") == 7
    }
    assert told["small counts hidden"] > 0
    assert told["... and others: the edition"] == 0


def test_rerun_changes_no_table_and_a_changed_file_only_its_quarter(
    command: Command, results_file: Path, tmp_path: Path
) -> None:
    before = fingerprints(command)
    command("run", "--source", str(results_file), "--quarter", QUARTER)
    assert fingerprints(command) == before

    changed = tmp_path / "changed.csv"
    lines = results_file.read_text().splitlines()
    changed.write_text("\n".join(lines[:-3]) + "\n")
    command("run", "--source", str(changed), "--quarter", "2026Q1")
    others = fingerprints(command, "quarter <> '2026Q1'")
    command("run", "--source", str(results_file), "--quarter", "2026Q1")
    counts = command.rows(
        "select quarter, count(*) as n from student_performance_marts.fct_exam_results group by 1 order by 1"
    )
    assert [row["n"] for row in counts] == [len(lines) - 1, len(lines) - 1]
    assert fingerprints(command, "quarter <> '2026Q1'") == others
    command("reset", "--quarter", "2026Q1", "--yes")
    assert fingerprints(command) == before


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "page.csv": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "HTML"),
    "pointer.csv": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb\nsize 72036\n",
        "Git LFS",
    ),
    "empty.csv": (b"", "empty"),
    "binary.csv": (bytes(range(256)) * 20, "binary"),
    "archive.csv": (b"PK\x03\x04" + b"\x00" * 100, "zip"),
    "other.csv": (b"city,population\nMetz,118489\nNancy,104885\n", "no column for"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_table_of_the_contract_changes_nothing(command: Command, tmp_path: Path, name: str) -> None:
    content, word = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    before = fingerprints(command)
    files = command.rows("select * from platform.landing_files order by source_file_id")
    result = command("run", "--source", str(path), "--quarter", QUARTER, check=False)
    assert result.returncode == 1
    error = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(error) == 1
    assert name in error[0]
    assert word.lower() in error[0].lower()
    assert "Traceback" not in result.stderr + result.stdout
    assert fingerprints(command) == before
    assert command.rows("select * from platform.landing_files order by source_file_id") == files
    assert command.rows(f"select status from platform.stage_status where {ML_STAGE}") == [{"status": "succeeded"}]


def test_too_many_quarantined_rows_stop_before_the_marts_and_say_why(
    command: Command, results_file: Path, tmp_path: Path
) -> None:
    lines = results_file.read_text().splitlines()
    broken = tmp_path / "broken.csv"
    broken.write_text(
        "\n".join([lines[0]] + [line[: line.rindex(",")] + ',"absent"' for line in lines[1:101]] + lines[101:])
    )
    site = {path: path.read_bytes() for path in (command.home / "site").glob("*.html")}
    marts = "select md5(string_agg(t::text, '' order by student_id)) as hash from student_performance_marts.{} as t"
    tables = ("fct_exam_results", "fct_labeled_results")
    before = [command.rows(marts.format(table)) for table in tables]
    result = command("run", "--source", str(broken), "--quarter", QUARTER, check=False)
    assert result.returncode == 1
    assert "broken.csv" in result.stderr
    assert "100 of" in result.stderr
    assert "not_a_number" in result.stderr
    assert "line 2, writing_score" in result.stderr
    assert [command.rows(marts.format(table)) for table in tables] == before
    assert {path: path.read_bytes() for path in (command.home / "site").glob("*.html")} == site
    status = command.rows("select status, error from platform.stage_status where stage = 'etl'")
    assert status[0]["status"] == "failed"
    assert "not_a_number" in str(status[0]["error"])
    assert command.rows(f"select status from platform.stage_status where {ML_STAGE}") == [{"status": "succeeded"}]
    command("run", "--source", str(results_file), "--quarter", QUARTER)


def test_a_failed_dbt_test_leaves_the_labelled_table_untouched(
    command: Command, results_file: Path, tmp_path: Path
) -> None:
    """Rows are broken behind the checks' back, as a faulty model would: two ranges get one place."""
    labelled = "select md5(string_agg(t::text, '' order by t::text)) as hash from student_performance_ml.score_range_clusters t"
    before = command.rows(labelled)
    assert before != [{"hash": None}]
    with open_database(Settings(home=command.home)).connect() as connection:
        connection.execute(
            """
            create function student_performance_marts.break_rows() returns trigger language plpgsql
            as $$ begin new.range_order := 1; return new; end $$;
            create trigger break_rows before insert on student_performance_marts.fct_score_ranges
            for each row execute function student_performance_marts.break_rows();
            """
        )
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join(results_file.read_text().splitlines()[:-1]) + "\n")
    result = command("run", "--source", str(changed), "--quarter", QUARTER, check=False)
    assert result.returncode == 1
    assert "unique_rows_fct_score_ranges" in result.stderr
    assert command.rows(labelled) == before
    with open_database(Settings(home=command.home)).connect() as connection:
        connection.execute("drop function student_performance_marts.break_rows() cascade")
    command("run", "--source", str(results_file), "--quarter", QUARTER)
    assert command.rows(labelled) == before


def test_every_rule_in_sql_passes_its_unit_tests(command: Command) -> None:
    settings = Settings(home=command.home)
    variables = dbt_variables(settings)
    selected = "test_type:unit,fqn:quarterdeck.student_performance"
    macros = "portable_macros__say_the_same_on_every_engine"
    arguments = build_arguments([Quarter.parse(QUARTER)], variables, ["test", "--select", selected, macros])
    database = open_database(settings)
    result = invoke(settings, database, "unit_tests", arguments, manifest=parsed_project(settings, variables).manifest)
    assert result.exception is None
    outcomes = {outcome.node.name: str(outcome.status) for outcome in result.result.results}
    assert len(outcomes) >= 24
    assert macros in outcomes
    assert {name: status for name, status in outcomes.items() if status != "pass"} == {}


def test_a_view_of_an_older_version_with_other_columns_is_made_anew(
    command: Command, results_file: Path, tmp_path: Path
) -> None:
    outcomes = "student_performance_marts.fct_exam_outcomes"
    with open_database(Settings(home=command.home)).connect() as connection:
        connection.execute(f"alter view {outcomes} rename column authority to authority_before".encode())
    changed = tmp_path / "changed.csv"
    changed.write_text("\n".join(results_file.read_text().splitlines()[:-1]) + "\n")
    command("run", "--source", str(changed), "--quarter", QUARTER)
    assert command.rows(f"select distinct authority from {outcomes} where definition = 'pass' order by 1") == [
        {"authority": "every_subject"},
        {"authority": "mean"},
    ]
