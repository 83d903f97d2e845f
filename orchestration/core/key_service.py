"""Keys that stay in a key service: the transit engine of HashiCorp Vault, and of OpenBao, which speaks the same protocol.

Only data keys go there to be wrapped and unwrapped. A version of the service's key is a key of its own here: `NAME:v3`.
Protocol: https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

import base64
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from orchestration.core.encryption import KeyRefusedError
from orchestration.core.errors import QuarterdeckError, TransientError
from orchestration.core.keys import Key, KeyState

try:
    import hvac
    import requests
except ImportError:
    raise QuarterdeckError("The key service needs a library more: pip install 'quarterdeck[vault]'.") from None

TIMEOUT_SECONDS = 10


class VaultTransit:
    """The versions of one transit key, given by its URL `https://HOST/v1/MOUNT/keys/NAME`."""

    def __init__(self, url: str, token: SecretStr | None) -> None:
        self.place = f"key service {url}"
        self._url = url
        if token is None:
            raise QuarterdeckError(f"The key service {url} asks for a token. Set VAULT_TOKEN.")
        parts = urlsplit(url)
        self._mount, _, self._name = parts.path.removeprefix("/v1/").rpartition("/keys/")
        client = hvac.Client(
            url=f"{parts.scheme}://{parts.netloc}", token=token.get_secret_value(), timeout=TIMEOUT_SECONDS
        )
        self._transit = client.secrets.transit

    def known(self) -> list[Key]:
        """The key's versions, oldest first."""
        found = self._ask(self._transit.read_key)["data"]
        oldest, latest = int(found["min_decryption_version"]), int(found["latest_version"])
        return [
            Key(self._id_of(version), self._state(version, oldest, latest), self.place)
            for version in range(1, latest + 1)
        ]

    def current(self) -> str:
        """The newest version."""
        return self._id_of(int(self._ask(self._transit.read_key)["data"]["latest_version"]))

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key as the service wrapped it."""
        plain = base64.b64encode(data_key).decode()
        answer = self._ask(self._transit.encrypt_data, plaintext=plain, key_version=self._version_of(key_id))
        return str(answer["data"]["ciphertext"])

    def unwrap(self, wrapped: str, key_id: str) -> bytes:  # noqa: ARG002
        """The data key."""
        answer = self._ask(self._transit.decrypt_data, ciphertext=wrapped)
        return base64.b64decode(answer["data"]["plaintext"])

    def add(self) -> None:
        """Have the service make a new version."""
        self._ask(self._transit.rotate_key)

    def revoke(self, key_id: str) -> None:
        """Have the service open nothing older than the version after this one."""
        older = [key.key_id for key in self.known() if key.state is not KeyState.REVOKED]
        if older[0] != key_id:
            raise QuarterdeckError(f"The key service revokes the versions of a key in order. Revoke {older[0]} first.")
        self._ask(self._transit.update_key_configuration, min_decryption_version=self._version_of(key_id) + 1)

    def _id_of(self, version: int) -> str:
        return f"{self._name}:v{version}"

    @staticmethod
    def _version_of(key_id: str) -> int:
        return int(key_id.rpartition(":v")[2])

    @staticmethod
    def _state(version: int, oldest: int, latest: int) -> KeyState:
        if version < oldest:
            return KeyState.REVOKED
        return KeyState.CURRENT if version == latest else KeyState.OLD

    def _ask(self, method: Any, **arguments: object) -> Any:
        """Call the service; its failures as sentences, in which neither the token nor a data key is repeated."""
        try:
            return method(self._name, mount_point=self._mount, **arguments)
        except hvac.exceptions.InvalidRequest:
            raise KeyRefusedError(
                f"the key service {self._url} does not open it: the file is of another key of that name, or damaged. "
                "Mend QUARTERDECK_LANDING_KEY_SERVICE, or load the file again."
            ) from None
        except (hvac.exceptions.Forbidden, hvac.exceptions.Unauthorized):
            raise QuarterdeckError(
                f"The key service {self._url} refuses the token. Check VAULT_TOKEN and its policy (see docs/security.md)."
            ) from None
        except hvac.exceptions.InvalidPath:
            raise QuarterdeckError(
                f"The key service has no key {self._url}. Check the address, or make the key there."
            ) from None
        except (hvac.exceptions.VaultError, requests.RequestException) as error:
            raise TransientError(
                f"The key service {self._url} does not answer ({type(error).__name__}). Run again when it does."
            ) from None
