"""The audit table: an entry for each access through the command, in a chain of hashes (`audit.sql`).

An entry says who did what, as which role, how many rows were given out and how it ended. Nobody can change one afterwards;
`broken_entries` finds what somebody with the owner's rights changed nevertheless.
"""

import getpass
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestration.core.postgres import Database, last_opened
from orchestration.core.roles import Role

# Passwords in URLs, and what is given to a name that sounds like a secret.
_SECRETS = re.compile(r"(?<=://)[^/@\s]+(?=@)|(?<=\bpassword=)\S+|(?i:(?<=key=)|(?<=token=)|(?<=secret=))\S+")


def without_secrets(text: str) -> str:
    """The text with logins of URLs and values of secrets replaced by stars."""
    return _SECRETS.sub("***", text)


@dataclass
class Access:
    """One use of the command. `role` and `rows` are filled in by those who know; `record` writes it once."""

    command: str
    arguments: Sequence[str]
    role: str = "login"
    rows: int | None = None
    is_recorded: bool = field(default=False, init=False)

    def record(self, outcome: str) -> None:
        """Append this access to the audit table of the database that the process opened; nothing where it opened none."""
        database = last_opened()
        if database is None or self.is_recorded:
            return
        with database.connect() as connection:
            # A whole reset takes the platform's schema away, audit table and all.
            if connection.execute("select to_regclass('platform.audit_log')").fetchone() == (None,):
                return
            connection.execute(
                "select platform.record_access(%s, %s, %s, %s, %s, %s, %s)",
                (
                    getpass.getuser(),
                    socket.gethostname(),
                    self.role,
                    self.command,
                    [without_secrets(argument) for argument in self.arguments],
                    self.rows,
                    without_secrets(outcome),
                ),
            )
        self.is_recorded = True


@dataclass(frozen=True)
class Entry:
    """One entry of the audit table."""

    entry_number: int
    recorded_at: datetime
    os_user: str
    host: str
    role: str
    command: str
    arguments: list[str]
    row_count: int | None
    outcome: str
    entry_hash: str


def latest_entries(database: Database, limit: int) -> list[Entry]:
    """The last entries, newest first."""
    with database.as_role(Role.AUDITOR).connect() as connection:
        rows = connection.execute(
            """
            select entry_number, recorded_at, os_user, host, role, command, arguments, row_count, outcome, entry_hash
            from platform.audit_log order by entry_number desc limit %s
            """,
            (limit,),
        ).fetchall()
    return [Entry(*row) for row in rows]


def broken_entries(database: Database) -> list[int]:
    """Numbers of the entries that were changed, or before which an entry is missing; a missing end shows no trace."""
    with database.as_role(Role.AUDITOR).connect() as connection:
        rows = connection.execute(
            """
            select entry_number
            from (
                select
                    entry_number, previous_hash, entry_hash, platform.audit_hash(audit_log) as hash_of_content,
                    lag(entry_number, 1, 0::bigint) over in_order as number_before,
                    lag(entry_hash, 1, '') over in_order as hash_before
                from platform.audit_log
                window in_order as (order by entry_number)
            ) as entries
            where
                entry_hash <> hash_of_content or previous_hash <> hash_before or entry_number <> number_before + 1
            order by entry_number
            """
        ).fetchall()
    return [row[0] for row in rows]
