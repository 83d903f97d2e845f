"""Build the catalog: every dataset of every domain, as a pure function of what is known about them.

What is known comes from the dbt project as parsed, Dagster's assets, the tables that the database has at this moment, and
the platform's own records (`catalog_facts.py` reads them), so the catalog cannot tell of anything else than was built.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestration.core.catalog import PLATFORM, ZONES, Asset, Check, Column, Dataset, Facts, Relation
from orchestration.core.catalog_lineage import ColumnLineage
from orchestration.core.profile_personal import CLASSES, NONE


def build_catalog(facts: Facts) -> list[Dataset]:
    """Every dataset, by domain, zone and name."""
    described = {f"{node['schema']}.{node['name']}": node for node in _tables_of(facts.manifest)}
    assets = {asset.key: asset for asset in facts.assets}
    ids = _ids_by_asset(facts, described)
    datasets = [
        *(_of_files(asset, facts) for asset in facts.assets if asset.layer == "landing"),
        *(_of_relation(relation, described, assets, facts) for relation in facts.relations),
        *(_of_page(page) for page in facts.manifest["exposures"].values()),
    ]
    by_id = {dataset.id: dataset for dataset in datasets}
    _link(by_id, facts, described, ids)
    for dataset in datasets:
        _place_in_time(dataset, by_id, facts)
    _trace_columns(by_id, facts.lineage)
    order = [*dict.fromkeys(ZONES.values()), PLATFORM]
    return sorted(datasets, key=lambda one: (one.domain == PLATFORM, one.domain, order.index(one.zone), one.id))


def undescribed(facts: Facts) -> list[str]:
    """Tables and views of the database of which neither dbt nor a comment in the database says what they are."""
    described = {f"{node['schema']}.{node['name']}" for node in _tables_of(facts.manifest) if node["description"]}
    described |= {f"{one.schema}.{one.name}" for one in facts.relations if one.comment}
    return sorted(f"{one.schema}.{one.name}" for one in facts.relations if f"{one.schema}.{one.name}" not in described)


def missing(facts: Facts) -> list[str]:
    """Tables and views that are described and not in the database, though others of their schema are.

    A schema without any was never built: its domain has not run here yet.
    """
    present = {f"{one.schema}.{one.name}" for one in facts.relations}
    built = {one.schema for one in facts.relations}
    described = [node for node in _tables_of(facts.manifest) if node["schema"] in built]
    return sorted({f"{node['schema']}.{node['name']}" for node in described} - present)


def _tables_of(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "snapshot")]
    return [*nodes, *manifest["sources"].values()]


def _asset_key(node: Mapping[str, Any]) -> str:
    if node["resource_type"] != "source":
        return f"{node['fqn'][1]}/{node['name']}"
    return "/".join(node["meta"].get("dagster", {}).get("asset_key", ()))


def _ids_by_asset(facts: Facts, described: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The dataset of each asset: its files where it receives some, else its table; of several, the one of its name."""
    tables: dict[str, str] = {}
    for id_, node in described.items():
        key = _asset_key(node)
        if key and (key not in tables or key.endswith(f"/{node['name']}")):
            tables[key] = id_
    return tables | {one.key: _files_id(one) for one in facts.assets if one.layer == "landing"}


def _files_id(asset: Asset) -> str:
    return f"landing.{asset.key.replace('/', '.')}"


def _of_files(asset: Asset, facts: Facts) -> Dataset:
    domain = asset.key.split("/")[0]
    number, size = facts.files.get(domain, (None, None))
    return Dataset(
        _files_id(asset),
        "received files",
        domain,
        "landing",
        "files",
        owner=asset.owner,
        grain="one file received",
        description=asset.description,
        columns=list(facts.landing_columns.get(asset.key, ())),
        rows=number,
        bytes=size,
    )


def _of_relation(
    relation: Relation, described: Mapping[str, Mapping[str, Any]], assets: Mapping[str, Asset], facts: Facts
) -> Dataset:
    id_ = f"{relation.schema}.{relation.name}"
    node = described.get(id_, {"description": "", "columns": {}, "resource_type": ""})
    asset = assets.get(_asset_key(node)) if id_ in described else None
    domain, _, layer = relation.schema.rpartition("_")
    domain = domain or relation.schema
    written: Mapping[str, Any] = node["columns"]
    grain, description = _grain(node["description"] or relation.comment)
    return Dataset(
        id_,
        relation.name,
        domain,
        PLATFORM if domain == PLATFORM else ZONES[layer],
        "seed" if node["resource_type"] == "seed" else relation.kind,
        owner=_owner(node, asset, facts.manifest),
        grain=grain,
        description=description,
        code=f"dbt_project/{node['original_file_path']}" if node["resource_type"] in ("model", "seed") else "",
        columns=[_column(*column, written.get(column[0], {})) for column in relation.columns],
        rows=relation.rows,
        bytes=relation.bytes,
    )


def _grain(text: str) -> tuple[str, str]:
    """A description begins with `Grain: one row a ... .`; returns the grain and the rest."""
    if not text.startswith("Grain: "):
        return "", text.strip()
    grain, *rest = re.split(r"\.\s", text.removeprefix("Grain: "), maxsplit=1)
    return grain.strip().rstrip("."), "".join(rest).strip()


def _column(name: str, type_: str, comment: str, written: Mapping[str, Any]) -> Column:
    """A column with what dbt says of it, or else a comment in the database, which may end in `Personal data: <class>.`."""
    in_comment = re.search(r" ?Personal data: (\w+)\.$", comment)
    described = written.get("description") or (comment[: in_comment.start()] if in_comment else comment)
    personal = written.get("config", {}).get("meta", {}).get("personal") or (in_comment[1] if in_comment else None)
    return Column(name, type_, described, personal or NONE, "written" if personal else "")


def _owner(node: Mapping[str, Any], asset: Asset | None, manifest: Mapping[str, Any]) -> str:
    groups = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    return groups.get(node.get("group") or "") or (asset.owner if asset else "") or "Platform"


def _of_page(page: Mapping[str, Any]) -> Dataset:
    return Dataset(
        f"pages.{page['name']}",
        page["label"] or page["name"],
        page["fqn"][1],
        "product",
        "page",
        owner=page["owner"]["name"] or "",
        description=page["description"],
    )


def _link(
    by_id: Mapping[str, Dataset],
    facts: Facts,
    described: Mapping[str, Mapping[str, Any]],
    ids: Mapping[str, str],
) -> None:
    """Set what each dataset is made from and used in, its checks and its downloads."""
    id_of_node = {node["unique_id"]: id_ for id_, node in described.items()}
    upstream: dict[str, Iterable[str]] = {
        f"pages.{page['name']}": (id_of_node[name] for name in page["depends_on"]["nodes"])
        for page in facts.manifest["exposures"].values()
    }
    for id_, node in described.items():
        if node["resource_type"] in ("model", "seed"):
            upstream[id_] = [id_of_node[name] for name in node["depends_on"].get("nodes", ()) if name in id_of_node]
    assets = {asset.key: asset for asset in facts.assets}
    for id_, node in described.items():
        # One asset may write several tables.
        if node["resource_type"] == "source" and (writer := assets.get(_asset_key(node))) and writer.layer != "landing":
            upstream[id_] = [ids[key] for key in writer.upstream if key in ids]
    for asset in facts.assets:
        id_ = ids.get(asset.key, "")
        if id_ in by_id:
            by_id[id_].checks = [
                Check(name, text, *facts.outcomes.get((asset.key, name), ("not run", None)))
                for name, text in asset.checks
            ]
    for id_, found in upstream.items():
        if id_ in by_id:
            by_id[id_].upstream = sorted({one for one in found if one in by_id and one != id_})
            for one in by_id[id_].upstream:
                by_id[one].downstream.append(id_)
    for dataset in by_id.values():
        dataset.downstream.sort()
        dataset.downloads = [(title, address) for title, address in facts.downloads.get(dataset.id, ())]


def _place_in_time(dataset: Dataset, by_id: Mapping[str, Dataset], facts: Facts) -> None:
    """Say which stage builds the dataset, and when it last did: what follows from a table of `ml` is built after it."""
    if dataset.domain == PLATFORM:
        return
    dataset.stage = "publish" if dataset.zone == "product" else "ml" if _follows_ml(dataset, by_id) else "etl"
    found = facts.stages.get((dataset.domain, dataset.stage))
    if found is not None:
        dataset.newest_quarter, dataset.built_at, dataset.run_id = found


def _follows_ml(dataset: Dataset, by_id: Mapping[str, Dataset]) -> bool:
    seen, waiting = set(), [dataset.id]
    while waiting:
        id_ = waiting.pop()
        if id_.split(".")[0].endswith("_ml"):
            return True
        if id_ not in seen:
            seen.add(id_)
            waiting += by_id[id_].upstream
    return False


def _trace_columns(by_id: Mapping[str, Dataset], lineage: ColumnLineage) -> None:
    """Set what columns are made from and used in; a class of personal data goes on to what is made from the column."""
    columns = {f"{id_}.{column.name}": column for id_, dataset in by_id.items() for column in dataset.columns}
    for table, found in lineage.made_from.items():
        for name, sources in found.items():
            if f"{table}.{name}" in columns:
                columns[f"{table}.{name}"].made_from = [source for source in sources if source in columns]
    for id_, column in columns.items():
        for source in column.made_from:
            columns[source].used_in.append(id_)
    waiting = list(columns.values())
    while waiting:
        column = waiting.pop()
        for user in (columns[id_] for id_ in column.used_in):
            # Yes or no tells no person from another, whatever it was asked about.
            may_inherit = user.personal_by in ("", "inherited") and user.type != "boolean"
            if may_inherit and CLASSES.index(column.personal) > CLASSES.index(user.personal):
                user.personal, user.personal_by = column.personal, "inherited"
                waiting.append(user)
    for dataset in by_id.values():
        dataset.personal = max((column.personal for column in dataset.columns), key=CLASSES.index, default=NONE)
