"""Which received files are under which key; moving all to the current key, and revoking keys that none needs.

Nothing is remembered between two steps of it: what is left to do is read from the files themselves, so that it can be killed
at any moment and run again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.core.encryption import UnreadableFileError
from orchestration.core.errors import QuarterdeckError
from orchestration.core.keys import Keys, KeyState
from orchestration.core.landing import received_files
from orchestration.core.landing_storage import EncryptedStorage


@dataclass(frozen=True)
class KeyUse:
    """The storage keys of received files by the id of the key that they are under; None: plain, received before encryption.

    `damaged` are those that do not even say it.
    """

    by_key: dict[str | None, list[str]]
    damaged: list[str]


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: files moved to `key_id`, which is new or was left unfinished, and sentences on those it could not."""

    key_id: str
    is_new: bool
    moved: int
    problems: list[str]


def key_use(landing: EncryptedStorage) -> KeyUse:
    """Read from each received file which key it is under."""
    by_key: dict[str | None, list[str]] = {}
    damaged = []
    for file in received_files(landing):
        try:
            by_key.setdefault(landing.wrapping_key_id(file.key), []).append(file.key)
        except UnreadableFileError:
            damaged.append(file.key)
    return KeyUse(by_key, damaged)


def rotate(landing: EncryptedStorage, keys: Keys, report: Callable[[int, int], None]) -> Rotation:
    """Make a new key the current one, and encrypt all received files under it.

    Where files are still under an older key that opens, a rotation was cut off: that one is finished, without a new key.
    Files are replaced one by one; old keys go on opening until they are revoked. `report` is called with the numbers of
    files done and to do.

    Raises:
        QuarterdeckError: a key's place or the storage fails; run it again then.
    """
    use = key_use(landing)
    unfinished = any(key.state is KeyState.OLD and use.by_key.get(key.key_id) for key in keys.known())
    if not unfinished:
        keys.add()
    current = keys.current()
    # Plain files first: a file that is still under an old key is what tells the next run that this one was cut off.
    old = [key for key_id, files in use.by_key.items() if key_id not in (None, current) for key in files]
    waiting = use.by_key.get(None, []) + old
    problems, moved = [], 0
    for done, key in enumerate(waiting, start=1):
        try:
            landing.encrypt_again(key, sha256=key.rpartition("/")[2])
            moved += 1
        except UnreadableFileError as error:
            problems.append(str(error))
        report(done, len(waiting))
    problems += [f"{landing.location(key)} is damaged." for key in use.damaged]
    return Rotation(current, not unfinished, moved, problems)


def revoke(landing: EncryptedStorage, keys: Keys, key_id: str, *, force: bool) -> int:
    """Let a key open nothing any more; returns the number of received files that are lost by it.

    Raises:
        QuarterdeckError: received files are still under it and `force` is not given, or the key cannot be revoked.
    """
    needed = len(key_use(landing).by_key.get(key_id, []))
    if needed and not force:
        raise QuarterdeckError(
            f"{key_id} is still needed by {needed} received file{'s'[: needed != 1]}. Run `quarterdeck keys rotate` first, "
            "or lose them with --force."
        )
    keys.revoke(key_id)
    return needed
