"""`python -m tests.chaos`: take the exam and print its table; `--naive` takes it with a status table that must fail."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.exam import Exam, full_exam, short_exam


def main() -> int:
    """Take the exam; 0 if every strike left all equal and the reader saw nothing wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=2026, help="of the random moments")
    parser.add_argument("--short", action="store_true", help="one kill within dbt, and one pause")
    parser.add_argument("--naive", action="store_true", help="without leases and whole swaps: must fail")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("QUARTERDECK_")]:
        del os.environ[name]
    began = time.monotonic()
    strikes = short_exam() if arguments.short else full_exam(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="quarterdeck-chaos-") as folder:
        os.chdir(folder)
        exam = Exam(Path(folder) / "home", is_naive=arguments.naive)
        findings = []
        print(f"{'':>3} {'victim':9} {'where':58} {'stages found':46} equal")
        for number, finding in enumerate(exam.take(strikes), 1):
            findings.append(finding)
            verdict = "yes" if finding.is_equal else f"NO: {finding.outcome} {', '.join(finding.differing[:3])}"
            verdict += "" if finding.was_hit else " (the run had ended, or recovered by itself)"
            print(
                f"{number:>3} {finding.strike.victim:9} {finding.strike!s:58} {finding.state:46} {verdict}", flush=True
            )
        sightings = exam.seen()
        reads = exam.read_count
    unequal = [finding for finding in findings if not finding.is_equal]
    hits = sum(finding.was_hit for finding in findings)
    print(
        f"{len(findings)} strikes, {hits} of which ended or paused the run: {len(findings) - len(unequal)} equal, ",
        end="",
    )
    print(
        f"{len(unequal)} not. The reader read everything {reads} times and saw {len(sightings)} states it never should."
    )
    for sighting in sorted(set(sightings)):
        print(f"  seen: {sighting}")
    print(f"Seed {arguments.seed}, {time.monotonic() - began:.0f} s.")
    return 1 if unequal or sightings else 0


if __name__ == "__main__":
    sys.exit(main())
