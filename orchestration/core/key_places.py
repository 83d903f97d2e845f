"""Where keys come from: the environment or a key file, and which of these and the key service an installation uses."""

import base64
import binascii
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from filelock import FileLock

from orchestration.core.encryption import KeyRefusedError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.keys import Key, KeyRing, Keys, KeyState
from orchestration.core.settings import Mode, Settings

KEY_BYTES = 32
VARIABLE = "QUARTERDECK_LANDING_KEYS"


class KeysInEnvironment:
    """Keys of the variable `QUARTERDECK_LANDING_KEYS`: `ID:BASE64` of 32 bytes each, by commas, the current one first."""

    def __init__(self, text: str) -> None:
        self.place = VARIABLE
        self._keys: dict[str, bytes] = {}
        for position, part in enumerate(text.split(","), start=1):
            key_id, _, encoded = part.strip().partition(":")
            key = _decoded(encoded)
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", key_id) or key is None or key_id in self._keys:
                raise QuarterdeckError(
                    f"{VARIABLE}: entry {position} is not ID:KEY with an id of its own and the base64 text of "
                    f"{KEY_BYTES} bytes, as from `openssl rand -base64 {KEY_BYTES}`. Mend it in the environment or in .env."
                )
            self._keys[key_id] = key

    def known(self) -> list[Key]:
        """The variable's keys, from its last to its first."""
        current = self.current()
        return [
            Key(key_id, KeyState.CURRENT if key_id == current else KeyState.OLD, self.place)
            for key_id in reversed(self._keys)
        ]

    def current(self) -> str:
        """The variable's first key."""
        return next(iter(self._keys))

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key by AES Key Wrap (RFC 3394), in base64."""
        return _wrapped(self._keys[key_id], data_key)

    def unwrap(self, wrapped: str, key_id: str) -> bytes:
        """The data key by AES Key Wrap."""
        return _unwrapped(self._keys[key_id], wrapped, key_id)

    def add(self) -> None:
        """Nothing: a person puts the new key before the others."""

    def revoke(self, key_id: str) -> None:
        """A person's to do."""
        raise QuarterdeckError(
            f"{key_id} comes from {VARIABLE}, which Quarterdeck cannot change. No file needs it: take it out there."
        )


class KeyFile:
    """A JSON file with the keys, readable for its owner only; it is made on first use where `makes_itself`.

    Revoking forgets the key and keeps its id.
    """

    def __init__(self, path: Path, *, makes_itself: bool) -> None:
        self.place = f"key file {path}"
        self._path = path
        self._makes_itself = makes_itself

    def known(self) -> list[Key]:
        """The file's keys, oldest first."""
        content = self._read()
        return [
            Key(key_id, self._state(content, key_id), self.place, entry["made_at"])
            for key_id, entry in content["keys"].items()
        ]

    def current(self) -> str:
        """The current key; makes the file with its first key where there is none, if it may."""
        if not self._path.exists():
            if not self._makes_itself:
                raise self._unusable("does not exist")
            with self._changing():
                if not self._path.exists():
                    self._write(_with_new_key(self._read()))
        return str(self._read()["current"])

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key by AES Key Wrap (RFC 3394), in base64."""
        return _wrapped(self._key(key_id), data_key)

    def unwrap(self, wrapped: str, key_id: str) -> bytes:
        """The data key by AES Key Wrap."""
        return _unwrapped(self._key(key_id), wrapped, key_id)

    def add(self) -> None:
        """Make a new current key; makes the file too."""
        with self._changing():
            self._write(_with_new_key(self._read()))

    def revoke(self, key_id: str) -> None:
        """Forget the key."""
        with self._changing():
            content = self._read()
            entry = content["keys"][key_id]
            content["keys"][key_id] = {"made_at": entry["made_at"], "revoked_at": _now()}
            self._write(content)

    def _key(self, key_id: str) -> bytes:
        entry = self._read()["keys"].get(key_id, {})
        if "key" not in entry:
            raise KeyRefusedError(f"its key {key_id} was revoked just now.")
        key = _decoded(entry["key"])
        if key is None:
            raise self._unusable("holds something else than keys")
        return key

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {"keys": {}}
        try:
            content: dict[str, Any] = json.loads(self._path.read_text())
            self._state(content, content["current"])
            for entry in content["keys"].values():
                entry["made_at"]
        except OSError as error:
            raise self._unusable(f"cannot be read ({error.strerror})") from None
        except (ValueError, TypeError, KeyError):
            raise self._unusable("holds something else than keys") from None
        return content

    @staticmethod
    def _state(content: dict[str, Any], key_id: str) -> KeyState:
        if "key" not in content["keys"][key_id]:
            return KeyState.REVOKED
        return KeyState.CURRENT if key_id == content["current"] else KeyState.OLD

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Take turns with other processes that change the file."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self._path.with_name(f".{self._path.name}.lock")):
                yield
        except OSError as error:
            raise QuarterdeckError(
                f"The key file {self._path} cannot be written ({error.strerror}). Check the folder and its rights."
            ) from None

    def _write(self, content: dict[str, Any]) -> None:
        """Replace the file in one rename, after it is on the disk: a key must outlive what is encrypted under it."""
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")  # mode 0600
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "w") as stream:
                json.dump(content, stream, indent=1)
                stream.flush()
                os.fsync(descriptor)
            partial.replace(self._path)
        finally:
            partial.unlink(missing_ok=True)

    def _unusable(self, what: str) -> QuarterdeckError:
        return QuarterdeckError(
            f"The key file {self._path} {what}. Put it back from its backup; where there was none yet, "
            "`quarterdeck keys rotate` makes one."
        )


def open_keys(settings: Settings) -> Keys:
    """The installation's keys. Several places may be set: the first of service, environment and file encrypts, all open.

    Raises:
        QuarterdeckError: a setting is wrong, or the key service fails.
    """
    rings: list[KeyRing] = []
    if settings.landing_key_service is not None:
        # Imported where it is needed: nobody else should pay for the library.
        from orchestration.core.key_service import VaultTransit

        rings.append(VaultTransit(settings.landing_key_service, settings.vault_token))
    if settings.landing_keys is not None:
        rings.append(KeysInEnvironment(settings.landing_keys.get_secret_value()))
    path = settings.landing_key_file or settings.home / "keys" / "landing.json"
    if not rings or path.exists():
        # A file that somebody named and a production's file are not made by the way: they are to be kept with care.
        by_itself = settings.landing_key_file is None and settings.mode is not Mode.PRODUCTION
        rings.append(KeyFile(path, makes_itself=by_itself))
    return Keys(rings)


def _wrapped(key: bytes, data_key: bytes) -> str:
    return base64.b64encode(aes_key_wrap(key, data_key)).decode()


def _unwrapped(key: bytes, wrapped: str, key_id: str) -> bytes:
    try:
        return aes_key_unwrap(key, base64.b64decode(wrapped, validate=True))
    except (InvalidUnwrap, binascii.Error):
        raise KeyRefusedError(
            f"the key {key_id} here is another one than it was encrypted under, or the file is damaged. "
            "Put the right key back, or load the file again."
        ) from None


def _decoded(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def _with_new_key(content: dict[str, Any]) -> dict[str, Any]:
    made_at = _now()
    key_id = f"{made_at[:10]}-{secrets.token_hex(4)}"
    entry = {"made_at": made_at, "key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}
    return {"current": key_id, "keys": {**content["keys"], key_id: entry}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
