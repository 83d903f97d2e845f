"""Pseudonyms: HMAC-SHA256 with a key that is nowhere in the database, and always the same key."""

import hashlib
import hmac
import stat
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.pseudonyms import Pseudonyms, open_pseudonyms, pseudonymised
from orchestration.core.settings import Settings


def test_a_pseudonym_is_the_hmac_of_the_standard() -> None:
    """RFC 4231, test case 2, cut to 128 bits as RFC 2104 allows."""
    assert Pseudonyms(b"Jefe").of("what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.lists(st.none() | st.text(), max_size=20))
def test_a_column_has_the_pseudonym_of_each_id_and_keeps_nulls(key: bytes, ids: list[str | None]) -> None:
    expected = [None if text is None else hmac.digest(key, text.encode(), hashlib.sha256).hex()[:32] for text in ids]
    assert Pseudonyms(key).column(pa.array(ids, pa.string())).to_pylist() == expected


def test_the_key_is_made_once_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    forget_key(database)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(open_pseudonyms(settings, database).key_id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 8
    key = settings.pseudonym_key_path
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [key.name]
    with database.connect() as connection:
        assert connection.execute("select key_id from platform.pseudonym_keys").fetchall() == [(made[0],)]
    assert key.read_text().strip() not in made


def test_another_key_is_refused(database: Database, tmp_path: Path) -> None:
    forget_key(database)
    open_pseudonyms(Settings(home=tmp_path, pseudonym_key=SecretStr("a" * 32)), database)
    with pytest.raises(QuarterdeckError, match="not the one that this database's students were") as raised:
        open_pseudonyms(Settings(home=tmp_path, pseudonym_key=SecretStr("b" * 32)), database)
    assert "b" * 32 not in str(raised.value)


@pytest.mark.parametrize("content", ["", "too short"])
def test_a_short_key_is_refused(database: Database, tmp_path: Path, content: str) -> None:
    key = tmp_path / "key"
    key.write_text(content)
    with pytest.raises(QuarterdeckError, match="less than 32 characters"):
        open_pseudonyms(Settings(home=tmp_path, pseudonym_key_file=key), database)


def test_a_key_file_that_was_named_is_never_made(database: Database, tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match="cannot be read"):
        open_pseudonyms(Settings(home=tmp_path, pseudonym_key_file=tmp_path / "missing"), database)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_ids_needs_no_key(database: Database, tmp_path: Path) -> None:
    block = pa.table({"line": [1, 2], "id": pa.nulls(2, pa.string())})
    assert list(pseudonymised([block], "id", Settings(home=tmp_path), database)) == [block]
    assert list(tmp_path.iterdir()) == []


def forget_key(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("delete from platform.pseudonym_keys")
