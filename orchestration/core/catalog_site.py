"""The catalog in the site: `platform/catalog.html` and `platform/catalog.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestration.core.catalog import as_json
from orchestration.core.catalog_build import build_catalog, missing, undescribed
from orchestration.core.catalog_facts import read_facts
from orchestration.core.catalog_page import catalog_page
from orchestration.core.site import SiteBuilder
from orchestration.core.site_parts import read_manifest

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing


def prepare_catalog(publishing: Publishing) -> Callable[[SiteBuilder], object]:
    """Read everything that the catalog is made from.

    The stage that builds these pages is shown as succeeded, since nobody sees them else.
    """
    platform = publishing.platform
    facts = read_facts(
        platform.settings,
        platform.database,
        list(platform.domains),
        publishing.manifest,
        publishing.definitions,
        publishing.instance,
    )

    def write(builder: SiteBuilder) -> None:
        parts = read_manifest(builder.folder)["parts"]
        published = {
            (publishing.domain, "publish"): (
                parts[publishing.area]["quarter"],
                builder.facts.built_at,
                builder.facts.run_id,
            )
        }
        offered = {table: links for part in parts.values() for table, links in part.get("downloads", {}).items()}
        known = replace(facts, stages={**facts.stages, **published}, downloads=offered)
        datasets = build_catalog(known)
        document = as_json(datasets, known.lineage, builder.facts.built_at, builder.facts.run_id)
        builder.write(
            f"{builder.facts.area}/catalog.json", json.dumps(document, ensure_ascii=False, default=str) + "\n"
        )
        builder.page("catalog.html", **catalog_page(datasets, known.lineage, undescribed(known), missing(known)))

    return write
