"""Forty clean quarters must be quiet: whatever finds faults is asked about them too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from orchestration.core.errors import QuarterdeckError
from orchestration.core.monitoring.anomalies import Figures, unusual_quarters
from orchestration.core.monitoring.rules import load_rules
from orchestration.core.partitions import Quarter
from orchestration.core.profile import Profile
from orchestration.student_performance.against_earlier import differences
from orchestration.student_performance.arrival import Arrival
from orchestration.student_performance.contract import load_aliases, load_contract
from orchestration.student_performance.damage import refuse_damage
from orchestration.student_performance.doubts import unexpected_values
from orchestration.student_performance.exam_file import ExamLines, read_exam_results
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.sample import write_sample

FIRST = Quarter(2016, 1)
QUARTERS = 40


def read_through(path: Path) -> tuple[Arrival, Profile]:
    """A file of the shipped contract, read to its end.

    Raises:
        QuarterdeckError: it is no table of the contract, or certainly damaged.
    """
    lines = ExamLines(read_exam_results(path, load_contract(), load_aliases()))
    for _ in lines.blocks():
        pass
    arrival = lines.arrival()
    refuse_damage(arrival)
    return arrival, lines.profile(arrival)


def alarms_of_clean_quarters(folder: Path, rows: int = 1000, *, with_faults: bool = False) -> list[str]:
    """What is said of forty generated quarters, loaded one after the other; nothing, if all is well.

    Args:
        with_faults: with the few faulty lines in a thousand that the built-in sample has, which are for the quarantine alone.
    """
    return list(_alarms(folder, rows, with_faults=with_faults))


def _alarms(folder: Path, rows: int, *, with_faults: bool) -> Iterator[str]:
    contract, rules = load_contract(), load_rules(datetime.now(UTC).date())
    earlier: dict[str, Profile] = {}
    figures = Figures(DOMAIN)
    for quarter in (str(FIRST.plus(step)) for step in range(QUARTERS)):
        path = write_sample(quarter, folder, contract, rows=rows, with_faults=with_faults)
        try:
            arrival, profile = read_through(path)
        except QuarterdeckError as error:
            yield f"{quarter}: {error}"
            continue
        for doubt in [*unexpected_values(arrival), *differences(arrival, profile, earlier)]:
            yield f"{quarter}: {doubt}"
        earlier[f"{path.name} ({quarter})"] = profile
        figures.rows[quarter] = arrival.row_count
        figures.rates.setdefault("passed", {})[quarter] = _passed(arrival)
        for part in contract.demographics:
            counts = {value: arrival.values[part.name].get(value, 0) for value in part.values}
            figures.shares.setdefault(part.name, {})[quarter] = counts
        yield from (finding.message for finding in unusual_quarters(figures, rules))
        path.unlink()


def _passed(arrival: Arrival) -> tuple[int, int]:
    """Students who pass in every subject, among those with a score in each."""
    scores = np.array(list(arrival.scores.values()))
    is_whole = ~np.isnan(scores).any(axis=0)
    has_passed = is_whole & (scores >= arrival.contract.score.pass_mark).all(axis=0)
    return int(arrival.set_counts[has_passed].sum()), int(arrival.set_counts[is_whole].sum())
