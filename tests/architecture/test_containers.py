"""What deploy/compose.yaml and deploy/Dockerfile promise, as far as reading them can tell; tests/containers runs them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.core.postgres import DATABASE_NAME
from orchestration.core.roles import Role, role_name
from orchestration.core.settings import SECRETS_DIR, Settings
from tests.conftest import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
STAGES = {"etl": "etl", "ml": "ml", "visualization": "publish"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def images() -> list[tuple[str, str]]:
    """Each stage of the Dockerfile: its name and its text."""
    parts = re.split(r"^FROM ", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return [(part.split("\n")[0].split(" AS ")[1], part) for part in parts]


def test_every_service_is_there_and_none_may_more_than_it_needs(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"database", *STAGES, "pages", "webserver", "daemon"}
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert not service.get("privileged"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] not in ("0", "root"), name
        assert service["networks"] == ["quarterdeck"], name


def test_what_goes_on_running_has_a_health_check_and_stages_end(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == ("restart" in service) == (name not in STAGES), name


def test_stages_and_dagster_wait_for_the_database(compose: dict[str, Any]) -> None:
    for name in (*STAGES, "webserver", "daemon"):
        service = compose["services"][name]
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}, name
        assert float(service["environment"]["QUARTERDECK_DATABASE_WAIT_SECONDS"]) >= 60, name
        known = {f"QUARTERDECK_{field.upper()}" for field in Settings.model_fields}
        assert set(service["environment"]) <= known, name
    for name, stage in STAGES.items():
        assert compose["services"][name]["command"][:2] == ["stage", stage]


def test_only_the_loaders_have_keys_and_only_publishers_write_pages(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if "superuser_password" in service["secrets"]} == {"database"}
    for key in ("quarterdeck_landing_keys", "quarterdeck_pseudonym_key"):
        assert {name for name, service in services.items() if key in service["secrets"]} == {"etl", "daemon"}
    for volume, writers in (("landing", {"etl", "daemon"}), ("pages", {"visualization", "daemon"})):
        mounted = {
            name: mount.endswith(":ro")
            for name, service in services.items()
            for mount in service["volumes"]
            if mount.startswith(f"{volume}:")
        }
        assert {name for name, is_read_only in mounted.items() if not is_read_only} == writers, volume
    assert "ports" not in services["database"]
    assert services["webserver"]["ports"][0].startswith("127.0.0.1:")


def test_secrets_are_files_of_the_settings_names_and_in_no_environment(compose: dict[str, Any]) -> None:
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"${{QUARTERDECK_SECRETS:-./secrets}}/{name}"}
    known = {f"quarterdeck_{field}" for field in Settings.model_fields}
    assert {name for name in compose["secrets"] if name.startswith("quarterdeck_")} <= known
    assert str(SECRETS_DIR) == "/run/secrets"
    for name, service in compose["services"].items():
        assert not re.search(r"password|_key|token|secret|url", str(service.get("environment", "")).lower()), name
    ignored = (PROJECT_ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/secrets/" in ignored


def test_a_secret_of_the_container_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck_database_url").write_text("postgresql://quarterdeck:word@database/quarterdeck\n")
    found = Settings(_env_file=None, _secrets_dir=tmp_path).database_url  # type: ignore[call-arg]
    assert found is not None
    assert found.get_secret_value() == "postgresql://quarterdeck:word@database/quarterdeck"


def test_made_secrets_are_of_the_owner_alone_and_stay(tmp_path: Path, compose: dict[str, Any]) -> None:
    folder = tmp_path / "secrets"

    def made() -> dict[str, bytes]:
        subprocess.run([DEPLOY / "make_secrets.sh", folder], check=True, capture_output=True)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first = made()
    assert set(first) == set(compose["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "quarterdeck_pseudonym_key").unlink()
    second = made()
    assert {name for name in first if first[name] != second[name]} == {"quarterdeck_pseudonym_key"}


def test_bases_are_pinned_by_their_full_names(compose: dict[str, Any]) -> None:
    named = [text.split()[0] for _, text in images()]
    named += [service["image"] for service in compose["services"].values() if "build" not in service]
    assert named
    for name in named:
        assert re.fullmatch(r"docker\.io/library/[a-z]+(:\d[\w.-]*|@sha256:[0-9a-f]{64})", name), name


def test_images_run_as_a_user_and_hold_nothing_but_what_is_named() -> None:
    final = dict(images())
    for name in ("quarterdeck", "pages"):
        [user] = re.findall(r"^USER (\S+)$", final[name], flags=re.MULTILINE)
        assert user.split(":")[0] not in ("0", "root"), name
        # From the last instruction that needs root on.
        assert not re.search(r"^(RUN|COPY|ADD)", final[name].split("USER ")[1], flags=re.MULTILINE), name
    whole = "".join(text for _, text in images())
    assert "--require-hashes" in whole
    assert not re.search(r"^(ARG|ADD) ", whole, flags=re.MULTILINE)
    allowed = [line for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert allowed[0] == "*"
    assert [
        line for line in allowed[1:] if not line.startswith(("!dist/", "!deploy/requirements.lock", "!deploy/nginx/"))
    ] == []


def test_the_database_makes_the_roles_that_the_code_works_as() -> None:
    text = (DEPLOY / "database" / "logins.sql").read_text()
    made = set(re.findall(r"'(\w+)'", text[text.index("array[") : text.index("])")]))
    assert made == {role_name(DATABASE_NAME, role) for role in Role}
    [granted] = re.findall(r"^grant ([\w, ]+)\nto quarterdeck;$", text, flags=re.MULTILINE)
    assert set(granted.split(", ")) == made
    for privilege in ("superuser", "createdb", "createrole", "replication", "bypassrls"):
        assert f" no{privilege}" in text
