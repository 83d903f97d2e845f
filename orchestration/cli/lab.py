"""`quarterdeck lab`."""

from typing import Annotated

import typer

from orchestration.cli.common import QuarterOption, app, console, for_people
from orchestration.core.postgres import open_database
from orchestration.core.pseudonyms import shortened
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
    alike: dict[tuple[str, ...], list[attendance_lab.Flip]] = {}
    for flip in found.flips:
        alike.setdefault(tuple(outcome for outcome, _ in flip.outcomes), []).append(flip)
    for outcomes, flips in sorted(alike.items(), key=lambda item: (len(item[1]), item[0])):
        console.print(f"\n[bold]{len(flips)} differ so:[/]")
        for name, outcome, (_, clause) in zip(found.names, outcomes, flips[0].outcomes, strict=True):
            console.print(f"  {name}: {outcome}, by {clause}")
        for flip in flips:
            days = f"{flip.present_days.normalize():f} of {flip.enrolled_days} days"
            is_exact = 100 * flip.present_days in {bound * flip.enrolled_days for bound in (80, 90, 95)}
            console.print(
                f"    {shortened(flip.student_id)}: {days}, {'exactly ' if is_exact else ''}{flip.attendance_pct:.2f} %"
            )
