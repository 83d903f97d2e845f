"""The pages of the whole platform, built anew with each publishing into `platform/`. A new one is a line of `PLATFORM_PAGES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.core.catalog_site import prepare_catalog
from orchestration.core.site import SiteBuilder
from orchestration.core.status_page import prepare_status

if TYPE_CHECKING:
    from orchestration.core.publishing import Publishing


@dataclass(frozen=True)
class PlatformPage:
    """A page in `platform/`: its file name, its name in the navigation, and how it is made.

    prepare: reads what the page shows and returns the function that writes it, and nothing else, into the build.
    """

    name: str
    label: str
    prepare: Callable[[Publishing], Callable[[SiteBuilder], object]]


# The first is where the navigation's `Platform` leads.
PLATFORM_PAGES = (
    PlatformPage("status.html", "Status", prepare_status),
    PlatformPage("catalog.html", "Catalog", prepare_catalog),
)
