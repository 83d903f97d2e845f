"""The platform's keys for received files: what is known of each, and which one of them wraps and unwraps.

What does not belong here: where keys come from (`key_places.py`), how a file is encrypted (`encryption.py`), which files need
a key (`key_rotation.py`).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from orchestration.core.encryption import KeyRefusedError
from orchestration.core.errors import QuarterdeckError


class KeyState(StrEnum):
    """Current: new files are encrypted under it. Old: it only opens. Revoked: it opens nothing any more."""

    CURRENT = "current"
    OLD = "old"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Key:
    """What may be said of a key: never the key itself. `place` is where it comes from, for people."""

    key_id: str
    state: KeyState
    place: str
    made_at: str = ""


class KeyRing(Protocol):
    """Keys of one place, which is named for people. Every method raises QuarterdeckError where that place fails."""

    place: str

    def known(self) -> list[Key]:
        """All keys, oldest first; none where there is none yet."""

    def current(self) -> str:
        """Id of the current key, which is made where there is none yet and the place may make one by itself."""

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key, encrypted under this key, as text."""

    def unwrap(self, wrapped: str, key_id: str) -> bytes:
        """The data key; raises KeyRefusedError where this key does not open it."""

    def add(self) -> None:
        """Make a new key, which is the current one from now on; nothing where keys are not made here."""

    def revoke(self, key_id: str) -> None:
        """Let this old key open nothing any more."""


class Keys:
    """All keys of an installation: new files are encrypted under the first place's current key, every place's keys open."""

    def __init__(self, rings: list[KeyRing]) -> None:
        self._rings = rings

    def known(self) -> list[Key]:
        """All keys of all places; exactly one is current."""
        first, *others = [ring.known() for ring in self._rings]
        return first + [
            replace(key, state=KeyState.OLD) if key.state is KeyState.CURRENT else key
            for ring in others
            for key in ring
        ]

    def current(self) -> str:
        """Id of the key that new files are encrypted under."""
        return self._rings[0].current()

    def wrap(self, data_key: bytes, key_id: str) -> str:
        """The data key, encrypted under this key, as text."""
        return self._ring_of(key_id).wrap(data_key, key_id)

    def unwrap(self, wrapped: str, key_id: str) -> bytes:
        """The data key.

        Raises:
            KeyRefusedError: there is no such key, it was revoked, or it is another one than the file's.
        """
        return self._ring_of(key_id).unwrap(wrapped, key_id)

    def add(self) -> None:
        """Make a new current key, where the first place can."""
        self._rings[0].add()

    def revoke(self, key_id: str) -> None:
        """Let this key open nothing any more.

        Raises:
            QuarterdeckError: there is no such key, it is the current one, or its place leaves revoking to people.
        """
        found = next((key for key in self.known() if key.key_id == key_id), None)
        if found is None:
            raise QuarterdeckError(f"There is no key {key_id}. `quarterdeck keys list` shows them all.")
        if found.state is KeyState.CURRENT:
            raise QuarterdeckError(f"{key_id} is the current key. Run `quarterdeck keys rotate` first.")
        if found.state is KeyState.OLD:
            self._ring_of(key_id).revoke(key_id)

    def _ring_of(self, key_id: str) -> KeyRing:
        for ring in self._rings:
            for key in ring.known():
                if key.key_id == key_id:
                    if key.state is KeyState.REVOKED:
                        raise KeyRefusedError(
                            f"its key {key_id} was revoked ({key.place}). Load the file again from where it came from."
                        )
                    return ring
        places = ", ".join(ring.place for ring in self._rings)
        raise KeyRefusedError(
            f"its key {key_id} is not among the keys here ({places}). Put that key back, or load the file again."
        )
