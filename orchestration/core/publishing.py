"""Publish one part of the site: it and the platform's pages are built, the other parts are taken from the published build.

Readers see the old site or the new one, whole.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.core.leases import confirm
from orchestration.core.platform_pages import PLATFORM_PAGES
from orchestration.core.resources import Platform
from orchestration.core.site import (
    STATIC_FOLDER,
    FurtherPage,
    SiteBuilder,
    SiteFacts,
    environment,
    publish,
    write_manifest,
)
from orchestration.core.site_check import check_site
from orchestration.core.site_parts import PLATFORM_AREA, area_of, read_manifest

DOCS_PAGE = "dbt/index.html"


@dataclass(frozen=True)
class Publishing:
    """What is being published: the part of `domain`, in the run and at the time that all pages name.

    still_locked: raises where the lock `publish` was lost. manifest: dbt's, as plain dicts. definitions: those of every domain;
    the run knows its own job only. Without these two, the platform's pages that need them are taken over as they are: no table
    has changed.
    """

    platform: Platform
    domain: str
    run_id: str
    built_at: datetime
    instance: dg.DagsterInstance
    still_locked: Callable[[], object]
    manifest: Mapping[str, Any] | None = None
    definitions: dg.Definitions | None = None

    def still_ours(self) -> None:
        """Raise LeaseLostError if another run has taken this one's quarters over, psycopg.OperationalError if the lock was lost."""
        # Another domain's part may have been published since this build took over what it found.
        self.still_locked()
        confirm(self.platform.database)

    @property
    def area(self) -> str:
        """The part's folder in the site."""
        return area_of(self.domain, self.platform.domains)

    @property
    def areas(self) -> list[tuple[str, str]]:
        """The first page of every part with its name, for the navigation."""
        return areas_of(self.platform.domains)


def areas_of(domains: Mapping[str, str]) -> list[tuple[str, str]]:
    """Address and label of each part's first page: the domains' in their order, then the platform's."""
    found = [(f"{area_of(domain, domains)}/index.html".lstrip("/"), label) for domain, label in domains.items()]
    return [*found, (f"{PLATFORM_AREA}/{PLATFORM_PAGES[0].name}", "Platform")]


def publish_part(publishing: Publishing, build_part: Callable[[Path], object], docs: Path) -> list[Path]:
    """Build this domain's part into a new site and publish it with dbt's `docs`; returns the published files.

    Args:
        build_part: writes the part with its manifest into an empty site, as `SiteBuilder` does.

    Raises:
        QuarterdeckError: the built site fails its check; the published one stays as it is.
    """
    site = publishing.platform.settings.site
    build = new_build(site, publishing.built_at)
    try:
        build_part(build)
        take_over(site, build, without={publishing.area, PLATFORM_AREA})
        _announce_missing_parts(publishing, build)
        _build_platform_pages(publishing, build)
        docs_page = build / DOCS_PAGE
        docs_page.parent.mkdir()
        shutil.copyfile(docs, docs_page)
        check_site(build, beside=(DOCS_PAGE,))
    except BaseException:
        shutil.rmtree(build)
        raise
    publish(build, site, may_publish=publishing.still_ours)
    return sorted(site / path.relative_to(build) for path in build.rglob("*") if path.is_file())


def publish_platform(
    platform: Platform, run_id: str, instance: dg.DagsterInstance, still_locked: Callable[[], object]
) -> None:
    """Publish the platform's pages anew, with every domain's part as it is; nothing where no part is published yet.

    Raises:
        QuarterdeckError: the built site fails its check; the published one stays as it is.
    """
    docs = platform.settings.site / DOCS_PAGE
    if docs.exists() and read_manifest(platform.settings.site)["parts"]:
        now = datetime.now(UTC).replace(microsecond=0)
        publish_part(Publishing(platform, PLATFORM_AREA, run_id, now, instance, still_locked), lambda _: None, docs)


def new_build(site: Path, built_at: datetime) -> Path:
    """An empty folder beside the published site, which is a link to the newest build: the swap is one rename."""
    builds = site.parent / f"{site.name}-builds"
    builds.mkdir(parents=True, exist_ok=True)
    build = Path(tempfile.mkdtemp(prefix=f"{built_at:%Y%m%dT%H%M%SZ}-", dir=builds))
    build.chmod(0o755)
    return build


def take_over(site: Path, build: Path, without: set[str]) -> None:
    """Bring the other parts of the published site into the build. Their files never change, so a link does."""
    manifest, published = read_manifest(build), read_manifest(site)
    for area, part in published["parts"].items():
        if area in without or part.get("is_placeholder"):
            continue
        for name in part["files"]:
            target = build / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(site / name, target)
        manifest["parts"][area] = part
    write_manifest(build, manifest)


def _announce_missing_parts(publishing: Publishing, build: Path) -> None:
    """Write a page that says so for each domain without a part, so that no link leads nowhere."""
    for domain, label in publishing.platform.domains.items():
        area = area_of(domain, publishing.platform.domains)
        if area in read_manifest(build)["parts"]:
            continue
        builder = SiteBuilder(build, _facts(publishing, area, label, [], []), environment())
        builder.page("index.html", template="not_yet.html", domain=domain)
        builder.manifest(is_placeholder=True)


def _build_platform_pages(publishing: Publishing, build: Path) -> None:
    taken_over = [] if publishing.definitions else [page for page in PLATFORM_PAGES if page.needs_definitions]
    pages: Sequence[FurtherPage] = [
        FurtherPage(
            f"{PLATFORM_AREA}/{page.name}",
            page.label,
            _taking_over(publishing, page.files) if page in taken_over else page.prepare(publishing),
        )
        for page in PLATFORM_PAGES
    ]
    parts = read_manifest(build)["parts"].values()
    facts = _facts(
        publishing,
        PLATFORM_AREA,
        "Platform",
        [(page.address, page.label) for page in pages],
        sorted({source for part in parts for source in part["sources"]}),
    )
    builder = SiteBuilder(build, facts, environment())
    builder.static(STATIC_FOLDER)
    for page in pages:
        page.write(builder)
    builder.manifest()


def _taking_over(publishing: Publishing, names: Sequence[str]) -> Callable[[SiteBuilder], object]:
    def link(builder: SiteBuilder) -> None:
        for name in names:
            published = publishing.platform.settings.site / PLATFORM_AREA / name
            if published.exists():
                os.link(published, builder.folder / PLATFORM_AREA / name)

    return link


def _facts(
    publishing: Publishing, area: str, title: str, navigation: Sequence[tuple[str, str]], sources: Sequence[str]
) -> SiteFacts:
    return SiteFacts(
        product="Quarterdeck",
        title=title,
        edition="Internal edition",
        quarter="",
        built_at=publishing.built_at,
        run_id=publishing.run_id,
        files=[],
        navigation=navigation,
        sources=sources,
        areas=publishing.areas,
        area=area,
    )
