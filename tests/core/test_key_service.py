"""Keys that stay in a key service, through the library that speaks Vault's protocol."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.core.encryption import UnreadableFileError
from orchestration.core.errors import QuarterdeckError, TransientError
from orchestration.core.key_places import open_keys
from orchestration.core.key_rotation import key_use, revoke, rotate
from orchestration.core.keys import KeyState
from orchestration.core.landing_storage import open_landing
from orchestration.core.settings import Settings, get_settings
from tests.core.vault_server import VaultServer, running_vault

CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = f"domain/received/{SHA256}"


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with running_vault() as server:
        yield server


@pytest.fixture
def settings(vault: VaultServer, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", landing_key_service=vault.url, VAULT_TOKEN=vault.token)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "results.csv"
    path.write_bytes(CONTENT)
    return path


def content(settings: Settings) -> bytes:
    with open_landing(settings).local_copy(KEY, sha256=SHA256) as path:
        return path.read_bytes()


def test_rotation_and_revocation_are_the_services(settings: Settings, vault: VaultServer, source: Path) -> None:
    landing, keys = open_landing(settings), open_keys(settings)
    landing.put(KEY, source, SHA256)
    assert landing.wrapping_key_id(KEY) == "quarterdeck:v1"
    assert content(settings) == CONTENT
    old = Path(landing.location(KEY)).read_bytes()
    assert rotate(landing, keys, lambda *_: None).key_id == "quarterdeck:v2"
    assert key_use(landing).by_key == {"quarterdeck:v2": [KEY]}
    rotate(landing, keys, lambda *_: None)
    with pytest.raises(QuarterdeckError, match="Revoke quarterdeck:v1 first"):
        revoke(landing, keys, "quarterdeck:v2", force=False)
    revoke(landing, keys, "quarterdeck:v1", force=False)
    revoke(landing, keys, "quarterdeck:v2", force=False)
    assert [key.state for key in keys.known()] == [KeyState.REVOKED, KeyState.REVOKED, KeyState.CURRENT]
    assert content(settings) == CONTENT
    assert vault.oldest == 3
    # A copy of the file that somebody kept from before the rotation:
    stored = Path(landing.location(KEY))
    stored.chmod(0o640)
    stored.write_bytes(old)
    with pytest.raises(UnreadableFileError, match="its key quarterdeck:v1 was revoked"):
        content(settings)
    assert not (settings.home / "keys").exists()


def test_the_service_sees_no_content_and_no_file_sees_its_key(
    settings: Settings, vault: VaultServer, source: Path
) -> None:
    open_landing(settings).put(KEY, source, SHA256)
    assert {line.rpartition("/transit/")[2] for line in vault.seen} <= {
        "keys/quarterdeck",
        "encrypt/quarterdeck",
        "decrypt/quarterdeck",
    }
    stored = Path(open_landing(settings).location(KEY)).read_bytes()
    assert vault.versions[0] not in stored
    assert CONTENT not in stored


def test_a_key_of_the_same_name_elsewhere_does_not_open_it(
    settings: Settings, vault: VaultServer, source: Path
) -> None:
    open_landing(settings).put(KEY, source, SHA256)
    vault.versions[0] = bytes(32)
    with pytest.raises(UnreadableFileError, match="does not open it"):
        content(settings)


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"VAULT_TOKEN": "hvs.wrong"}, QuarterdeckError, "refuses the token"),
        ({"VAULT_TOKEN": None}, QuarterdeckError, "Set VAULT_TOKEN"),
        ({"landing_key_service": "http://127.0.0.1:1/v1/transit/keys/quarterdeck"}, TransientError, "does not answer"),
        ({"name": "unknown"}, QuarterdeckError, "has no key"),
    ],
    ids=["wrong token", "no token", "nothing listens", "no such key"],
)
def test_a_failure_is_one_sentence_without_the_token(
    vault: VaultServer, tmp_path: Path, source: Path, changes: dict[str, str], kind: type, sentence: str
) -> None:
    if name := changes.pop("name", None):
        changes = {"landing_key_service": vault.url.replace("quarterdeck", name)}
    values = {"landing_key_service": vault.url, "VAULT_TOKEN": vault.token, **changes}
    settings = Settings(home=tmp_path / "home", **values)
    with pytest.raises(kind, match=sentence) as caught:
        open_landing(settings).put(KEY, source, SHA256)
    assert "hvs." not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not (settings.home / "landing").exists()


@pytest.mark.parametrize(
    "url", ["vault", "http://vault.example.org/v1/transit/keys/a", "https://user:hvs.x@vault/v1/transit/keys/a"]
)
def test_an_address_that_would_show_the_token_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("QUARTERDECK_LANDING_KEY_SERVICE", url)
    get_settings.cache_clear()
    with pytest.raises(QuarterdeckError, match="QUARTERDECK_LANDING_KEY_SERVICE") as caught:
        get_settings()
    assert "hvs." not in str(caught.value)


def test_who_uses_no_service_does_not_load_its_library(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from orchestration.core.landing_storage import open_landing; "
        "from orchestration.core.settings import Settings; open_landing(Settings(home=Path(sys.argv[1]))).find('x'); "
        "assert 'hvac' not in sys.modules and 'requests' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
