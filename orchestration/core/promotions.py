"""The receipt of each file's way through the zones, in `platform.promotions`: no zone can be skipped.

A file that is loaded again begins its way anew: its receipts of later zones are taken away with the first step.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from orchestration.core.errors import QuarterdeckError
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database

Zone = Literal["landing", "raw", "trusted", "curated", "product"]
ZONES: tuple[Zone, ...] = get_args(Zone)


def promote(
    database: Database,
    domain: str,
    quarters: Sequence[Quarter],
    zone: Zone,
    checks_passed: Sequence[str],
    promoted_by: str,
    row_counts: Mapping[tuple[str, str], int] | None = None,
) -> None:
    """Write the receipts of the quarters' files for a zone, once all are written for the zone before it.

    Args:
        checks_passed: names of the checks that let them in.
        promoted_by: who or what promotes them, such as `run 1234`.
        row_counts: rows by quarter and source_file_id, where rows are counted.

    Raises:
        QuarterdeckError: a file has no receipt of the zone before; then none is written.
    """
    labels = [str(quarter) for quarter in quarters]
    place = ZONES.index(zone)
    with writing(database) as connection:
        files = connection.execute(
            "select distinct quarter, source_file_id from platform.quarter_files where domain = %s and quarter = any(%s)",
            (domain, labels),
        ).fetchall()
        if place:
            before = connection.execute(
                "select quarter, source_file_id from platform.promotions where domain = %s and quarter = any(%s) and zone = %s",
                (domain, labels, ZONES[place - 1]),
            ).fetchall()
            if skipped := sorted(set(files) - set(before)):
                quarter, file = skipped[0]
                raise QuarterdeckError(
                    f"{quarter}: file {file} cannot be promoted to {zone}, since it has no receipt of {ZONES[place - 1]}. "
                    f"Run `quarterdeck run --domain {domain} --quarter {quarter}` with its file again."
                )
        connection.execute(
            "delete from platform.promotions where domain = %s and quarter = any(%s) and zone = any(%s)",
            (domain, labels, list(ZONES[place:])),
        )
        # Corrections are laid over the rows on their way from raw to trusted.
        connection.cursor().executemany(
            """
            insert into platform.promotions
                (domain, quarter, source_file_id, zone, row_count, checks_passed, promoted_by, promoted_at, corrected_by)
            values (%s, %s, %s, %s, %s, %s, %s, now(), array(
                select distinct correction_file_id from platform.corrections
                where domain = %s and quarter = %s and source_file_id = %s and %s order by 1
            ))
            """,
            [
                (
                    domain,
                    quarter,
                    file,
                    zone,
                    (row_counts or {}).get((quarter, file)),
                    list(checks_passed),
                    promoted_by,
                    domain,
                    quarter,
                    file,
                    zone not in ("landing", "raw"),
                )
                for quarter, file in files
            ],
        )


def promoted(database: Database, domain: str, quarters: Sequence[Quarter], zone: Zone) -> set[Quarter]:
    """Those of the quarters of which every file has a receipt of the zone."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select quarter
            from platform.quarter_files
            left join platform.promotions using (domain, quarter, source_file_id)
            where domain = %s and quarter = any(%s)
            group by quarter
            having count(distinct source_file_id) = count(distinct source_file_id) filter (where zone = %s)
            """,
            (domain, [str(quarter) for quarter in quarters], zone),
        ).fetchall()
    return {Quarter.parse(row[0]) for row in rows}
