"""`quarterdeck lab`."""

from typing import Annotated

import typer
from rich.table import Table

from orchestration.cli.common import QuarterOption, app, console, for_people
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings


@app.command()
@for_people
def lab(
    definition: Annotated[str, typer.Argument(help="chronic_absence or attendance_tier")],
    compare: Annotated[
        str, typer.Option(help="Authorities to compare, with or without a version: edfacts,nj,edu@1,edu@2,kipp")
    ],
    quarter: QuarterOption = None,
) -> None:
    """Show who falls on different sides of authorities' definitions, and by which clause."""
    from orchestration.attendance import lab as attendance_lab

    found = attendance_lab.compare(
        open_database(get_settings()),
        definition,
        [name.strip() for name in compare.split(",") if name.strip()],
        quarter,
    )
    console.print(f"{definition}, {found.quarter}: {found.student_count} students, {len(found.flips)} of them differ.")
    for name in found.names:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.outcome_counts[name].items()))
        console.print(f"  {name}: {counts}")
    if not found.flips:
        return
    table = Table(title="Who differs, and by which clause", title_justify="left")
    for heading in ("student", "days present", "of days enrolled", "%", *found.names):
        table.add_column(heading)
    for flip in found.flips:
        table.add_row(
            flip.student_id,
            f"{flip.present_days.normalize():f}",
            str(flip.enrolled_days),
            f"{flip.attendance_pct:.2f}",
            *(f"{outcome}: {clause}" for outcome, clause in flip.outcomes),
        )
    console.print(table)
