"""The results as Markdown, on the terminal and as `docs/benchmark.md`, with the chart of time against rows."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import vl_convert
from tabulate import tabulate

from tests.benchmark.results import (
    PROJECT_ROOT,
    Attendance,
    Circumstances,
    Machine,
    Quarters,
    Rerun,
    Results,
    Startup,
    Typing,
    Way,
    Whole,
)
from tests.benchmark.targets import Target, targets

PAGE = PROJECT_ROOT / "docs" / "benchmark.md"
CHART = PROJECT_ROOT / "docs" / "images" / "benchmark.svg"
INTRODUCTION = """\
# Benchmark

Written by `make bench MEASURE=page` from the last results on the machine below; no figure here is typed by hand.

    make bench                       # 1,000,000 rows: the floor, the job, the hand-written way
    make bench ROWS=10_000_000       # the hand-written way only with HAND_WRITTEN=yes: it keeps every row in memory
    make bench MEASURE=rows          # 1,000 to 10,000,000 rows, then this page
    make bench MEASURE=quarters      # twenty quarters of ROWS rows, one after the other
    make bench MEASURE=rerun         # the same file again; one changed quarter among twenty
    make bench MEASURE=startup       # 1,000 rows, beside one bare dbt build
    make bench MEASURE=typing        # rows typed in Postgres, and from Parquet by DuckDB
    make bench MEASURE=attendance    # 1,000,000 student days: COPY and one aggregate, and the whole job

Input is generated, always the same, in the shape of the public set: its eight columns, every value in quotes, its shares,
effects and correlations, none of its rows copied. Every way runs as a process of its own on one embedded server, which is up
before and whose start counts for none. One run on 1,000 rows of another quarter comes first, so that dbt has parsed and the
tables exist. The benchmark stops if the ways do not count the same rows, points and cells.

- **Floor**: COPY into an unlogged typed table, an aggregate to ten-point cells, weighted k-means on the cells, and
  `create unlogged table as` a join, which writes every row again with its cluster. `work_mem` 512 MB.
- **Hand-written**: `pandas.read_csv`, `to_sql`, SQL for the cells, `KMeans` on every row, `to_sql`, all with their defaults.
- **The job**: `quarterdeck run --source FILE --quarter QUARTER`, from landing to pages.

Seconds are wall seconds of the whole process, imports included; work is the sum of its parts. Memory is the peak of the
proportional set size (shared pages are divided among those who share them), taken about every 0.2 s, in MB of a million bytes:
of the process with its children, and of all Postgres processes.
"""


def page(results: Results) -> str:
    """The whole page."""
    assert results.machine is not None
    sections = [INTRODUCTION, machine_section(results.machine), targets_section(targets(results))]
    if len(results.whole) > 1:
        sections.append(rows_section(list(results.whole.values())))
    sections += [whole_section(results.whole[rows]) for rows in sorted(results.whole)[-2:]]
    if results.quarters:
        sections.append(quarters_section(results.quarters))
    if results.rerun:
        sections.append(rerun_section(results.rerun))
    if results.startup:
        sections.append(startup_section(results.startup))
    if results.typing:
        sections.append(typing_section(results.typing))
    if results.attendance:
        sections.append(attendance_section(results.attendance))
    return "\n".join(sections)


def write_page(results: Results, path: Path = PAGE, chart: Path = CHART) -> None:
    """Write the page and its chart."""
    path.write_text(page(results))
    if len(results.whole) > 1:
        chart.write_text(rows_chart(list(results.whole.values())))


def machine_section(machine: Machine) -> str:
    """The machine and the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return _section(
        "The machine",
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:.0f} GB of memory, disk {machine.disk}, "
        f"{machine.system}. {versions}.",
    )


def targets_section(found: list[Target]) -> str:
    """Each target and whether it is reached."""
    rows = [(target.measure, target.must, target.found, "yes" if target.is_reached else "**no**") for target in found]
    return _section("Targets", _table(["measure", "must be", "measured", "reached"], rows))


def rows_section(measured: list[Whole]) -> str:
    """Time against rows."""
    table = [
        (
            f"{whole.rows:,}",
            _seconds(whole.floor.seconds),
            _seconds(whole.job.seconds),
            _seconds(whole.hand_written.seconds) if whole.hand_written else "not run",
            f"{whole.job.seconds / whole.floor.seconds:.2f}",
            f"{whole.hand_written.seconds / whole.job.seconds:.1f}" if whole.hand_written else "",
            f"{whole.inertia_ratio:.4f}",
            f"{whole.job.python_mb:.0f}",
        )
        for whole in sorted(measured, key=lambda whole: whole.rows)
    ]
    headers = ["rows", "floor, s", "job, s", "hand-written, s", "job / floor", "hand-written / job", "inertia ratio"]
    return _section(
        "Time against rows",
        "![Seconds against rows of the floor, the job and the hand-written way](images/benchmark.svg)",
        _table([*headers, "job's Python, MB"], table),
    )


def whole_section(whole: Whole) -> str:
    """One file in each way, and each step of the job."""
    ways = {"floor": whole.floor, "job": whole.job}
    if whole.hand_written:
        ways["hand-written"] = whole.hand_written
    table = [
        (
            name,
            _seconds(way.seconds),
            _seconds(way.work_seconds),
            f"{whole.rows / way.seconds:,.0f}",
            f"{way.python_mb:.0f}",
            f"{way.postgres_mb:.0f}",
            f"{way.seconds / whole.floor.seconds:.2f}",
        )
        for name, way in ways.items()
    ]
    headers = ["way", "seconds", "of which work", "rows a second", "Python, MB", "Postgres, MB", "times the floor"]
    texts = [
        _table(headers, table),
        f"{whole.cluster_count} segments; their inertia is {whole.inertia_ratio:.4f} times that of k-means on every row.",
    ]
    if whole.hand_written is None:
        texts.append("The hand-written way was not run at this size: it is only run when asked (`HAND_WRITTEN=yes`).")
    return _section(
        f"{whole.rows:,} rows",
        _of(whole.circumstances),
        *texts,
        "The job's steps and stages:",
        _steps(whole.job, whole.rows),
        "Parts of the other ways: "
        + "; ".join(
            f"{name}: " + ", ".join(f"{part} {_seconds(seconds)} s" for part, seconds in way.parts.items())
            for name, way in ways.items()
            if name != "job"
        )
        + ".",
    )


def _steps(job: Way, rows: int) -> str:
    steps = {
        **job.parts,
        "Start, imports, and between the steps": job.seconds - job.work_seconds,
        **{f"stage {name}": seconds for name, seconds in job.stages.items()},
        "whole process": job.seconds,
    }
    table = [(name, _seconds(seconds), f"{rows / seconds:,.0f}") for name, seconds in steps.items()]
    return _table(["step", "seconds", "rows a second"], table)


def quarters_section(quarters: Quarters) -> str:
    """Seconds of each quarter."""
    table = [(place, name, _seconds(each)) for place, (name, each) in enumerate(quarters.seconds.items(), start=1)]
    return _section(
        f"{len(quarters.seconds)} quarters of {quarters.rows:,} rows",
        _of(quarters.circumstances),
        _table(["", "quarter", "seconds"], table),
    )


def rerun_section(rerun: Rerun) -> str:
    """What a rerun and a changed quarter write."""
    everywhere = {quarter: f"{len(tables)} tables" for quarter, tables in rerun.changed.items()}
    names = {
        quarter: count if quarter == rerun.changed_quarter else ", ".join(rerun.changed[quarter])
        for quarter, count in everywhere.items()
    }
    return _section(
        "Reruns",
        _of(rerun.circumstances),
        f"A load of {rerun.rows:,} rows took {_seconds(rerun.first_seconds)} s, the same command again "
        f"{_seconds(rerun.again_seconds)} s; a process that only imports Dagster and dbt and builds the definitions takes "
        f"{_seconds(rerun.start_seconds)} s. Tables of which the file on disk or a row's place or transaction changed: "
        f"{', '.join(rerun.rewritten) or 'none'} (of {rerun.tables}).",
        f"Among {rerun.quarters} quarters, {rerun.changed_quarter} got a new file of 1,000 rows "
        f"({_seconds(rerun.changed_seconds)} s). Rows written again:",
        _table(["quarter", "tables"], list(names.items())),
    )


def startup_section(startup: Startup) -> str:
    """Start-up against a bare dbt build."""
    job, dbt = startup.job_seconds, startup.dbt_seconds
    table = [
        (turn, _seconds(a), _seconds(b), f"{a / b:.2f}")
        for turn, (a, b) in enumerate(zip(job, dbt, strict=True), start=1)
    ]
    a, b = statistics.median(job), statistics.median(dbt)
    return _section(
        f"Start-up: {startup.rows:,} rows",
        _of(startup.circumstances),
        "The whole job on a changed file, and one bare `dbt build` of the same models and their data tests, in turn.",
        _table(
            ["turn", "job, s", "dbt build, s", "ratio"], [*table, ("median", _seconds(a), _seconds(b), f"{a / b:.2f}")]
        ),
    )


def attendance_section(attendance: Attendance) -> str:
    """Student days: the floor, and each step of the job."""
    floor, job = attendance.floor, attendance.job
    table = [
        (name, _seconds(way.seconds), _seconds(way.work_seconds), f"{way.python_mb:.0f}", f"{way.postgres_mb:.0f}")
        for name, way in (("floor", floor), ("job", job))
    ]
    parts = ", ".join(f"{part} {_seconds(seconds)} s" for part, seconds in floor.parts.items())
    return _section(
        f"Attendance: {attendance.rows:,} student days",
        _of(attendance.circumstances),
        f"Twenty long sheets, a school each, without faults. The floor: {parts}. The job takes "
        f"{job.seconds / floor.seconds:.2f} times the floor.",
        _table(["way", "seconds", "of which work", "Python, MB", "Postgres, MB"], table),
        "The job's steps and stages:",
        _steps(job, attendance.rows),
    )


def typing_section(typing: Typing) -> str:
    """Two ways to typed rows."""
    table = [
        (name, part, _seconds(seconds))
        for name, way in (("lines and models in Postgres", typing.postgres), ("Parquet and DuckDB", typing.columnar))
        for part, seconds in [*way.parts.items(), ("together", way.work_seconds)]
    ]
    return _section(
        f"Typing {typing.rows:,} rows in Postgres, or from Parquet by DuckDB",
        _of(typing.circumstances),
        "From the received file to typed, accepted rows in Postgres, without the start of the processes. The first way also "
        "keeps every line as text, records why a line is rejected, counts the sets of values, and runs the tests.",
        _table(["way", "part", "seconds"], table),
    )


def rows_chart(measured: list[Whole]) -> str:
    """Seconds against rows as SVG, both axes logarithmic."""
    values = [
        {"rows": whole.rows, "seconds": way.seconds, "way": name}
        for whole in measured
        for name, way in (("the job", whole.job), ("floor", whole.floor), ("hand-written", whole.hand_written))
        if way is not None
    ]
    ways = ["the job", "hand-written", "floor"]
    scale = alt.Scale(domain=ways, range=["#2166ac", "#b35806", "#4d4d4d"])
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(point=alt.OverlayMarkDef(size=70, filled=True, opacity=1))
        .encode(
            x=alt.X("rows:Q", title="Rows in the file").scale(type="log").axis(format="~s", tickCount=5),
            y=alt.Y("seconds:Q", title="Seconds, whole process").scale(type="log").axis(format="~g", tickCount=5),
            color=alt.Color("way:N", title=None, scale=scale),
            shape=alt.Shape("way:N", title=None, scale=alt.Scale(domain=ways)),
            strokeDash=alt.StrokeDash("way:N", title=None, scale=alt.Scale(domain=ways)),
        )
        .properties(width=560, height=320, background="white", title="From a file to labelled rows")
        .configure(font="sans-serif")
    )
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def _of(circumstances: Circumstances) -> str:
    return (
        f"Measured {circumstances.date}, commit {circumstances.commit}, load average at the start {circumstances.load}."
    )


def _section(title: str, *texts: str) -> str:
    return "\n\n".join([f"## {title}", *texts]) + "\n"


def _table(headers: list[str], rows: Sequence[tuple[object, ...]]) -> str:
    return str(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2f}"
