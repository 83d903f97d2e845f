"""The exam results' part of the external edition."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from orchestration.core.disclosure_solved import Solved
from orchestration.core.external_edition import Areas, external_edition
from orchestration.core.settings import Settings
from orchestration.student_performance.external import external_quarters
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.pages_input import PagesData


def external_results(
    data: PagesData, settings: Settings, domains: Mapping[str, str], may_publish: Callable[[], object] = lambda: None
) -> AbstractContextManager[None]:
    """The external edition with these exam results, published after the block; see `external_edition`."""

    def build_part(folder: Path, areas: Areas, solved: Solved) -> bool:
        rules = settings.disclosure_rules
        quarters = external_quarters(data, rules, solved)
        if quarters:
            build_external_pages(data, quarters, rules, folder, areas)
        return bool(quarters)

    return external_edition(settings, DOMAIN, domains, data.built_at, build_part, may_publish)
