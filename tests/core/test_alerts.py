"""Alerts from the platform's tables to a real Apprise target on loopback: each fault opens one, its end closes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestration.core.alerts import Target, send, settle, targets
from orchestration.core.monitoring.anomalies import Finding
from orchestration.core.monitoring.metrics import metrics_file
from orchestration.core.monitoring.watch import Outlook, evaluate
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.settings import Settings
from orchestration.core.status import supersede_later_stages, track
from tests.core.alert_receiver import Receiver, receiving
from tests.core.quarter_history import (
    FAULTS,
    QUARTERS,
    begin_anew,
    clean_office,
    measure_run,
    measure_store,
    store,
)

NEWEST = Quarter.parse(QUARTERS[-1])
# The quarter after the newest is due 106 days after its first day.
IN_TIME, TOO_LATE = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def office_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    settings = Settings(home=tmp_path_factory.mktemp("alerts"))
    yield open_database(settings)
    remove_embedded(settings)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    return Settings(home=tmp_path, alert_urls=SecretStr(receiver.url))


@pytest.fixture
def database(office_database: Database) -> Database:
    """Forty clean quarters, of which every stage has succeeded, and nothing measured yet."""
    begin_anew(office_database)
    store(office_database, clean_office(7))
    with track(office_database, "clean", [NEWEST], "etl", "run", begins=True, finishes=True):
        pass
    return office_database


def look(database: Database, settings: Settings, now: datetime = IN_TIME) -> Outlook:
    said: list[str] = []
    outlook = evaluate(database, settings, now, said.append)
    assert not any("secret" in sentence for sentence in said)
    return outlook


def test_forty_clean_quarters_open_no_alert(database: Database, settings: Settings, receiver: Receiver) -> None:
    for seed in range(3):
        store(database, clean_office(seed))
        assert look(database, settings) == Outlook([], [])
    assert receiver.taken() == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_data_is_told_once_when_it_opens_and_once_when_it_closes(
    name: str, database: Database, settings: Settings, receiver: Receiver
) -> None:
    office = clean_office(7)
    FAULTS[name][2](office, QUARTERS[-1])
    store(database, office)
    for _ in range(3):
        look(database, settings)
    ((kind, opened),) = receiver.taken()
    assert kind == ("failure" if FAULTS[name][1] != "passed" else "warning")
    assert opened.startswith(f"{QUARTERS[-1]}: ")
    store(database, clean_office(7))
    for _ in range(3):
        look(database, settings)
    ((kind, closed),) = receiver.taken()
    assert kind == "success"
    assert closed.startswith(f"Over: {opened}")


def test_a_late_source_is_told_until_its_file_is_there(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    look(database, settings, TOO_LATE)
    ((_, opened),) = receiver.taken()
    assert "no file was received for 2026Q1, which was due by 2026-04-17" in opened
    with database.connect() as connection:
        connection.execute(
            "insert into platform.quarter_files values ('clean', '2026Q1', '', %s, now())", (QUARTERS[-1],)
        )
    look(database, settings, TOO_LATE)
    assert [kind for kind, _ in receiver.taken()] == ["success"]


def test_a_failed_stage_is_told_and_only_its_success_ends_that(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    with pytest.raises(RuntimeError), track(database, "clean", [NEWEST], "etl", "run", begins=True):
        raise RuntimeError("the disk is full")
    look(database, settings)
    ((kind, opened),) = receiver.taken()
    assert (kind, opened) == ("failure", f"{NEWEST}: stage etl of clean failed. RuntimeError: the disk is full")
    with track(database, "clean", [NEWEST], "etl", "run", begins=True, finishes=True):
        supersede_later_stages(database, "clean", [NEWEST], "etl")
        look(database, settings)
        assert receiver.taken() == []
    look(database, settings)
    assert [kind for kind, _ in receiver.taken()] == ["success"]


def test_each_budget_is_told_when_it_is_exceeded_and_when_it_is_kept_again(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    now = datetime.now(UTC)
    with database.connect() as connection:  # the store's file of the running quarter is there, so that nothing is late
        quarter = str(Quarter.of(now.date()))
        connection.execute(
            "insert into platform.quarter_files values ('clean', %s, '', %s, now())", (quarter, QUARTERS[-1])
        )
    measure_run(database, "modest")
    measure_store(database, "modest", 10**9, 1)
    look(database, settings, now)
    assert receiver.taken() == []
    for name, over in (
        ("cost of a run", {"cost": 0.51}),
        ("time of a run", {"seconds": 3601}),
        ("memory of a run", {"memory": 4_000_000_001}),
    ):
        measure_run(database, f"over the {name}", **over)
        look(database, settings, now)
        ((kind, opened),) = receiver.taken()
        assert (kind, name in opened) == ("warning", True)
        measure_run(database, f"after the {name}")
        look(database, settings, now)
        assert [kind for kind, _ in receiver.taken()] == ["success"]
    measure_store(database, "large", 200_000_000_001, 49.40)
    look(database, settings, now)
    assert sorted(sentence.split(":")[0] for _, sentence in receiver.taken()) == ["Budget stored bytes, all domains"]
    measure_run(database, "what the month had left", cost=0.49)
    look(database, settings, now)
    ((_, opened),) = receiver.taken()
    assert opened.startswith("Budget cost of a month, all domains: 50.4")
    measure_store(database, "small", 10**9, 1)
    look(database, settings, now)
    assert [kind for kind, _ in receiver.taken()] == ["success", "success"]


def test_a_target_that_was_away_is_told_later_and_others_are_not_told_twice(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    with receiving() as other:
        both = settings.model_copy(update={"alert_urls": SecretStr(f"{receiver.url} {other.url}")})
        other.refuses = True
        said: list[str] = []
        for _ in range(2):
            evaluate(database, both, TOO_LATE, said.append)
        assert len(receiver.taken()) == 1
        assert len(said) == 2
        assert "target 2 json" in said[0]
        assert "secret" not in said[0]
        other.refuses = False
        look(database, both, TOO_LATE)
        assert (len(other.taken()), receiver.taken()) == (1, [])


def test_killed_between_opening_and_telling_the_message_is_sent_once(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    finding = Finding("freshness clean", "freshness", "critical", "clean", None, "no file was received")
    with database.connect() as connection:
        assert settle(connection, [finding], []) == (["no file was received"], [])
    look(database, settings, TOO_LATE)
    look(database, settings, TOO_LATE)
    assert len(receiver.taken()) == 1


def test_killed_between_telling_and_recording_it_the_message_is_sent_again_and_then_no_more(
    database: Database, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    script = (
        "import sys, os; from datetime import datetime\n"
        "from orchestration.core.monitoring.watch import evaluate\n"
        "from orchestration.core.postgres import Database\n"
        "from orchestration.core.settings import get_settings\n"
        "evaluate(Database(sys.argv[1]), get_settings(), datetime.fromisoformat(sys.argv[2]), print)\n"
    )
    environment = {**os.environ, "QUARTERDECK_HOME": str(tmp_path), "QUARTERDECK_ALERT_URLS": receiver.url}
    process = subprocess.Popen([sys.executable, "-c", script, database.conninfo, TOO_LATE.isoformat()], env=environment)
    receiver.on_message = process.kill
    assert process.wait(60) == -signal.SIGKILL
    receiver.on_message = lambda: None
    assert len(receiver.taken()) == 1
    look(database, settings, TOO_LATE)
    look(database, settings, TOO_LATE)
    assert len(receiver.taken()) == 1


def test_a_new_target_is_told_of_what_is_open_and_not_of_the_distant_past(
    database: Database, settings: Settings, receiver: Receiver
) -> None:
    nobody = settings.model_copy(update={"alert_urls": None})
    look(database, nobody, TOO_LATE)
    with database.connect() as connection:
        connection.execute(
            "insert into platform.alerts (key, kind, severity, domain, message, opened_at, closed_at) values "
            "('old', 'rate', 'warning', 'clean', 'long ago', now() - interval '8 days', now() - interval '7 days')"
        )
    look(database, settings, TOO_LATE)
    assert [kind for kind, _ in receiver.taken()] == ["failure"]


def test_targets_show_no_secret_and_a_wrong_url_is_no_error(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (target,) = targets(settings)
    assert repr(target) == "Target(1 json)"
    for url in ("nowhere://user:secret@host", "json://user:secret@127.0.0.1:1/", "mailto://secret"):
        assert not send(Target("1", url), "title", "body", "info")
    assert "secret" not in caplog.text


def test_metrics_are_a_file_that_prometheus_reads(database: Database, settings: Settings) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    measure_run(database, "run", seconds=12.5)
    measure_store(database, "run", 123, 0.5)
    look(database, settings, TOO_LATE)
    families = {family.name: family for family in text_string_to_metric_families(metrics_file(settings).read_text())}

    def value(name: str, **labels: str) -> float:
        return next(sample.value for sample in families[name].samples if sample.labels == labels)

    assert value("quarterdeck_step_seconds", domain="clean", step="step") == 12.5
    assert value("quarterdeck_stored_bytes", domain="clean", zone="raw") == 123
    assert value("quarterdeck_alerts_open", domain="clean", kind="freshness", severity="critical") == 1
    assert value("quarterdeck_stage_status", domain="clean", quarter=str(NEWEST), stage="etl", status="succeeded") == 1
    assert [path.name for path in metrics_file(settings).parent.iterdir()] == ["quarterdeck.prom"]
