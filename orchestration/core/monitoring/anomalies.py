"""What is unusual about a quarter, judged against the quarters before it: pure functions of counts.

Medians and their absolute deviations are used because they hold still while up to half of the history is odd; bounds in
points and ratios keep small but steady histories silent. The population stability index (PSI) and its bounds are in
`docs/conventions.md`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

from orchestration.core.monitoring.rules import AnomalyRule, Rules, Severity
from orchestration.core.partitions import Quarter

# A year: who loads the file of an earlier quarter again is not told about that one.
JUDGED_QUARTERS = 4
# The median absolute deviation of normally distributed values times this is their standard deviation.
MAD_TO_STANDARD_DEVIATION = 1.4826


@dataclass(frozen=True)
class Finding:
    """Something that should not be so; `key` is the same as long as it is the same thing."""

    key: str
    kind: str
    severity: Severity
    domain: str
    quarter: str | None
    message: str


@dataclass
class Figures:
    """Counts of a domain's quarters.

    rows: rows received. rates: by measure and quarter, the counted and those among which they were counted.
    shares: by measure (a column) and quarter, the count of each category.
    """

    domain: str
    rows: dict[str, int] = field(default_factory=dict)
    rates: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    shares: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)


def unusual_quarters(figures: Figures, rules: Rules) -> list[Finding]:
    """What is unusual in the newest quarters, one finding a quarter and measure, the gravest."""
    found: dict[str, Finding] = {}
    for finding in _all_findings(figures, rules):
        if finding.key not in found or finding.severity == "critical":
            found[finding.key] = finding
    return list(found.values())


def _all_findings(figures: Figures, rules: Rules) -> Iterator[Finding]:
    domain = figures.domain
    for rule in rules.for_measure("volume", domain, "rows_read"):
        for quarter, before in _judged(sorted(figures.rows), rule):
            history = [figures.rows[earlier] for earlier in before]
            if sentence := unusual_volume(figures.rows[quarter], history, rule):
                yield _finding("volume", rule.severity, domain, quarter, "rows_read", sentence)
    for measure, counts in figures.rates.items():
        for rule in rules.for_measure("rate", domain, measure):
            for quarter, before in _judged(sorted(counts), rule):
                if sentence := unusual_rate(measure, counts[quarter], [counts[earlier] for earlier in before], rule):
                    yield _finding("rate", rule.severity, domain, quarter, measure, sentence)
    for measure, categories in figures.shares.items():
        for rule in rules.for_measure("shares", domain, measure):
            for quarter, before in _judged(sorted(categories), rule):
                history_of_shares = [categories[earlier] for earlier in before]
                if sentence := shifted_shares(measure, categories[quarter], history_of_shares, rule):
                    yield _finding("shares", rule.severity, domain, quarter, measure, sentence)


def _finding(kind: str, severity: Severity, domain: str, quarter: str, measure: str, sentence: str) -> Finding:
    return Finding(f"{kind} {domain} {quarter} {measure}", kind, severity, domain, quarter, f"{quarter}: {sentence}")


def _judged(quarters: Sequence[str], rule: AnomalyRule) -> Iterator[tuple[str, Sequence[str]]]:
    """The quarters to judge, each with its history."""
    for place in range(max(0, len(quarters) - JUDGED_QUARTERS), len(quarters)):
        history = quarters[max(0, place - rule.history_quarters) : place]
        if len(history) >= rule.minimum_history:
            yield quarters[place], history


def robust_deviation(values: Sequence[float]) -> float:
    """The standard deviation as the median absolute deviation tells it."""
    middle = median(values)
    return MAD_TO_STANDARD_DEVIATION * median(abs(value - middle) for value in values)


def unusual_volume(rows: int, history: Sequence[int], rule: AnomalyRule) -> str | None:
    """A sentence where the rows are outside the rule's ratio of the median, and further off than the history varies."""
    logarithms = [math.log(max(count, 0.5)) for count in history]
    change = math.log(max(rows, 0.5)) - median(logarithms)
    if abs(change) <= max(-math.log(1 - rule.bound), rule.deviations * robust_deviation(logarithms)):
        return None
    usual = median(history)
    return (
        f"{rows:,} rows were received, against about {usual:,.0f} in the {len(history)} quarters before "
        f"({100 * math.exp(change):.0f} % of that). Check whether the file is whole and holds each row once."
    )


def unusual_rate(
    measure: str, counts: tuple[int, int], history: Sequence[tuple[int, int]], rule: AnomalyRule
) -> str | None:
    """A sentence where the rate is more points from the median than the rule allows, and further off than chance explains."""
    counted, among = counts
    rates = [earlier / of for earlier, of in history if of]
    if among < max(rule.minimum_rows, 1) or len(rates) < rule.minimum_history:
        return None
    middle = median(rates)
    deviation = max(robust_deviation(rates), math.sqrt(middle * (1 - middle) / among))
    change = counted / among - middle
    if abs(change) <= max(rule.bound / 100, rule.deviations * deviation):
        return None
    return (
        f"the rate {_words(measure)} is {100 * counted / among:.1f} %, against {100 * middle:.1f} % in the middle of the "
        f"{len(rates)} quarters before. Check whether the file means the same as it did."
    )


def stability_index(counts: Mapping[str, int], history: Mapping[str, int]) -> float:
    """The population stability index of the counts against those of the history; an empty category counts as half a row."""
    categories = sorted({*counts, *history})

    def shares(of: Mapping[str, int]) -> list[float]:
        total = sum(of.values()) + 0.5 * len(categories)
        return [(of.get(category, 0) + 0.5) / total for category in categories]

    return sum(
        (now - before) * math.log(now / before) for now, before in zip(shares(counts), shares(history), strict=True)
    )


def shifted_shares(
    measure: str, counts: Mapping[str, int], history: Sequence[Mapping[str, int]], rule: AnomalyRule
) -> str | None:
    """A sentence where the categories' shares have drifted from those of the pooled history by the rule's index or more."""
    total = sum(counts.values())
    if total < max(rule.minimum_rows, 1):
        return None
    pooled: dict[str, int] = {}
    for earlier in history:
        for category, count in earlier.items():
            pooled[category] = pooled.get(category, 0) + count
    before = sum(pooled.values())
    index = stability_index(counts, pooled)
    if before == 0 or index < rule.bound:
        return None

    def points(category: str) -> float:
        return 100 * (counts.get(category, 0) / total - pooled.get(category, 0) / before)

    furthest = max(sorted({*counts, *pooled}), key=lambda category: abs(points(category)))
    return (
        f"the shares of {_words(measure)} have shifted (stability index {index:.2f}): {furthest} is "
        f"{100 * counts.get(furthest, 0) / total:.1f} % of the rows, against {100 * pooled.get(furthest, 0) / before:.1f} % "
        f"in the {len(history)} quarters before. Check whether groups are missing or named in another way."
    )


def is_expected(domain: str, received: Mapping[str, date], start_month: int, rules: Rules) -> bool:
    """Whether a next file will come: one of a quarter came before it was due. Of old files, loaded by hand, none follows.

    received: the quarters that were received, with the day of each one's first file.
    """
    days = rules.days_until_due(domain)
    return days is not None and any(
        first <= Quarter.parse(quarter).first_day(start_month) + timedelta(days=days)
        for quarter, first in received.items()
    )


def late_source(domain: str, newest: str, today: date, start_month: int, rules: Rules) -> Finding | None:
    """A finding where the quarter after the newest received one should have been received by today."""
    days = rules.days_until_due(domain)
    missing = Quarter.parse(newest).plus(1)
    if days is None:
        return None
    due = missing.first_day(start_month) + timedelta(days=days)
    if today <= due:
        return None
    severity = max(
        rules.for_measure("freshness", domain, "days"), key=lambda rule: rule.severity == "critical"
    ).severity
    message = (
        f"no file was received for {missing}, which was due by {due:%Y-%m-%d} ({days} days after the quarter's first day); "
        f"the newest is of {newest}. Ask for the file, or load it with: quarterdeck run --quarter {missing} --source FILE"
    )
    return Finding(f"freshness {domain}", "freshness", severity, domain, None, message)


def _words(measure: str) -> str:
    return measure.replace("_", " ")
