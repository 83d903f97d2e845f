"""The arguments that dbt is given, and the sentence when it fails."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbt.cli.main import dbtRunnerResult

from orchestration.core import dbt
from orchestration.core.dbt import build_arguments, failed_nodes, project_fingerprint
from orchestration.core.partitions import Quarter
from orchestration.core.settings import Engine, Settings

VARS = {"pass_mark": 40}


def test_quarters_go_to_dbt_sorted_beside_the_contract() -> None:
    arguments = build_arguments([Quarter(2026, 2), Quarter(2026, 1)], VARS)
    assert json.loads(arguments[arguments.index("--vars") + 1]) == {"pass_mark": 40, "quarters": ["2026Q1", "2026Q2"]}


def test_only_the_last_step_runs_the_tests_that_reach_back() -> None:
    assert build_arguments([], VARS, is_last_step=False)[-1] == "buildable"
    assert build_arguments([], VARS)[-1] == "eager"


def test_unit_tests_are_left_to_make_test_and_other_commands_have_no_such_option() -> None:
    assert "unit_test" in build_arguments([], VARS)
    assert "unit_test" not in build_arguments([], VARS, ["parse"])


def test_another_contract_or_engine_is_another_manifest() -> None:
    postgres, spark = Settings(engine=Engine.POSTGRES), Settings(engine=Engine.SPARK)
    assert project_fingerprint(postgres, VARS) == project_fingerprint(postgres, dict(VARS))
    assert project_fingerprint(postgres, VARS) != project_fingerprint(postgres, {"pass_mark": 41})
    assert project_fingerprint(postgres, VARS) != project_fingerprint(spark, VARS)


def test_failures_are_named_with_the_line_that_says_why() -> None:
    outcomes = [
        SimpleNamespace(
            node=SimpleNamespace(unique_id="test.quarterdeck.unique_x.123"),
            status="fail",
            message="Got 2 results\nmore",
        ),
        SimpleNamespace(node=SimpleNamespace(unique_id="model.quarterdeck.fct_y"), status="success", message="ok"),
        SimpleNamespace(node=SimpleNamespace(unique_id="model.quarterdeck.fct_z"), status="error", message=None),
        SimpleNamespace(
            node=SimpleNamespace(unique_id="model.quarterdeck.fct_v"),
            status="error",
            message="Database Error in model fct_v (models/fct_v.sql)\n  cannot drop columns from view\n  compiled code at x",
        ),
    ]
    result = dbtRunnerResult(success=False, result=SimpleNamespace(results=outcomes))
    assert failed_nodes(result) == ["unique_x: Got 2 results", "fct_z: error", "fct_v: cannot drop columns from view"]
    assert failed_nodes(dbtRunnerResult(success=False)) == []


def test_a_domain_depends_on_its_own_folders_and_on_what_all_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "PROJECT_DIR", tmp_path)
    places = (
        "dbt_project.yml",
        "macros/shared.sql",
        "models/groups.yml",
        "models/loans/marts/fct_loans.sql",
        "seeds/loans/terms.csv",
        "models/rides/marts/fct_rides.sql",
        "tests/rides/one.sql",
    )
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("before")
    found = {}
    for place in places:
        before = [project_fingerprint(Settings(), VARS, domain) for domain in ("loans", "rides", None)]
        (tmp_path / place).write_text("after")
        after = [project_fingerprint(Settings(), VARS, domain) for domain in ("loans", "rides", None)]
        found[place] = [one != other for one, other in zip(before, after, strict=True)]
    assert found == {
        place: [True, True, True]
        if "loans" not in place and "rides" not in place
        else ["loans" in place, "rides" in place, True]
        for place in places
    }
