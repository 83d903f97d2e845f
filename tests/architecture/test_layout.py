"""The rules of docs/architecture.md that a machine can hold."""

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.dbt import load_manifest
from orchestration.core.dbt_translator import DomainTranslator, layer_of
from orchestration.core.monitoring.defs import source_freshness
from orchestration.core.settings import get_settings
from orchestration.definitions import DOMAINS, build_definitions, dbt_variables

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    ".ci", ".dockerignore", ".env.example", ".gitignore", ".pre-commit-config.yaml", ".yamllint", "CHANGELOG.md", "LICENSE",
    "Makefile", "README.md", "dbt_project", "deploy", "docs", "ml_assets", "orchestration", "pyproject.toml", "requirements.lock",
    "tests", "workspace.yaml",
}  # fmt: skip
# The names that tell what a module of a domain is about; a domain may add modules that only its own data needs.
MAXIMUM_LINES = 320


def tracked_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, object]]]:
    settings = get_settings().model_copy(update={"home": tmp_path_factory.mktemp("manifest")})
    return load_manifest(settings, dbt_variables(settings))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(get_settings().model_copy(update={"home": tmp_path_factory.mktemp("definitions")}))


def nodes(manifest: dict[str, dict[str, dict[str, object]]], kind: str) -> list[dict[str, object]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == kind]


def test_top_level_holds_what_the_design_names() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked_files()} <= TOP_LEVEL


def test_no_module_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked_files()
        if path.suffix in {".py", ".sql"} and (count := len(path.read_text().splitlines())) > MAXIMUM_LINES
    }
    assert long == {}


def test_no_file_is_a_plan_a_diary_or_a_left_over() -> None:
    pattern = re.compile(
        r"(^|/)(todo|plan|notes?|summary|progress|scratch|wip|utils|helpers|.*_v2|.*_final)[^/]*$", re.IGNORECASE
    )
    found = [str(path.relative_to(ROOT)) for path in tracked_files() if pattern.search(str(path.relative_to(ROOT)))]
    assert [name for name in found if name != "orchestration/core/progress.py"] == []


def test_folder_is_schema_is_layer_and_group_is_domain(manifest: dict[str, dict[str, dict[str, object]]]) -> None:
    translator = DomainTranslator(dg.AssetKey(["raw"]))
    models = [*nodes(manifest, "model"), *nodes(manifest, "seed")]
    assert len(models) > 15
    for node in models:
        domain = str(node["original_file_path"]).split("/")[1]
        assert node["schema"] == f"{domain}_{layer_of(node)}", node["name"]
        assert translator.get_group_name(node) == domain
        assert translator.get_tags(node)["layer"] == layer_of(node)
        assert translator.get_asset_key(node).path == [domain, node["name"]]


def test_names_follow_their_layer(manifest: dict[str, dict[str, dict[str, object]]]) -> None:
    for node in nodes(manifest, "model"):
        name, domain = str(node["name"]), str(node["original_file_path"]).split("/")[1]
        pattern = rf"stg_{domain}__\w+" if layer_of(node) == "staging" else r"(fct|dim|rpt)_\w+"
        assert re.fullmatch(pattern, name), name


def test_every_model_and_column_is_described_and_marts_have_contracts(
    manifest: dict[str, dict[str, dict[str, object]]],
) -> None:
    for node in nodes(manifest, "model"):
        assert str(node["description"]).startswith("Grain:"), node["name"]
        columns: dict[str, dict[str, str]] = node["columns"]  # type: ignore[assignment]
        assert columns, node["name"]
        assert [name for name, column in columns.items() if not column["description"]] == [], node["name"]
        config: dict[str, dict[str, object]] = node["config"]  # type: ignore[assignment]
        if layer_of(node) == "marts":
            assert config["contract"]["enforced"], node["name"]
            assert node["access"] == "protected"
        else:
            assert node["access"] == "private"


def test_marts_are_for_analysts_and_pages_and_staging_for_nobody(
    manifest: dict[str, dict[str, dict[str, object]]],
) -> None:
    for node in [*nodes(manifest, "model"), *nodes(manifest, "seed")]:
        config: dict[str, object] = node["config"]  # type: ignore[assignment]
        readers = {"select": ["analyst", "publisher"]} if layer_of(node) == "marts" else {}
        assert config["grants"] == readers, node["name"]


def test_every_source_names_the_asset_that_writes_it(
    manifest: dict[str, dict[str, dict[str, object]]], definitions: dg.Definitions
) -> None:
    written = definitions.resolve_asset_graph().materializable_asset_keys
    for source in manifest["sources"].values():
        assert DomainTranslator(dg.AssetKey(["raw"])).get_asset_key(source) in written, source["name"]


def test_every_dbt_data_test_is_an_asset_check(
    manifest: dict[str, dict[str, dict[str, object]]], definitions: dg.Definitions
) -> None:
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    # That of the macros reads no table.
    tests = {str(node["name"]) for node in nodes(manifest, "test") if node["depends_on"]["nodes"]}  # type: ignore[index]
    assert len(tests) > 20
    assert tests - checks == set()


def test_every_domain_has_the_same_files() -> None:
    names = ("assets.py", "automation.py", "checks.py", "commands.py", "contract.yml", "defs.py", "freshness.py", "ingest.py",
             "pages.py", "publish.py")  # fmt: skip
    for domain in DOMAINS:
        folder = ROOT / "orchestration" / domain
        assert [name for name in names if not (folder / name).is_file()] == [], domain
        assert (ROOT / "dbt_project" / "models" / domain / "_sources.yml").is_file()
    found = {path.parent.name for path in (ROOT / "orchestration").glob("*/defs.py")}
    assert found == set(DOMAINS)


def test_the_command_knows_the_domains_without_loading_what_is_slow_or_must_be_told_of_memory_first() -> None:
    late = {"dagster", "dbt", "numpy", "pandas", "pyarrow", "sklearn"}
    code = f"import sys, orchestration.cli as c; assert c.common.DOMAINS; print(*sorted({late} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_graph_leads_from_the_file_to_the_pages_without_a_hole(definitions: dg.Definitions, domain: str) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.external_asset_keys == set()
    own = {key for key in graph.materializable_asset_keys if key.path[0] == domain}
    first, last = dg.AssetKey([domain, "landing_files"]), dg.AssetKey([domain, "pages"])
    assert graph.get(first).parent_keys == set()
    upstream = dg.AssetSelection.assets(last).upstream().resolve(graph)
    # The coded data is for people's own models, measures are for monitoring, not for the pages.
    assert {key.path[-1] for key in own - upstream} <= {
        "fct_coded_results", "dim_codes", "score_range_clusters", "fct_score_range_cells", "rpt_quarter_measures",
        "rpt_attendance_quarter_measures",
    }  # fmt: skip
    for key in own:
        node = graph.get(key)
        assert node.group_name == domain, key
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert {"layer", "zone"} <= set(node.tags), key
        assert (node.partitions_def is not None) == (key.path[0] != "platform"), key


def test_every_source_has_a_freshness_policy(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    sources = {key for key in graph.materializable_asset_keys if graph.get(key).tags.get("zone") == "landing"}
    assert {key.path[0] for key in sources} == set(DOMAINS)
    for key in sources:
        policy = graph.get(key).freshness_policy
        assert policy is not None, key
        assert policy == source_freshness(key.path[0]), key
