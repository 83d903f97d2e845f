"""Pseudonyms for people: HMAC-SHA256 (RFC 2104, FIPS 180-4) of an id, cut to 128 bits, with a key outside the database.

They are made while a file is loaded, so the database sees the key in no session, statement or log. One id has the same
pseudonym in every quarter and domain, so that marts can be joined by it; without the key nobody can tell the id, or try ids out.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings

# Of the key's text. A key of 32 random characters cannot be guessed, a pass phrase of ten can.
MINIMUM_LENGTH = 32
DIGITS = 32
# Of a pseudonym: they tell the students of an office apart on a screen.
SHORT = 8


class Pseudonyms:
    """Makes pseudonyms with one key; `key_id` tells keys apart and gives nothing of them away."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")
        self.key_id = self.of("quarterdeck pseudonym key")[:16]

    def __repr__(self) -> str:
        return f"Pseudonyms(key {self.key_id})"

    def of(self, identifier: str) -> str:
        """The pseudonym of one id: 32 hexadecimal digits."""
        keyed = self._keyed.copy()
        keyed.update(identifier.encode())
        return keyed.hexdigest()[:DIGITS]

    def column(self, identifiers: pa.Array | pa.ChunkedArray) -> pa.Array:
        """The pseudonyms of a column of texts; null stays null. Blanks around an id must be gone already."""
        texts = identifiers.to_pylist()
        return pa.array([None if text is None else self.of(text) for text in texts], pa.string())


def shortened(pseudonym: str) -> str:
    """The first digits of a pseudonym, with what a decision about identities put after it."""
    return pseudonym[:SHORT] + pseudonym[DIGITS:]


def open_pseudonyms(settings: Settings, database: Database) -> Pseudonyms:
    """The pseudonyms of this office; its key is made with the first use, where none is given.

    The key must be the one that this database's pseudonyms were made with: by another, a student would become somebody else
    from one quarter to the next. What is recorded of it is its id.

    Raises:
        QuarterdeckError: the key is too short, cannot be read, or is not the one used before.
    """
    pseudonyms = Pseudonyms(_key(settings))
    with database.connect() as connection:
        connection.execute(
            "insert into platform.pseudonym_keys (key_id, first_used_at) values (%s, now()) on conflict do nothing",
            (pseudonyms.key_id,),
        )
        known = connection.execute("select key_id from platform.pseudonym_keys").fetchone()
    if known != (pseudonyms.key_id,):
        raise QuarterdeckError(
            "The key for pseudonyms is not the one that this database's students were pseudonymised with, so nobody could be "
            f"followed from quarter to quarter. Restore the key ({_place(settings)}), or begin anew with `quarterdeck reset`."
        )
    return pseudonyms


def pseudonymised(
    blocks: Iterable[pa.Table], column: str, settings: Settings, database: Database
) -> Iterator[pa.Table]:
    """Stream the blocks with pseudonyms in place of the ids in `column`; a file without ids needs no key.

    Raises:
        QuarterdeckError: see `open_pseudonyms`.
    """
    pseudonyms = None
    for block in blocks:
        identifiers = block[column]
        if identifiers.null_count < len(identifiers):
            pseudonyms = pseudonyms or open_pseudonyms(settings, database)
            block = block.set_column(block.schema.get_field_index(column), column, pseudonyms.column(identifiers))
        yield block


def _place(settings: Settings) -> str:
    return "QUARTERDECK_PSEUDONYM_KEY" if settings.pseudonym_key is not None else str(settings.pseudonym_key_path)


def _key(settings: Settings) -> bytes:
    if settings.pseudonym_key is not None:
        return _long_enough(settings.pseudonym_key.get_secret_value(), settings)
    path = settings.pseudonym_key_path
    try:
        if settings.pseudonym_key_file is None and not path.exists():
            _make_key(path)
        return _long_enough(path.read_text().strip(), settings)
    except OSError as error:
        raise QuarterdeckError(f"The key for pseudonyms in {path} cannot be read: {error.strerror}.") from None


def _long_enough(key: str, settings: Settings) -> bytes:
    if len(key) < MINIMUM_LENGTH:
        raise QuarterdeckError(
            f"The key for pseudonyms ({_place(settings)}) has less than {MINIMUM_LENGTH} characters. "
            'Make one with: python -c "import secrets; print(secrets.token_hex(32))"'
        )
    return key.encode()


def _make_key(path: Path) -> None:
    """Write a new random key that only its owner can read; of several processes that try at once, one succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces a key that is there.
        Path(path).hardlink_to(name)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
