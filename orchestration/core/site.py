"""Build a part of a static site into a folder and put the site in the place of the old one; nothing here knows a domain."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from orchestration.core.figures import marked
from orchestration.core.site_format import FILTERS, moment
from orchestration.core.site_parts import MANIFEST_NAME, read_manifest

CORE_FOLDER = Path(__file__).parent
STATIC_FOLDER = CORE_FOLDER / "static"
TEMPLATE_FOLDER = CORE_FOLDER / "templates"

# No eval, no inline script or style, no request to anywhere: the browser holds the pages to it. The one Trusted Types
# policy (static/charts.js) accepts nothing but the empty text, with which vega-embed clears its element.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)

_JSON_ESCAPES = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
_BUNDLE_SNIPPET = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True)
class SourceFile:
    """A file the pages were made from: its name, SHA-256 (hex) and source (`kaggle`, `file` or `sample`)."""

    name: str
    sha256: str
    source: str


@dataclass(frozen=True)
class SiteFacts:
    """What every page of a part says of itself.

    area: the part's folder in the site, "" for the part at its top. navigation: the part's own pages, areas: the first page
    of every part; both (address from the site's top, label). disclosure: the rules that protect small numbers, if any do.
    """

    product: str
    title: str
    edition: str
    quarter: str
    built_at: datetime
    run_id: str
    files: Sequence[SourceFile]
    navigation: Sequence[tuple[str, str]]
    sources: Sequence[str]
    areas: Sequence[tuple[str, str]] = ()
    area: str = ""
    disclosure: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_sample(self) -> bool:
        """Whether any of the data shown is generated."""
        return "sample" in self.sources

    @property
    def is_all_sample(self) -> bool:
        """Whether all of the data shown is generated."""
        return set(self.sources) == {"sample"}


def json_for_script(value: Any) -> Markup:
    """Return JSON that can stand inside a script element: `<`, `>`, `&`, U+2028 and U+2029 are escapes.

    Raises ValueError on NaN or infinity, which JSON has no words for.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_default)
    return Markup(text.translate(_JSON_ESCAPES))  # noqa: S704 - safe by these escapes


def _json_default(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON; make it plain first")


def environment(*template_folders: Path) -> jinja2.Environment:
    """Return the Jinja environment of the pages: everything is escaped and a missing value is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder) for folder in (*template_folders, TEMPLATE_FOLDER)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    made.filters["script_json"] = json_for_script
    made.filters["figure"] = marked
    return made


def vega_bundle(cache_folder: Path | None = None) -> str:
    """Return Vega, vega-embed and the expression interpreter as one classic script that sets `window.vegaEmbed`.

    Bundling takes a second and the memory of a whole JavaScript engine, so the text is kept in cache_folder.
    """

    def make() -> str:
        import vl_convert

        return str(vl_convert.javascript_bundle(_BUNDLE_SNIPPET))

    return kept_text(cache_folder, "vega.js", _BUNDLE_SNIPPET, make)


def kept_text(cache_folder: Path | None, name: str, made_from: str, make: Callable[[], str]) -> str:
    """Return the text that `make` gives; kept in cache_folder for as long as `made_from` and the chart library are the same."""
    if cache_folder is None:
        return make()
    key = hashlib.sha256(made_from.encode()).hexdigest()[:8]
    path = cache_folder / f"{version('vl-convert-python')}-{key}-{name}"
    if not path.exists():
        cache_folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(make(), encoding="utf-8")
        partial.replace(path)
    return path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class FurtherPage:
    """A page that a site carries besides its own: its address in the site, its name in the navigation, and what writes it."""

    address: str
    label: str
    write: Callable[["SiteBuilder"], object]


@dataclass
class SiteBuilder:
    """Collects the files of one part of a build, in `facts.area`; no file of that part may be there yet.

    downloads: by table (`schema.table`), what the part offers of it, as (title, address from the site's top).

    Raises FileExistsError when it holds anything: a page left from another build would be published with this one.
    """

    folder: Path
    facts: SiteFacts
    templates: jinja2.Environment
    written: list[Path] = field(default_factory=list)
    downloads: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        left = [name for name in self._own_files() if name.startswith(self.facts.area)]
        if left:
            raise FileExistsError(f"{self.folder} is not empty ({left[0]}); build the pages into a new folder")
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, relative: str, text: str) -> Path:
        """Write one text file; `relative` is its address from the site's top."""
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        self.written.append(path)
        return path

    def page(self, name: str, *, folder: str | None = None, template: str | None = None, **context: Any) -> Path:
        """Render a template (that of the page's own name) into the part's folder, or another one.

        Added to its context: `site`, `current` (the page's address), `root` (the way to the site's top) and the security policy.
        """
        folder = self.facts.area if folder is None else folder
        address = f"{folder}/{name}" if folder else name
        shared = {
            "site": self.facts,
            "current": address,
            "root": "../" * address.count("/"),
            "policy": CONTENT_SECURITY_POLICY,
        }
        return self.write(address, self.templates.get_template(template or name).render(**shared, **context))

    def _own_files(self) -> list[str]:
        """The files that no other part names."""
        parts = read_manifest(self.folder)["parts"]
        others = {name for area, part in parts.items() if area != self.facts.area for name in part["files"]}
        found = {file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()}
        return sorted(found - others - {MANIFEST_NAME})

    def static(self, *folders: Path) -> None:
        """Copy style sheets and scripts into assets/, which all parts share."""
        for folder in folders:
            for source in sorted(folder.iterdir()):
                self.write(f"assets/{source.name}", source.read_text(encoding="utf-8"))

    def shared_static(self) -> None:
        """Copy what every page needs into assets/, without what draws charts."""
        for name in ("site.js", "tables.js", "site.css", "data.css", "icon.svg"):
            self.write(f"assets/{name}", (STATIC_FOLDER / name).read_text(encoding="utf-8"))

    def manifest(self, *, is_placeholder: bool = False) -> Path:
        """Write site.json: what was built, from what, with the hash of every file. Files that no other part names are this one's.

        A placeholder is not taken over into later builds.
        """
        parts = read_manifest(self.folder)["parts"]
        about: dict[str, Any] = {
            "title": self.facts.title,
            "edition": self.facts.edition,
            "quarter": self.facts.quarter,
            "built_at": self.facts.built_at.isoformat(),
            "run_id": self.facts.run_id,
            "sources": sorted(self.facts.sources),
        }
        if self.facts.disclosure:
            about["disclosure"] = dict(self.facts.disclosure)
        own = self._own_files()
        if is_placeholder:
            about["is_placeholder"] = True
        parts[self.facts.area] = {**about, "downloads": self.downloads, "files": own}
        return write_manifest(self.folder, {**about, "parts": parts})


def write_manifest(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write site.json: `content`, and the hash of every file that one of its parts names."""
    names = {name for part in content["parts"].values() for name in part["files"]}
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(names)}
    path = folder / MANIFEST_NAME
    path.write_text(
        json.dumps({**content, "files": files}, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n"
    )
    return path


def publish(
    build_folder: Path, site_folder: Path, keep: int = 2, may_publish: Callable[[], object] = lambda: None
) -> Path:
    """Make site_folder show the build, whole, in one step; return the build's folder.

    site_folder is a symbolic link and the step is one rename over it, so that a reader sees the old site or the new
    one. A real folder found in its place (from another tool) is moved aside first. Of the builds beside this one, told
    by their manifest, the newest `keep` stay: a page opened before the swap can still load its scripts.

    may_publish: asked when all but the rename is done; raises where another publisher has taken over. Whoever publishes takes
    away the links that others have made ready: one that was asked before the other took over, and slept since, has none to rename.
    """
    build_folder = build_folder.resolve()
    if not (build_folder / MANIFEST_NAME).is_file():
        raise FileNotFoundError(f"{build_folder} holds no {MANIFEST_NAME}; only a finished build can be published")
    site_folder.parent.mkdir(parents=True, exist_ok=True)
    for left in site_folder.parent.glob(f".{site_folder.name}.*.link"):
        left.unlink(missing_ok=True)
    link = site_folder.with_name(f".{site_folder.name}.{os.getpid()}.link")
    link.symlink_to(os.path.relpath(build_folder, site_folder.parent.resolve()), target_is_directory=True)
    if site_folder.is_dir() and not site_folder.is_symlink():
        site_folder.rename(site_folder.with_name(f"{site_folder.name}.{os.getpid()}.replaced"))
    may_publish()
    link.replace(site_folder)
    os.utime(build_folder)
    builds = [path.parent for path in build_folder.parent.glob(f"*/{MANIFEST_NAME}") if not path.parent.is_symlink()]
    newest_first = sorted(builds, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in newest_first[keep:]:
        if old != build_folder:
            shutil.rmtree(old)
    return build_folder
