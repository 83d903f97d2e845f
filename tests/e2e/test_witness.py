"""The restore drill, and the witness of the figures: two quarters, backed up, restored without a network, verified and damaged."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.core.backup import UNFINISHED
from orchestration.core.figures import FigureId
from orchestration.core.landing_storage import open_landing
from orchestration.core.postgres import Database, open_database
from orchestration.core.rebuild import _hashes
from orchestration.core.settings import Settings
from orchestration.student_performance.verification import read_witness, verify_edition
from tests.conftest import Command
from tests.core.keys import new_key
from tests.drawn_figures import disagreeing, drawn_figures

DOMAIN = "student_performance"
# A command of `orchestration.core.backup`, killed where it calls a function.
KILLED = """
import os, signal, sys
from orchestration.core import backup
function, *arguments = sys.argv[1:]
setattr(backup.os if function == "link" else backup, function, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
from orchestration.cli import app
app(arguments)
"""


def killed_at(function: str, command: Command, *arguments: str) -> int:
    """Run the command and kill it where it calls this function; its exit code."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, function, *arguments], env=command.environment, check=False
    ).returncode


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    """The command after two quarters of the sample, whose keys are in the environment."""
    command = new_command("witness")
    command.environment |= {
        "QUARTERDECK_LANDING_KEYS": f"2026a:{new_key()}",
        "QUARTERDECK_SAMPLE_QUARTERS": "2",
        "QUARTERDECK_SAMPLE_ROWS": "300",
    }
    command("run", "--source", "sample", "--domain", DOMAIN)
    return command


@pytest.fixture(scope="module")
def bundle(command: Command) -> Path:
    target = command.home.parent / "quarterdeck.backup"
    assert "2 received files" in command("backup", "--to", str(target)).stdout
    return target


def beside(command: Command, name: str) -> Command:
    """The command with an empty home and the same keys."""
    other = Command(command.home.parent / name / "home")
    other.home.parent.mkdir()
    other.environment |= {name: value for name, value in command.environment.items() if "HOME" not in name}
    return other


@pytest.fixture(scope="module")
def restored(command: Command, bundle: Path) -> Command:
    other = beside(command, "restored")
    other.without_network("restore", str(bundle))
    return other


@pytest.fixture
def settings(restored: Command) -> Settings:
    keys = restored.environment["QUARTERDECK_LANDING_KEYS"]
    return Settings(home=restored.home, landing_keys=keys)


@pytest.fixture
def database(settings: Settings) -> Database:
    return open_database(settings)


@pytest.fixture
def last_file(settings: Settings, database: Database) -> Iterator[Path]:
    """The stored file of the last quarter; as it was after the test, and so is its receipt."""
    query = """
        select sha256 from platform.landing_files inner join platform.quarter_files using (source_file_id)
        order by quarter desc limit 1
    """
    with database.connect() as connection:
        (sha256,) = connection.execute(query).fetchone() or ("",)
    path = settings.home / "landing" / DOMAIN / "received" / sha256
    content = path.read_bytes()
    path.chmod(0o600)
    yield path
    path.write_bytes(content)
    with database.connect() as connection:
        connection.execute(
            "update platform.landing_files set sha256 = %s where source_file_id = %s", (sha256, sha256[:16])
        )


@pytest.mark.namespace
def test_the_drill_restores_and_verifies_every_mart_without_a_network(restored: Command) -> None:
    said = restored.without_network("verify")
    found = re.search(r"(\d+) of (\d+) equal: (\d+) tables", said)
    assert found is not None, said
    equal, compared, tables = map(int, found.groups())
    assert equal == compared > tables > 15
    assert (restored.home / "restored" / "requirements.lock").is_file()
    assert "QUARTERDECK_SAMPLE_ROWS=300\n" in (restored.home / "restored" / "settings.env").read_text()
    assert not (restored.home / UNFINISHED).exists()


@pytest.mark.namespace
def test_a_mart_that_was_changed_by_hand_is_seen(database: Database) -> None:
    with database.connect() as connection:
        quarters = [row[0] for row in connection.execute("select quarter from student_performance_marts.rpt_quarters")]
        before = _hashes(database, DOMAIN, quarters)
        statement = (
            "update student_performance_marts.rpt_segments set student_count = {} where cluster_id = 1 and quarter = %s"
        )
        connection.execute(statement.format("student_count + 1"), (max(quarters),))
    after = _hashes(database, DOMAIN, quarters)
    assert {key for key in before if before[key] != after[key]} == {
        ("student_performance_marts.rpt_segments", max(quarters))
    }
    with database.connect() as connection:
        connection.execute(statement.format("student_count - 1"), (max(quarters),))


def test_the_bundle_holds_nothing_readable_and_no_key(command: Command, bundle: Path) -> None:
    content = bundle.read_bytes()
    for word in (
        b"female",
        b"group A",
        b"landing_files",
        b"ustar",
        command.environment["QUARTERDECK_LANDING_KEYS"].encode(),
    ):
        assert word not in content
    assert bundle.stat().st_mode & 0o777 == 0o600
    assert "is there already" in command("backup", "--to", str(bundle), check=False).stderr


@pytest.mark.parametrize("where", ["encrypt", "link"])
def test_a_killed_backup_leaves_no_bundle(command: Command, where: str, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    assert killed_at(where, command, "backup", "--to", str(target)) == -9
    assert not target.exists()


def test_a_damaged_bundle_and_a_missing_key_are_refused_before_anything_is_written(
    command: Command, bundle: Path, tmp_path: Path
) -> None:
    damaged, content = tmp_path / "damaged", bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    other = beside(command, "refused")
    assert "was changed" in other("restore", str(damaged), check=False).stderr
    other.environment["QUARTERDECK_LANDING_KEYS"] = f"2026b:{new_key()}"
    assert "key 2026a is not among the keys here" in other("restore", str(bundle), check=False).stderr
    assert not other.home.exists()


def test_a_killed_restore_is_begun_again_and_a_whole_one_is_not(command: Command, bundle: Path) -> None:
    other = beside(command, "killed")
    assert killed_at("load", other, "restore", str(bundle)) == -9
    assert (other.home / UNFINISHED).exists()
    other("restore", str(bundle))
    assert not (other.home / UNFINISHED).exists()
    assert other.rows("select count(*) as count from student_performance_marts.rpt_quarters") == [{"count": 2}]
    assert "is not empty" in other("restore", str(bundle), check=False).stderr


def test_every_figure_of_the_edition_has_its_value_by_the_second_engine(command: Command) -> None:
    said = command("verify", str(command.home / "site")).stdout
    found = re.search(r"([\d,]+) of ([\d,]+) figures are equal, shown in ([\d,]+) places", said)
    assert found is not None, said
    equal, figures, places = (int(text.replace(",", "")) for text in found.groups())
    assert equal == figures > 10_000
    assert places > 2 * figures
    # What has none is said, and is no figure of the marts but the clustering's own measures.
    assert set(re.findall(r"segments\.(\w+)$", said, re.MULTILINE)) == {
        "cluster_count", "continues_cluster_id", "silhouette", "inertia_ratio", "stability", "html"
    } - {"html"}  # fmt: skip


VIEWS = {
    "results.html": [
        "",
        "gender=female&scheme=us_letter&subject=math&compare=race_ethnicity",
        "scheme=equal_width&rows=groups&compare=lunch",
        "scheme=kaggle_grade&lunch=standard",
        "rows=quarters&race_ethnicity=group C&parental_level_of_education=some college&lunch=free/reduced",
    ],
    "segments.html": ["", "gender=male&compare=parental_level_of_education"],
}


@pytest.mark.browser
def test_what_the_browser_makes_of_a_page_has_its_value_by_the_second_engine(
    command: Command, settings: Settings, database: Database, tmp_path: Path
) -> None:
    site = command.home / "site"
    witness, damaged = read_witness(site, settings, database)
    assert not damaged
    for page, states in VIEWS.items():
        drawn = drawn_figures(site / page, states)
        tables = {FigureId.parse(text_id).table for text_id, _ in drawn}
        assert {"exam_views", "segment_views"} & tables
        assert len(drawn) > 100
        assert disagreeing(drawn, witness) == []
    # A page whose data says something else is found out.
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    text = (copy / "results.html").read_text()
    passed = re.search(r'"passed":\[(\d+)', text)
    assert passed is not None
    (copy / "results.html").write_text(text.replace(passed[0], f'"passed":[{int(passed[1]) + 9}'))
    assert disagreeing(drawn_figures(copy / "results.html", [f"quarter={quarters_of(command)[0]}"]), witness) != []


def quarters_of(command: Command) -> list[str]:
    rows = command.rows("select quarter from student_performance_marts.rpt_quarters order by quarter")
    return [str(row["quarter"]) for row in rows]


def test_a_figure_of_a_view_is_traced(command: Command) -> None:
    quarter = quarters_of(command)[-1]
    said = command("trace", f"{DOMAIN}.{quarter}.exam_views.female,,,,.student_count").stdout
    assert "what the filters give in results.html" in said
    [row] = command.rows(
        f"""
        select count(*) as count from student_performance_marts.fct_exam_results
        where gender = 'female' and quarter = '{quarter}'
        """
    )
    assert f"Recomputed  {row['count']}\n" in said
    unknown = command("trace", f"{DOMAIN}.{quarter}.exam_views.female.student_count", check=False)
    assert "shows no figure" in unknown.stderr


@pytest.mark.namespace
def test_one_flipped_byte_names_the_file_and_what_rests_on_it(
    command: Command, settings: Settings, database: Database, last_file: Path
) -> None:
    content = bytearray(last_file.read_bytes())
    content[len(content) // 2] ^= 1
    last_file.write_bytes(content)
    verdict = verify_edition(command.home / "site", settings, database)
    ((file, reason),) = verdict.damaged
    assert file.sha256 == last_file.name
    assert str(last_file) in reason
    assert {figure.quarter for figure in verdict.resting} == {file.quarter}
    assert FigureId(DOMAIN, file.quarter, "quarters", (), "pass_pct") in verdict.resting
    assert verdict.differing == []


@pytest.mark.namespace
def test_a_changed_file_whose_receipt_was_changed_too_names_the_figures(
    command: Command, settings: Settings, database: Database, last_file: Path
) -> None:
    content = b"".join(bytes(chunk) for chunk in open_landing(settings).chunks(f"{DOMAIN}/received/{last_file.name}"))
    line = content.splitlines()[10].decode()
    *_, score, quote = line
    assert score.isdigit(), line
    changed = content.replace(line.encode(), f"{line[:-2]}{(int(score) + 5) % 10}{quote}".encode())
    sha256 = hashlib.sha256(changed).hexdigest()
    last_file.with_name(sha256).write_bytes(changed)
    with database.connect() as connection:
        connection.execute("update platform.landing_files set sha256 = %s where sha256 = %s", (sha256, last_file.name))
    verdict = verify_edition(command.home / "site", settings, database)
    assert verdict.damaged == []
    differing = {shown.figure for shown, _ in verdict.differing}
    quarter = max(figure.quarter for figure in differing)
    assert FigureId(DOMAIN, quarter, "quarters", (), "writing_mean_score") in differing
    assert FigureId(DOMAIN, quarter, "quarters", (), "math_mean_score") not in differing
    assert {figure.quarter for figure in differing} == {quarter}
    # In the text of a page too, where it is shown to one decimal, the sum is another in the data that its script adds up.
    assert {"quarters.csv", "quarters.parquet", "results.html"} <= {shown.place for shown, _ in verdict.differing}


def test_a_figure_is_traced_to_its_lines(command: Command) -> None:
    (quarter, *_) = command.rows("select max(quarter) as quarter from student_performance_marts.rpt_quarters")
    said = command("trace", f"{DOMAIN}.{quarter['quarter']}.rejected.missing_value,math_score.line_count", check=False)
    (row,) = command.rows(
        """
        select count(*) as count, string_agg(source_line::text, ', ' order by source_line) as lines
        from student_performance_staging.stg_student_performance__rejected_results
        where quarter = (select max(quarter) from student_performance_marts.rpt_quarters)
            and reason = 'missing_value' and column_name = 'math_score'
        """
    )
    if row["count"]:
        assert f"Lines       {row['count']}: {row['lines']}" in said.stdout
        assert "student_performance_marts.rpt_rejected_results where quarter = " in said.stdout
        assert "trusted: rows account" in said.stdout
        assert "sha256" in said.stdout
    nothing = command("trace", f"{DOMAIN}.{quarter['quarter']}.quarters.shoe_size", check=False)
    assert nothing.returncode == 1
    assert "shows no figure" in nothing.stderr
