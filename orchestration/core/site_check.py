"""Check a built site before it is published, so that a failed check leaves the old pages live."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from orchestration.core.errors import QuarterdeckError
from orchestration.core.page_tree import page_tree
from orchestration.core.site_parts import MANIFEST_NAME

MINIMUM_WORDS = 40
_LINK_ATTRIBUTES = {"href", "src", "srcset", "action", "poster", "data"}
_CSS_REFERENCE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", re.IGNORECASE)


class SiteCheckError(QuarterdeckError):
    """The built site must not be published; the message lists what is wrong, one line each."""


@dataclass
class _Page:
    links: list[str] = field(default_factory=list)
    identifiers: set[str] = field(default_factory=set)
    json_blocks: list[str] = field(default_factory=list)
    words: int = 0
    has_banner: bool = False
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Path) -> "_Page":
        page, tree = cls(), page_tree(path)
        for element in tree.iter(etree.Element):
            page._take(element.tag, element.attrib, element.text or "")
        for main in tree.iter("main"):
            page.words += sum(len(text.split()) for text in main.xpath(".//text()[not(parent::script)]"))
        return page

    def _take(self, tag: str, named: Mapping[str, str], text: str) -> None:
        self.links += [value for name, value in named.items() if name in _LINK_ATTRIBUTES and tag != "base"]
        if "id" in named:
            if named["id"] in self.identifiers:
                self.problems.append(f"two elements have the id {named['id']!r}")
            self.identifiers.add(named["id"])
        self.has_banner = self.has_banner or "data-sample-banner" in named
        if tag == "script" and named.get("type") == "application/json":
            self.json_blocks.append(text)
        elif tag == "style" or (tag == "script" and "src" not in named):
            self.problems.append(f"an inline {tag} element, which the security policy refuses")
        for name in named:
            if name == "style" or name.startswith("on"):
                self.problems.append(f"an inline {name} attribute on <{tag}>, which the security policy refuses")


def check_site(folder: Path, beside: Sequence[str] = ("dbt/index.html",)) -> int:
    """Check every page of a built site and return how many there are.

    Checked: every internal link and fragment resolves, nothing points outside, no page is empty, inlined JSON parses,
    files are as the manifest says, and the sample banner is on every page of a part of which a source is `sample`. `beside`
    are pages that are put next to the site when it is published: links to them are accepted and they are not read.

    Raises SiteCheckError with every problem found.
    """
    folder = folder.resolve()
    if not (folder / MANIFEST_NAME).is_file():
        raise SiteCheckError(f"{folder} holds no {MANIFEST_NAME}; the build did not finish")
    manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    beside_folders = {Path(name).parts[0] for name in beside}
    problems = _changed_files(folder, manifest["files"])
    pages: dict[Path, _Page] = {}
    for path in sorted(folder.rglob("*.html")):
        if path.relative_to(folder).parts[0] in beside_folders:
            continue
        pages[path] = _Page.of(path)
    if not pages:
        problems.append("there is no page")
    for path, page in pages.items():
        found = [
            *page.problems,
            *_page_problems(page, "sample" in _sources(path.relative_to(folder), manifest["parts"])),
        ]
        for link in page.links:
            found += _link_problems(link, path, folder, pages, beside)
        problems += [f"{path.relative_to(folder)}: {problem}" for problem in found]
    for path in sorted(folder.glob("assets/*.css")):
        for match in _CSS_REFERENCE.finditer(path.read_text(encoding="utf-8")):
            reference = match.group(1) or match.group(2)
            if not reference.startswith("data:"):
                found = _link_problems(reference, path, folder, pages, beside)
                problems += [f"{path.relative_to(folder)}: {problem}" for problem in found]
    if problems:
        raise SiteCheckError(f"{len(problems)} problem(s) in the built pages:\n" + "\n".join(problems))
    return len(pages)


def _sources(page: Path, parts: Mapping[str, Any]) -> Sequence[str]:
    """Sources of the part that the page is in: that of its folder, or the one at the site's top."""
    folder = page.parts[0] if page.parts[0] in parts else ""
    return list(parts[folder]["sources"]) if folder in parts else []


def _changed_files(folder: Path, expected: dict[str, str]) -> list[str]:
    problems = []
    for name, sha256 in expected.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name}: named in {MANIFEST_NAME} and not there")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            problems.append(f"{name}: not the bytes that were built")
    return problems


def _page_problems(page: _Page, is_sample: bool) -> list[str]:
    problems = []
    if page.words < MINIMUM_WORDS:
        problems.append(f"only {page.words} words: the page is empty")
    if is_sample and not page.has_banner:
        problems.append("shows sample data without the banner that says so")
    for block in page.json_blocks:
        try:
            json.loads(block)
        except ValueError as error:
            problems.append(f"inlined JSON does not parse: {error}")
    return problems


def _link_problems(link: str, path: Path, folder: Path, pages: dict[Path, _Page], beside: Sequence[str]) -> list[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link.startswith("//"):
        return [f"points outside the site: {link}"]
    if link.startswith("/"):
        return [f"an absolute path, which does not open from disk: {link}"]
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(folder):
        return [f"points outside the folder: {link}"]
    if target.relative_to(folder).as_posix() in beside:
        return []
    if not target.is_file():
        return [f"leads nowhere: {link}"]
    if parts.fragment and target in pages and parts.fragment not in pages[target].identifiers:
        return [f"leads to no element: {link}"]
    return []
