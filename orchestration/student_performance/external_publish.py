"""Publish the external edition: build it, check it, attack it, and only then let it take the place of the one before."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.core.disclosure_attack import attack
from orchestration.core.errors import QuarterdeckError
from orchestration.core.publishing import new_build
from orchestration.core.settings import Settings
from orchestration.core.site import publish
from orchestration.core.site_check import check_site
from orchestration.student_performance.external import external_quarters
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.pages_input import PagesData


@contextmanager
def external_edition(data: PagesData, settings: Settings, may_publish: Callable[[], object]) -> Iterator[None]:
    """Build the external edition before the block and publish it after it, or drop it where the block fails.

    Where no quarter has enough students for one, that of before is taken away.

    Raises:
        QuarterdeckError: the edition fails its check, or the attack on it succeeds.
    """
    build = _build(data, settings)
    try:
        yield
    except BaseException:
        if build is not None:
            shutil.rmtree(build)
        raise
    if build is not None:
        publish(build, settings.external_site, may_publish=may_publish)
    elif settings.external_site.is_symlink():
        may_publish()
        settings.external_site.unlink()


def _build(data: PagesData, settings: Settings) -> Path | None:
    rules = settings.disclosure_rules
    quarters = external_quarters(data, rules)
    if not quarters:
        return None
    build = new_build(settings.external_site, data.built_at)
    try:
        build_external_pages(data, quarters, rules, build)
        check_site(build, beside=())
        found = attack(build, rules)
        if found.succeeded:
            raise QuarterdeckError(
                f"The external edition is not safe: {len(found.pinned)} hidden counts can be worked out, "
                f"{len(found.in_the_open)} small ones are shown and {len(found.not_understood)} numbers are of unknown "
                f"meaning{''.join(f' ({place})' for place in found.not_understood[:3])}. Nothing was published; what to "
                "look at is in docs/disclosure.md."
            )
    except BaseException:
        shutil.rmtree(build)
        raise
    return build
