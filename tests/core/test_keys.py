"""Where keys come from, and what becomes of them."""

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.core.encryption import KeyRefusedError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.key_places import KeyFile, open_keys
from orchestration.core.keys import KeyState
from orchestration.core.settings import Mode, Settings
from tests.core.keys import new_key

DATA_KEY = bytes(range(32))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def states(settings: Settings) -> list[KeyState]:
    return [key.state for key in open_keys(settings).known()]


def test_a_key_file_is_made_on_first_use_for_its_owner_only(settings: Settings) -> None:
    keys = open_keys(settings)
    assert keys.known() == []
    assert not (settings.home / "keys").exists()
    current = keys.current()
    path = settings.home / "keys" / "landing.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert open_keys(settings).current() == current
    assert open_keys(settings).unwrap(keys.wrap(DATA_KEY, current), current) == DATA_KEY


def test_many_that_start_at_once_share_one_key(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: open_keys(settings).current(), range(16)))) == 1
    program = (
        "import sys; from pathlib import Path; from orchestration.core.settings import Settings; "
        "from orchestration.core.keys import open_keys; print(open_keys(Settings(home=Path(sys.argv[1]))).current())"
    )
    other = settings.home.parent / "other"
    processes = [
        subprocess.Popen([sys.executable, "-c", program, other], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_a_key_is_named_and_never_shown(settings: Settings) -> None:
    keys = open_keys(settings)
    keys.current()
    content = json.loads((settings.home / "keys" / "landing.json").read_text())
    (key,) = [entry["key"] for entry in content["keys"].values()]
    assert len(base64.b64decode(key)) == 32
    assert key not in repr(keys.known())
    secret = new_key()
    assert secret not in repr(Settings(landing_keys=f"a:{secret}", VAULT_TOKEN=secret))


def test_an_old_key_opens_until_it_is_revoked_and_is_forgotten_then(settings: Settings) -> None:
    keys = open_keys(settings)
    first = keys.current()
    wrapped = keys.wrap(DATA_KEY, first)
    with pytest.raises(QuarterdeckError, match="is the current key"):
        keys.revoke(first)
    keys.add()
    assert states(settings) == [KeyState.OLD, KeyState.CURRENT]
    assert keys.current() != first
    assert keys.unwrap(wrapped, first) == DATA_KEY
    path = settings.home / "keys" / "landing.json"
    material = json.loads(path.read_text())["keys"][first]["key"]
    keys.revoke(first)
    keys.revoke(first)
    assert states(settings) == [KeyState.REVOKED, KeyState.CURRENT]
    assert material not in path.read_text()
    with pytest.raises(KeyRefusedError, match=f"its key {first} was revoked"):
        keys.unwrap(wrapped, first)
    with pytest.raises(QuarterdeckError, match="There is no key unknown"):
        keys.revoke("unknown")


@pytest.mark.parametrize("kind", ["production", "named"])
def test_a_file_that_must_be_kept_with_care_is_not_made_by_the_way(settings: Settings, kind: str) -> None:
    if kind == "production":
        settings = Settings(home=settings.home, mode=Mode.PRODUCTION)
    else:
        settings = Settings(home=settings.home, landing_key_file=settings.home / "elsewhere.json")
    with pytest.raises(QuarterdeckError, match="does not exist"):
        open_keys(settings).current()
    assert not settings.home.exists()
    open_keys(settings).add()
    assert open_keys(settings).current()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": {}}', '{"current": "a", "keys": {"a": 1}}'])
def test_a_key_file_that_is_none_is_said_and_not_repeated(settings: Settings, content: str) -> None:
    path = settings.home / "keys" / "landing.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(QuarterdeckError, match="holds something else than keys"):
        open_keys(settings).current()
    assert path.read_text() == content


def test_the_first_key_of_the_variable_encrypts_and_all_open(settings: Settings) -> None:
    old, new = new_key(), new_key()
    before = open_keys(Settings(home=settings.home, landing_keys=f"2025:{old}"))
    wrapped = before.wrap(DATA_KEY, before.current())
    keys = open_keys(Settings(home=settings.home, landing_keys=f" 2026:{new}, 2025:{old}\n"))
    assert keys.current() == "2026"
    assert [(key.key_id, key.state) for key in keys.known()] == [("2025", KeyState.OLD), ("2026", KeyState.CURRENT)]
    assert keys.unwrap(wrapped, "2025") == DATA_KEY
    with pytest.raises(QuarterdeckError, match="take it out there"):
        keys.revoke("2025")
    assert not settings.home.exists()


@pytest.mark.parametrize(
    "text", ["SECRET", ":SECRET", "id:", "id:SECRETtooshort", "a:KEY,a:KEY", "a:KEY,", "a b:KEY", "a:KEYx"]
)
def test_a_wrong_variable_is_said_by_its_entry_and_no_key_is_repeated(settings: Settings, text: str) -> None:
    key = new_key()
    with pytest.raises(QuarterdeckError, match=r"QUARTERDECK_LANDING_KEYS: entry \d is not ID:KEY") as caught:
        open_keys(Settings(home=settings.home, landing_keys=text.replace("KEY", key)))
    assert "SECRET" not in str(caught.value)
    assert key not in str(caught.value)


def test_moving_from_the_file_to_the_variable_leaves_the_files_keys_open(settings: Settings) -> None:
    file = open_keys(settings)
    first = file.current()
    wrapped = file.wrap(DATA_KEY, first)
    moved = open_keys(Settings(home=settings.home, landing_keys=f"2026:{new_key()}"))
    assert moved.current() == "2026"
    assert {key.key_id: key.state for key in moved.known()} == {"2026": KeyState.CURRENT, first: KeyState.OLD}
    assert moved.unwrap(wrapped, first) == DATA_KEY
    moved.add()
    assert moved.current() == "2026"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QuarterdeckError, match="cannot be written"):
        KeyFile(tmp_path / "file" / "keys.json", makes_itself=True).add()
