"""What the figures must reach, each beside what was measured. Pure."""

import statistics
from dataclasses import dataclass

from orchestration.core.partitions import Quarter
from orchestration.student_performance.commands import STEP_TITLES
from tests.benchmark.results import Quarters, Rerun, Results, Startup, Whole

MILLION = 1_000_000
CLUSTERING = STEP_TITLES["student_performance_clusters"]


@dataclass(frozen=True)
class Target:
    """One figure: what is measured, what it must reach, what was found, and whether that is enough."""

    measure: str
    must: str
    found: str
    is_reached: bool


def targets(results: Results) -> list[Target]:
    """All targets of which something has been measured."""
    found = []
    for rows in (MILLION, 10 * MILLION):
        if rows in results.whole:
            found += _of_whole(results.whole[rows])
    if results.whole:
        found += _of_clustering(list(results.whole.values()))
    if results.quarters:
        found.append(_of_quarters(results.quarters))
    if results.rerun:
        found += _of_rerun(results.rerun)
    if results.startup:
        found.append(_of_startup(results.startup))
    return found


def _of_whole(whole: Whole) -> list[Target]:
    job, floor, rows = whole.job.seconds, whole.floor.seconds, f"{whole.rows // MILLION} M rows"
    found = []
    if whole.rows == MILLION:
        limit = 1.5 * floor + 15
        found.append(
            Target(
                f"{rows}, whole job",
                f"at most 1.5 times the floor and 15 s: {limit:.1f} s",
                f"{job:.1f} s ({job / floor:.1f} times the floor)",
                job <= limit,
            )
        )
    else:
        found.append(
            Target(
                f"{rows}, whole job",
                "at most 2.5 times the floor (the aim is 1.5)",
                f"{job / floor:.2f} times: {job:.0f} s",
                job <= 2.5 * floor,
            )
        )
    if whole.hand_written:
        ratio = whole.hand_written.seconds / job
        found.append(
            Target(f"{rows}, hand-written way", "at least 4 times the job", f"{ratio:.1f} times the job", ratio >= 4)
        )
    peak = whole.job.python_mb
    found.append(Target(f"{rows}, the job's Python memory", "at most 400 MB", f"{peak:.0f} MB", peak <= 400))
    return found


def _of_clustering(measured: list[Whole]) -> list[Target]:
    worst = max(measured, key=lambda whole: whole.inertia_ratio)
    found = [
        Target(
            f"inertia against k-means on every row, worst at {worst.rows:,} rows",
            "at most 1.005",
            f"{worst.inertia_ratio:.4f}",
            worst.inertia_ratio <= 1.005,
        )
    ]
    seconds = {whole.rows: whole.job.parts[CLUSTERING] for whole in measured if whole.rows >= 10_000}
    if len(seconds) > 1:
        fewest, most = min(seconds), max(seconds)
        found.append(
            Target(
                f"clustering step, {most:,} rows against {fewest:,}",
                "independent of the rows (at most 1.5 times)",
                f"{seconds[most]:.1f} s against {seconds[fewest]:.1f} s",
                seconds[most] <= 1.5 * seconds[fewest],
            )
        )
    return found


def _of_quarters(quarters: Quarters) -> Target:
    seconds = list(quarters.seconds.values())
    ratio = seconds[-1] / seconds[1]
    return Target(
        f"quarter {len(seconds)} of {quarters.rows:,} rows each, against the 2nd",
        "at most 1.1 times",
        f"{ratio:.2f} times ({seconds[-1]:.1f} s against {seconds[1]:.1f} s; "
        f"medians of the last and of the first three after the first: {_median_ratio(seconds):.2f})",
        ratio <= 1.1,
    )


def _median_ratio(seconds: list[float]) -> float:
    return statistics.median(seconds[-3:]) / statistics.median(seconds[1:4])


def _of_rerun(rerun: Rerun) -> list[Target]:
    beyond = rerun.again_seconds - rerun.start_seconds
    # The quarter after a changed one tells which of its segments continue which, so that it may change with it.
    allowed = {rerun.changed_quarter, str(Quarter.parse(rerun.changed_quarter).plus(1))}
    others = sorted(rerun.changed.keys() - allowed)
    return [
        Target(
            f"unchanged rerun of {rerun.rows:,} rows, tables written",
            "none",
            f"{len(rerun.rewritten)} of {rerun.tables}",
            not rerun.rewritten,
        ),
        Target(
            "unchanged rerun, beyond the start of Dagster and dbt",
            "at most 5 s",
            f"{beyond:.1f} s ({rerun.again_seconds:.1f} s less {rerun.start_seconds:.1f} s)",
            beyond <= 5,
        ),
        Target(
            f"one changed quarter among {rerun.quarters}, other quarters written",
            "none (the next one's continuation apart)",
            ", ".join(others) or "none",
            not others,
        ),
    ]


def _of_startup(startup: Startup) -> Target:
    job, dbt = statistics.median(startup.job_seconds), statistics.median(startup.dbt_seconds)
    return Target(
        f"{startup.rows:,} rows, whole job against one bare dbt build",
        "at most 1.5 times",
        f"{job / dbt:.2f} times ({job:.1f} s against {dbt:.1f} s, medians of {len(startup.job_seconds)})",
        job / dbt <= 1.5,
    )
