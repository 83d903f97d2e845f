"""What dbt's nodes are called in Dagster: keys, groups and tags."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

ZONES = {"staging": "trusted", "marts": "curated"}


class DomainTranslator(DagsterDbtTranslator):
    """Names dbt's nodes in Dagster: key `<domain>/<model>`, group `<domain>`, tags `layer` and `zone`.

    Folder = schema = layer, as in `dbt_project/macros/generate_schema_name.sql`; a test compares the two.
    Seeds are said to follow `raw_table`: without any upstream asset, Dagster would give them a dbt process of their own.
    """

    def __init__(self, raw_table: dg.AssetKey) -> None:
        # One asset may write several tables.
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._raw_table = raw_table

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The asset of a dbt node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("seed."):
            return spec.replace_attributes(deps=[self._raw_table])
        return spec

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<domain>/<name>`; a source names the asset that writes it in `meta.dagster.asset_key`."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([domain_of(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The domain."""
        return domain_of(dbt_resource_props)

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """The layer (dbt's word) and the zone (the office's word)."""
        if dbt_resource_props["resource_type"] == "source":
            return {}  # the asset that writes it says so itself
        layer = layer_of(dbt_resource_props)
        return {"layer": layer, "zone": ZONES[layer]}


def domain_of(dbt_resource_props: Mapping[str, Any]) -> str:
    """`models/<domain>/<layer>/...` -> the domain."""
    return str(dbt_resource_props["fqn"][1])


def layer_of(dbt_resource_props: Mapping[str, Any]) -> str:
    """`models/<domain>/<layer>/...` -> the layer; seeds are small lookup tables of the staging layer."""
    return "staging" if dbt_resource_props["resource_type"] == "seed" else str(dbt_resource_props["fqn"][2])
