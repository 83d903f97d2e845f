"""The row account: every row read is trusted or quarantined, per quarter and file, or the run is red."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from orchestration.core.errors import QuarterdeckError
from orchestration.core.leases import writing
from orchestration.core.postgres import Database


@dataclass(frozen=True)
class RowAccount:
    """Rows of one quarter's file: `read`, `trusted`, `quarantined` with their number by reason, and `repeated` ones.

    `repeated` counts accepted rows that equal an earlier one in every column; they are kept, and only reported. Of how many lines a
    value was corrected is recorded beside the account, from `platform.corrections`.
    """

    domain: str
    quarter: str
    source_file_id: str
    read: int
    trusted: int
    quarantined_by_reason: dict[str, int]
    repeated: int = 0

    @property
    def quarantined(self) -> int:
        """Quarantined rows of all reasons."""
        return sum(self.quarantined_by_reason.values())

    @property
    def quarantined_pct(self) -> float:
        """Share of the rows read that is quarantined, 0-100."""
        return 100 * self.quarantined / self.read if self.read else 0.0


def record_accounts(database: Database, domain: str, quarters: Sequence[str], accounts: Sequence[RowAccount]) -> None:
    """Replace the quarters' accounts.

    Raises:
        QuarterdeckError: rows read differ from trusted plus quarantined; the differing account is not recorded.
    """
    for account in accounts:
        if account.read != account.trusted + account.quarantined:
            raise QuarterdeckError(
                f"{account.quarter}: {account.read} rows were read, but {account.trusted} trusted and "
                f"{account.quarantined} quarantined rows were found. Rows were lost or doubled between raw and staging; "
                "run the quarter again, and report this if it stays."
            )
    with writing(database) as connection:
        connection.execute(
            "delete from platform.row_accounts where domain = %s and quarter = any(%s)", (domain, list(quarters))
        )
        connection.cursor().executemany(
            """
            insert into platform.row_accounts (domain, quarter, source_file_id, rows_read, rows_trusted,
                rows_quarantined, quarantined_by_reason, repeated_rows, recorded_at, corrected_lines)
            values (%s, %s, %s, %s, %s, %s, %s, %s, now(), (
                select count(distinct source_line) from platform.corrections
                where domain = %s and quarter = %s and source_file_id = %s
            ))
            """,
            [
                (
                    account.domain,
                    account.quarter,
                    account.source_file_id,
                    account.read,
                    account.trusted,
                    account.quarantined,
                    Jsonb(account.quarantined_by_reason),
                    account.repeated,
                    account.domain,
                    account.quarter,
                    account.source_file_id,
                )
                for account in accounts
            ],
        )
