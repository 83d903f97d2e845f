"""The benchmark: takes one measure, keeps it, and prints it beside the targets. `page` writes docs/benchmark.md from all kept."""

import argparse
import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import get_settings
from tests.benchmark import measures, page
from tests.benchmark.bench import console, new_bench
from tests.benchmark.results import PROJECT_ROOT, Results
from tests.benchmark.targets import MILLION, targets

SIZES = (1_000, 10_000, 100_000, MILLION, 10 * MILLION)
DEFAULT_ROWS = {
    "whole": MILLION,
    "quarters": MILLION,
    "rerun": MILLION,
    "startup": 1000,
    "typing": MILLION,
    "attendance": MILLION,
    "rows": SIZES[-1],
}


def main() -> None:
    """Take one measure, add it to the results in the state folder, and print it with the targets."""
    arguments = _arguments()
    folder = get_settings().home / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    # The measures run on a home of their own with every setting at its default.
    for name in [name for name in os.environ if name.startswith("QUARTERDECK_")]:
        del os.environ[name]
    try:
        # Two at once would delete each other's files, and neither would measure the machine.
        with FileLock(folder / "lock", timeout=0):
            _measure_and_print(arguments, folder)
    except Timeout:
        sys.exit(f"Error: another benchmark is running in {folder}. Wait for it to end.")
    except QuarterdeckError as error:
        sys.exit(f"Error: {error}")


def _measure_and_print(arguments: argparse.Namespace, folder: Path) -> None:
    kept = folder / "results.json"
    rows = arguments.rows or DEFAULT_ROWS.get(arguments.measure, 0)
    if arguments.measure == "rows":
        for size in (size for size in SIZES if size <= rows):
            _measure("whole", size, folder, kept, with_hand_written=arguments.hand_written or size <= MILLION)
    elif arguments.measure != "page":
        _measure(arguments.measure, rows, folder, kept, with_hand_written=arguments.hand_written or rows <= MILLION)
    results = Results.read(kept)
    if arguments.measure in ("rows", "page"):
        page.write_page(results)
        console.print(f"Written: {page.PAGE.relative_to(PROJECT_ROOT)}")
    console.print(page.targets_section(targets(results)), markup=False)


def _measure(name: str, rows: int, folder: Path, kept: Path, *, with_hand_written: bool) -> None:
    console.print(f"Benchmark {name}, {rows:,} rows")
    with new_bench(folder) as bench:
        results = Results.read(kept)
        results.machine = bench.machine
        if name == "whole":
            results.whole[rows] = measures.whole(bench, rows, with_hand_written=with_hand_written)
            text = page.whole_section(results.whole[rows])
        elif name == "quarters":
            results.quarters = measures.quarters(bench, rows)
            text = page.quarters_section(results.quarters)
        elif name == "rerun":
            results.rerun = measures.rerun(bench, rows)
            text = page.rerun_section(results.rerun)
        elif name == "typing":
            results.typing = measures.typing(bench, rows)
            text = page.typing_section(results.typing)
        elif name == "attendance":
            results.attendance = measures.attendance(bench, rows)
            text = page.attendance_section(results.attendance)
        else:
            results.startup = measures.startup(bench, rows)
            text = page.startup_section(results.startup)
    results.write(kept)
    console.print(f"\n{text}", markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("measure", nargs="?", default="whole", choices=[*DEFAULT_ROWS, "page"])
    parser.add_argument("--rows", type=int, help="such as 10_000_000")
    parser.add_argument(
        "--hand-written", action="store_true", help="also above a million rows, where it takes long and much memory"
    )
    arguments = parser.parse_args()
    if arguments.rows is not None and arguments.rows < SIZES[0]:
        parser.error(f"--rows must be at least {SIZES[0]:,}")
    return arguments


if __name__ == "__main__":
    main()
