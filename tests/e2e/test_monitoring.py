"""Monitoring of real runs by the command: what they needed, a fault in a file, a refused file, and what a target is told."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.core.alert_receiver import Receiver, receiving


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command], receiver: Receiver) -> Command:
    """The command after a first run on the sample, eight quarters up to the running one."""
    command = new_command("monitoring")
    command.environment |= {"QUARTERDECK_SAMPLE_ROWS": "300", "QUARTERDECK_ALERT_URLS": receiver.url}
    command("run", "--domain", "student_performance", "--source", "sample")
    return command


@pytest.fixture(scope="module")
def whole(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running quarter's file as it was received."""
    (file,) = command.rows("select source_file_id from platform.landing_files order by name desc limit 1")
    path = tmp_path_factory.mktemp("files") / "results.csv"
    command("landing", "restore", str(file["source_file_id"]), "--to", str(path))
    return path


def test_eight_quarters_of_the_sample_are_silent(command: Command, receiver: Receiver) -> None:
    assert command.rows("select * from platform.alerts") == []
    assert receiver.taken() == []
    assert "No alert is open" in command("alerts").stdout


def test_a_run_is_measured_by_step_asset_and_zone(command: Command) -> None:
    (run,) = command.rows("select * from platform.run_totals")
    assert (run["domain"], run["has_succeeded"], len(run["quarters"])) == ("student_performance", True, 8)
    steps = {row["step"]: row for row in command.rows("select * from platform.run_measures")}
    assert len(steps) == 7
    assert steps["student_performance__raw_tables"]["rows_written"] == 8 * 300
    assert all(row["peak_memory_bytes"] > 10**8 and row["estimated_cost"] > 0 for row in steps.values())
    assets = {row["asset"]: row for row in command.rows("select * from platform.asset_measures")}
    assert assets["student_performance/exam_results"]["rows_written"] == 8 * 300
    assert assets["student_performance/fct_score_counts"]["rows_written"] > 0
    assert assets["student_performance/fct_score_counts"]["seconds"] < steps["student_performance_models"]["seconds"]
    zones = {
        row["zone"]: row["bytes"]
        for row in command.rows("select zone, sum(bytes)::bigint as bytes from platform.newest_store group by 1")
    }
    assert set(zones) == {"landing", "raw", "trusted", "curated", "product", "platform"}
    received = sum(path.stat().st_size for path in (command.home / "landing").rglob("*") if path.is_file())
    assert zones["landing"] == received
    (stored,) = command.rows("select bytes from platform.newest_store where zone = 'raw' and dataset = 'exam_lines'")
    assert stored["bytes"] > 8 * 300 * 40
    assert (command.home / "metrics/quarterdeck.prom").read_text().count("quarterdeck_step_seconds{") == 7


def test_a_run_that_finds_nothing_to_do_is_not_measured(command: Command) -> None:
    before = command.rows("select * from platform.run_measures order by run_id, step")
    command("run", "--domain", "student_performance", "--source", "sample")
    assert command.rows("select * from platform.run_measures order by run_id, step") == before
    page = (command.home / "site/platform/monitoring.html").read_text()
    assert "no alert is open" in page
    assert "Nothing was measured yet" not in page


def test_half_a_file_is_told_once_and_its_end_once(command: Command, receiver: Receiver, whole: Path) -> None:
    half = whole.with_name("half.csv")
    lines = whole.read_text().splitlines(keepends=True)
    half.write_text("".join(lines[: len(lines) // 2]))
    result = command("run", "--source", str(half))
    assert "Alert: " in result.stderr
    command("run", "--source", str(half))
    ((kind, opened),) = receiver.taken()
    assert kind == "failure"
    assert "149 rows were received, against about 300" in opened
    assert "open" in command("alerts").stdout
    page = (command.home / "site/platform/monitoring.html").read_text()
    assert (page.count(opened), "One alert is open" in page) == (1, True)
    assert "Bytes stored, by zone" in page
    command("run", "--source", str(whole))
    ((kind, closed),) = receiver.taken()
    assert (kind, closed.startswith(f"Over: {opened}")) == ("success", True)
    assert "no alert is open" in (command.home / "site/platform/monitoring.html").read_text()


def test_a_refused_file_is_told_until_a_run_succeeds(command: Command, receiver: Receiver, whole: Path) -> None:
    refused = whole.with_name("refused.csv")
    refused.write_text("day,weather\nMonday,rain\n")
    assert command("run", "--source", str(refused), check=False).returncode == 1
    ((kind, opened),) = receiver.taken()
    assert kind == "failure"
    assert "stage etl of student_performance failed. " in opened
    assert "One alert is open" in (command.home / "site/platform/monitoring.html").read_text()
    command("run", "--source", str(whole))
    assert [kind for kind, _ in receiver.taken()] == ["success"]


def test_a_target_that_is_away_fails_no_run_and_no_secret_is_shown(
    command: Command, whole: Path, receiver: Receiver
) -> None:
    half = whole.with_name("half.csv")
    receiver.refuses = True
    result = command("run", "--source", str(half))
    assert "Alert target 1 json did not take a message" in result.stderr
    test = command("alerts", "--test", check=False)
    assert test.returncode == 1
    for output in (result.stdout, result.stderr, test.stdout, test.stderr):
        assert "secret-of-the-office" not in output
    receiver.refuses = False
    assert "Every target took the message: 1 json." in command("alerts", "--test").stdout
    assert [kind for kind, _ in receiver.taken()] == ["info"]
    command("run", "--source", str(half))
    assert [kind for kind, _ in receiver.taken()] == ["failure"]


def test_without_a_target_the_test_says_what_to_do(command: Command) -> None:
    result = command("alerts", "--test", check=False, QUARTERDECK_ALERT_URLS="")
    assert (result.returncode, "QUARTERDECK_ALERT_URLS" in result.stderr) == (1, True)
