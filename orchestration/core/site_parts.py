"""Where the parts of the site are, and which of them are published.

A part is the pages of a domain, in the folder of its area: the first domain's at the site's top, each further one's in a
folder of its name; pages of the whole platform are in `platform/`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.core.builds import fingerprint_of

MANIFEST_NAME = "site.json"
PLATFORM_AREA = "platform"


def area_of(domain: str, domains: Mapping[str, str]) -> str:
    """The folder of a domain's pages: the site's top for the first domain, its own name for each other."""
    return "" if domain == next(iter(domains), domain) else domain


def published_part(site: Path, area: str) -> str | None:
    """Hash of a part's files as they are published, or None where it is not."""
    manifest = read_manifest(site)
    if area not in manifest["parts"]:
        return None
    return fingerprint_of([[name, manifest["files"][name]] for name in manifest["parts"][area]["files"]])


def read_manifest(site: Path) -> dict[str, Any]:
    """Content of site.json; empty where there is none, or one of an older version, which does not tell parts apart."""
    path = site / MANIFEST_NAME
    content = dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
    return content if "parts" in content else {"parts": {}, "files": {}}
