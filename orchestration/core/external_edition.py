"""Publish a domain's part of the external edition: build it, attack the whole edition, and only then swap that in."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from orchestration.core.disclosure_attack import attack
from orchestration.core.disclosure_solved import Solved
from orchestration.core.errors import QuarterdeckError
from orchestration.core.publishing import new_build, take_over
from orchestration.core.settings import Settings
from orchestration.core.site import SiteBuilder, SiteFacts, environment, publish
from orchestration.core.site_check import check_site
from orchestration.core.site_parts import area_of, read_manifest

EDITION = "External edition"
Areas = Sequence[tuple[str, str]]


@contextmanager
def external_edition(
    settings: Settings,
    domain: str,
    domains: Mapping[str, str],
    built_at: datetime,
    build_part: Callable[[Path, Areas, Solved], bool],
    may_publish: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Build the external edition before the block and publish it after it, or drop it where the block fails.

    The other domains' parts are taken from the published edition. Where no domain has a part, that of before is taken away.

    Args:
        domains: every domain with its label.
        build_part: writes the domain's part with its manifest into an empty site, with these areas in its navigation; returns
            False where there is nothing that may be shown, and then writes nothing. It is given what was solved of quarters
            when they were last built.
        may_publish: as in `publish`.

    Raises:
        QuarterdeckError: the edition fails its check, or the attack on all of it succeeds.
    """
    build = _build(settings, domain, domains, built_at, build_part)
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


def _build(
    settings: Settings,
    domain: str,
    domains: Mapping[str, str],
    built_at: datetime,
    build_part: Callable[[Path, Areas, Solved], bool],
) -> Path | None:
    areas = [(f"{area_of(name, domains)}/index.html".lstrip("/"), label) for name, label in domains.items()]
    build = new_build(settings.external_site, built_at)
    solved = Solved(settings.home / "cache" / f"disclosure-{domain}.json")
    try:
        build_part(build, areas if len(areas) > 1 else (), solved)
        take_over(settings.external_site, build, without={area_of(domain, domains)})
        if not read_manifest(build)["parts"]:
            shutil.rmtree(build)
            return None
        _announce_missing_parts(build, domains, built_at, areas)
        check_site(build, beside=())
        found = attack(build, settings.disclosure_rules, solved)
        solved.save()
        if found.succeeded:
            raise QuarterdeckError(
                f"The external edition is not safe: {len(found.pinned)} hidden counts can be worked out, "
                f"{len(found.in_the_open)} small ones are shown and {len(found.not_understood)} numbers are of unknown "
                f"meaning{''.join(f' ({place})' for place in found.not_understood[:3])}. Nothing was published; what to "
                "look at is in docs/disclosure.md."
            )
    except BaseException:
        shutil.rmtree(build, ignore_errors=True)
        raise
    return build


def _announce_missing_parts(build: Path, domains: Mapping[str, str], built_at: datetime, areas: Areas) -> None:
    """Write a page that says so for each domain without a part, so that no link leads nowhere."""
    for domain, label in domains.items():
        area = area_of(domain, domains)
        if area in read_manifest(build)["parts"]:
            continue
        facts = SiteFacts("Quarterdeck", label, EDITION, "", built_at, "", [], [], [], areas, area)
        builder = SiteBuilder(build, facts, environment())
        builder.page("index.html", template="nothing_external.html")
        builder.manifest(is_placeholder=True)
