"""The landing zone keeps every file as it came."""

from pathlib import Path

import pytest

from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import assign, assigned_file, land, sample_quarters
from orchestration.core.landing_storage import open_landing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings
from orchestration.core.storage import sha256_of

Q1, Q2 = Quarter(2026, 1), Quarter(2026, 2)


def test_a_file_is_kept_by_its_hash_and_recognised_again(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n")
    with database.connect() as connection:
        landing = open_landing(Settings(home=tmp_path / "home"))
        first = land(connection, landing, "landing_test", path, "file")
        again = land(connection, landing, "landing_test", path, "file", name="other name.csv")
    assert (first.is_new, again.is_new) == (True, False)
    assert first.source_file_id == again.source_file_id == sha256_of(path)[:16]
    with first.local_copy() as kept:
        assert kept.read_bytes() == path.read_bytes()
        assert list(kept.parent.iterdir()) == [kept]
    stored = Path(landing.location(first.key))
    stored.chmod(0o640)
    stored.write_text("cut")
    with database.connect() as connection:
        mended = land(connection, landing, "landing_test", path, "file")
    with mended.local_copy() as kept:
        assert kept.read_bytes() == path.read_bytes()


def test_a_quarter_is_made_of_its_last_file_and_shared_files_are_named(database: Database, tmp_path: Path) -> None:
    landed, landing = [], open_landing(Settings(home=tmp_path / "home"))
    with database.connect() as connection:
        for text in ("x", "y"):
            path = tmp_path / f"{text}.csv"
            path.write_text(text)
            landed.append(land(connection, landing, "assign_test", path, "file"))
        assert assign(connection, "assign_test", Q1, landed[0].source_file_id) == []
        assert assign(connection, "assign_test", Q1, landed[1].source_file_id) == []
        assert assign(connection, "assign_test", Q2, landed[1].source_file_id) == ["2026Q1"]
        assert assigned_file(connection, landing, "assign_test", Q1).name == "y.csv"


def test_a_missing_or_changed_file_is_said(database: Database, tmp_path: Path) -> None:
    landing = open_landing(Settings(home=tmp_path / "home"))
    with database.connect() as connection:
        with pytest.raises(QuarterdeckError, match="No file was received for 2026Q1"):
            assigned_file(connection, landing, "gone_test", Q1)
        path = tmp_path / "z.csv"
        path.write_text("z")
        landed = land(connection, landing, "gone_test", path, "file")
        assign(connection, "gone_test", Q1, landed.source_file_id)
        Path(landing.location(landed.key)).unlink()
        with pytest.raises(QuarterdeckError, match="missing or was changed"):
            assigned_file(connection, landing, "gone_test", Q1)
    with pytest.raises(QuarterdeckError, match="cannot be read"):
        sha256_of(tmp_path / "nothing.csv")


def test_a_first_run_on_the_sample_is_the_first_until_it_is_published_or_a_real_file_came(
    database: Database, tmp_path: Path
) -> None:
    settings, landing = (
        Settings(home=tmp_path / "home", sample_quarters=2),
        open_landing(Settings(home=tmp_path / "home")),
    )

    def quarters(domain: str) -> list[str]:
        return [str(quarter) for quarter in sample_quarters(connection, settings, domain, Q2, 8)]

    with database.connect() as connection:
        for domain, source in (("killed_sample", "sample"), ("real_files", "file")):
            path = tmp_path / f"{domain}.csv"
            path.write_text(domain)
            landed = land(connection, landing, domain, path, source)
            assign(connection, domain, Q1, landed.source_file_id)
        assert quarters("nothing_came") == quarters("killed_sample") == ["2026Q1", "2026Q2"]
        assert quarters("real_files") == ["2026Q2"]
        connection.execute(
            """
            insert into platform.stage_status (domain, quarter, stage, status)
            values ('killed_sample', '2026Q1', 'publish', 'succeeded')
            """
        )
        assert quarters("killed_sample") == ["2026Q2"]
        connection.rollback()
