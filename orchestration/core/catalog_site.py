"""The catalog in the site: `platform/catalog.html` and `platform/catalog.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.core.catalog import Facts, as_json
from orchestration.core.catalog_build import build_catalog, missing, undescribed
from orchestration.core.catalog_page import catalog_page
from orchestration.core.site import FurtherPage, SiteBuilder

FOLDER = "platform"


def catalog_page_of(facts: Facts, downloads: Mapping[str, Sequence[tuple[str, str]]]) -> FurtherPage:
    """The catalog as a page of a site. downloads: by table, the (title, address) of what the site offers of it."""

    def write(builder: SiteBuilder) -> None:
        datasets = build_catalog(replace(facts, downloads=downloads))
        document = as_json(datasets, facts.lineage, builder.facts.built_at, builder.facts.run_id)
        builder.write(f"{FOLDER}/catalog.json", json.dumps(document, ensure_ascii=False, default=str) + "\n")
        builder.page(
            "catalog.html", folder=FOLDER, **catalog_page(datasets, facts.lineage, undescribed(facts), missing(facts))
        )

    return FurtherPage(f"{FOLDER}/catalog.html", "Catalog", write)
