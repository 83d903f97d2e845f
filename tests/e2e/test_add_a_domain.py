"""docs/add-a-domain.md, followed to the letter in a copy of the project: its blocks make a domain that runs and keeps the rules."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "add-a-domain.md"
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUARTER = "2026Q3"


def follow(page: str, project: Path) -> None:
    """Write every block of the page that names a file; a diff replaces the lines that begin with - by those with +."""
    for language, place, text in BLOCK.findall(page):
        path = project / place
        if language == "diff":
            old, new = (
                "".join(line[1:] + "\n" for line in text.splitlines() if line.startswith(sign)) for sign in "-+"
            )
            content = path.read_text()
            assert content.count(old) == 1, f"{place} has not once: {old}"
            path.write_text(content.replace(old, new))
        else:
            assert not path.exists(), place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (project / "orchestration" / "loans" / "__init__.py").touch()


class Scratch:
    """A copy of the project with the page's domain, and commands that run in it."""

    def __init__(self, folder: Path) -> None:
        self.project, self.home = folder / "project", folder / "home"
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for name in names:
            if (PROJECT_ROOT / name).is_file():
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(PROJECT_ROOT / name, self.project / name)
        follow(PAGE.read_text(), self.project)
        for command in (["init", "--quiet"], ["add", "--all"]):
            subprocess.run(["git", *command], cwd=self.project, check=True)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")},
            "PYTHONPATH": str(self.project),
            "QUARTERDECK_HOME": str(self.home),
            "COLUMNS": "300",
            "NO_COLOR": "1",
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def quarterdeck(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-c", "from orchestration.cli import app; app()", *arguments)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    return Scratch(tmp_path_factory.mktemp("add_a_domain"))


def test_the_domain_runs_from_the_file_to_the_page_and_an_unchanged_rerun_does_nothing(scratch: Scratch) -> None:
    result = scratch.quarterdeck("run", "--domain", "loans", "--source", "sample", "--quarter", QUARTER)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{QUARTER}: 41 rows read = 40 trusted + 1 set aside" in result.stdout
    manifest = json.loads((scratch.home / "site" / "site.json").read_text())
    assert "loans/index.html" in manifest["parts"]["loans"]["files"]
    assert "School 40" in (scratch.home / "site" / "loans" / "index.html").read_text()
    again = scratch.quarterdeck("run", "--domain", "loans", "--source", "sample", "--quarter", QUARTER)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (scratch.home / "site" / "site.json").read_text() == json.dumps(manifest, indent=1, sort_keys=True) + "\n"


def test_too_many_faults_stop_the_quarter(scratch: Scratch, tmp_path: Path) -> None:
    broken = tmp_path / "anything.csv"
    broken.write_text(f"Period,School Name,Books Lent\n{QUARTER},A,7\n{QUARTER},B,many\n")
    result = scratch.quarterdeck("run", "--domain", "loans", "--source", str(broken))
    assert result.returncode == 1
    assert "1 of 2 rows are faulty, more than the limit of 5 %" in result.stderr
    assert "School 40" in (scratch.home / "site" / "loans" / "index.html").read_text()


def test_the_projects_rules_hold_with_it(scratch: Scratch, tmp_path: Path) -> None:
    for arguments in (
        # With the usual folder, pytest would close it to the user of the embedded servers that other tests have in there.
        (
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--basetemp={tmp_path / 'pytest'}",
            "tests/architecture/test_layout.py",
        ),
        ("-m", "ruff", "check", "orchestration"),
        ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
    ):
        result = scratch.python(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
