"""The wheel holds every file that the code looks for, and an installation's lock is the tested one's."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.test_layout import tracked_files
from tests.conftest import PROJECT_ROOT

PACKAGED = {"orchestration", "ml_assets", "dbt_project", "workspace.yaml"}


def pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a lock file."""
    entries = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for entry in entries:
        name, version = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.+!]+)", entry).groups()  # type: ignore[union-attr]
        found[canonicalize_name(name)] = (version, frozenset(re.findall(r"sha256:\w{64}", entry)))
    return found


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=PROJECT_ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {path.relative_to(PROJECT_ROOT).as_posix() for path in tracked_files() if path.exists()}
    assert held == {name for name in wanted if name.split("/")[0] in PACKAGED}


def test_an_installation_gets_what_was_tested() -> None:
    tested, installed = pins(PROJECT_ROOT / "requirements.lock"), pins(PROJECT_ROOT / "deploy" / "requirements.lock")
    assert {name: pin for name, pin in installed.items() if tested.get(name) != pin} == {}, "make lock"
    assert all(hashes for _, hashes in installed.values())
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["kubernetes"], *extras["vault"]]
    missing = {canonicalize_name(Requirement(text).name) for text in asked} - set(installed)
    assert missing == set(), "make lock"
    development = {canonicalize_name(Requirement(text).name) for text in extras["dev"]}
    assert "pytest" in development
    assert "pytest" not in installed


def test_a_release_is_built_with_the_locked_tool() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    [tool] = project["build-system"]["requires"]
    assert tool in project["project"]["optional-dependencies"]["dev"]
