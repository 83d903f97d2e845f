"""The catalog in the site: `platform/catalog.html` and `platform/catalog.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.core.catalog import Facts, as_json
from orchestration.core.catalog_build import build_catalog, missing, undescribed
from orchestration.core.catalog_page import catalog_page
from orchestration.core.site import FurtherPage, SiteBuilder

FOLDER = "platform"


def catalog_page_of(
    facts: Facts, published_domain: str, downloads: Mapping[str, Sequence[tuple[str, str]]]
) -> FurtherPage:
    """The catalog as a page of a site.

    published_domain: whose pages are published with it, which is done by the time that somebody reads it. downloads: by
    table, the (title, address) of what the site offers of it.
    """

    def write(builder: SiteBuilder) -> None:
        now = builder.facts
        published = {(published_domain, "publish"): (now.quarter, now.built_at, now.run_id)}
        datasets = build_catalog(replace(facts, stages={**facts.stages, **published}, downloads=downloads))
        document = as_json(datasets, facts.lineage, now.built_at, now.run_id)
        builder.write(f"{FOLDER}/catalog.json", json.dumps(document, ensure_ascii=False, default=str) + "\n")
        builder.page(
            "catalog.html", folder=FOLDER, **catalog_page(datasets, facts.lineage, undescribed(facts), missing(facts))
        )

    return FurtherPage(f"{FOLDER}/catalog.html", "Catalog", write)
