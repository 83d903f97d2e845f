"""Files that differ: their profiles arrive with the raw lines, in Dagster's metadata and on the quality page."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.core.postgres import open_database
from orchestration.core.profile_store import deliveries
from orchestration.core.settings import Settings
from orchestration.student_performance.contract import load_contract
from orchestration.student_performance.sample import write_sample
from tests.conftest import Command


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    made = {
        quarter: write_sample(quarter, folder, load_contract(), rows=rows)
        for quarter, rows in (("2026Q1", 400), ("2026Q2", 300))
    }
    _plant(made["2026Q2"])
    return made


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command], files: dict[str, Path]) -> Command:
    made = new_command("profiles")
    for quarter, file in files.items():
        made("run", "--source", str(file), "--quarter", quarter)
    return made


def _plant(file: Path) -> None:
    """A column that nobody asked for, with addresses."""
    header, *lines = file.read_text().splitlines()
    mailed = [f"{line},person{number}@example.org" for number, line in enumerate(lines)]
    file.write_text("\n".join([f"{header},contact", *mailed]) + "\n")


def test_what_differs_is_said_and_no_address_is_kept(command: Command) -> None:
    with open_database(Settings(home=command.home)).connect() as connection:
        first, second = deliveries(connection, "student_performance")
        kept = connection.execute("select string_agg(profile::text, ' ') from platform.file_profiles").fetchone()
    assert first.compared_with is None
    assert second.sentences[0] == "25 % fewer rows: 300 after 400."
    contact = "The column `contact` is new, likely personal data: the values have the form of e-mail addresses."
    assert contact in second.sentences
    assert [column.name for column in second.profile.columns][-1] == "contact"
    assert {"gender", "lunch", "math_score"} <= {column.name for column in second.profile.columns}
    assert kept is not None
    assert "@example.org" not in kept[0]


def test_the_quality_page_and_the_run_storage_tell_of_it(command: Command) -> None:
    page = (command.home / "site" / "quality.html").read_text()
    assert "25 % fewer rows: 300 after 400." in page
    assert "<code>contact</code>" in page
    assert "@example.org" not in page
    with open_database(Settings(home=command.home)).connect() as connection:
        events = connection.execute(
            "select count(*) from dagster.event_logs where event like %s", ("%25 % fewer rows: 300 after 400.%",)
        ).fetchone()
    assert events is not None
    assert events[0] >= 1


def test_an_unchanged_rerun_profiles_nothing(command: Command, files: dict[str, Path]) -> None:
    asked = "select quarter, profiled_at::text as at from platform.file_profiles order by 1"
    before = command.rows(asked)
    command("run", "--source", str(files["2026Q2"]), "--quarter", "2026Q2")
    assert command.rows(asked) == before
