"""What each part of the protection is worth: the same attack on the same quarter, published with more and more of it."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestration.core.disclosure import Rules
from orchestration.core.disclosure_attack import Attack, attack
from orchestration.core.disclosure_suppression import Protected, primary, protect
from orchestration.student_performance.external import ExternalQuarter, QuarterCounts, means_of, quarter_counts
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.pages_input import PagesData


@dataclass(frozen=True)
class Variant:
    """One way to publish a quarter, and the attack on it."""

    name: str
    found: Attack


def compare(data: PagesData, quarter: str, rules: Rules) -> list[Variant]:
    """Build the external edition of a quarter with none, some and all of its protection, and attack each."""
    exact = replace(rules, rounded_to=1, low_pct=0, high_pct=100)
    about = quarter_counts(data, quarter)

    def alone(used: Rules) -> Protected:
        return Protected(primary(about.counts, used), means_of(data, quarter, used), frozenset())

    def whole(used: Rules) -> Protected:
        return protect(about.counts, means_of(data, quarter, used), about.schemes, used)

    variants: list[tuple[str, Rules, Callable[[Rules], Protected]]] = [
        ("everything shown", replace(exact, minimum_count=0), alone),
        ("small counts hidden", exact, alone),
        ("... and others for them", exact, whole),
        ("small hidden, rest rounded", rules, alone),
        ("... and others: the edition", rules, whole),
    ]
    return [Variant(name, _attacked(data, about, quarter, used, make(used), rules)) for name, used, make in variants]


def _attacked(
    data: PagesData, about: QuarterCounts, quarter: str, used: Rules, protected: Protected, rules: Rules
) -> Attack:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        build_external_pages(data, [ExternalQuarter(quarter, protected, about)], used, site)
        return attack(site, rules)
