"""A running deploy/compose.yaml, with secrets, names and ports of its own."""

import base64
import hashlib
import json
import os
import socket
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from orchestration.core.partitions import current_quarter
from orchestration.core.settings import Settings
from tests.conftest import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
PROJECT = "quarterdeck-exam"
LOGIN = "dean:only for this exam"


class ExamError(Exception):
    """What did not hold, for people."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Deployment:
    """Services by their names in compose.yaml; `engine` is podman or docker, `compose` the command that reads that file."""

    def __init__(self, engine: str, compose: list[str], folder: Path) -> None:
        self.engine = engine
        self.secrets = folder / "secrets"
        # The schedule of mode test asks for the running quarter too.
        self.quarter = str(current_quarter(Settings(_env_file=None)))  # type: ignore[call-arg]
        self._compose = [*compose, "-p", PROJECT, "-f", str(DEPLOY / "compose.yaml")]
        self._https = free_port()
        self._environment = {
            **os.environ,
            "QUARTERDECK_SECRETS": str(self.secrets),
            "QUARTERDECK_HTTP": f"127.0.0.1:{free_port()}",
            "QUARTERDECK_HTTPS": f"127.0.0.1:{self._https}",
            "QUARTERDECK_UI": str(free_port()),
            "QUARTERDECK_QUARTER": self.quarter,
            "QUARTERDECK_SOURCE": "sample",
            "QUARTERDECK_MODE": "test",
        }
        self._run(str(DEPLOY / "make_secrets.sh"), str(self.secrets))
        name, _, password = LOGIN.partition(":")
        hashed = base64.b64encode(hashlib.sha1(password.encode() + b"salt").digest() + b"salt").decode()
        logins = self.secrets / "staff.htpasswd"
        logins.chmod(0o644)
        logins.write_text(f"{name}:{{SSHA}}{hashed}\n")

    def build(self) -> None:
        self._run(*self._compose, "build", "etl", "pages")

    def up(self, *services: str) -> None:
        # Without the dependencies' order, which not every compose keeps: each service has to wait by itself.
        self._run(*self._compose, "up", "-d", "--no-deps", *services)

    def down(self) -> None:
        self._run(*self._compose, "down", "--volumes", "--timeout", "5", check=False)

    def kill(self, service: str) -> bool:
        """Kill the container and wait until it is gone; False where it had ended by itself."""
        container = self.container(service)
        self._run(self.engine, "kill", "-s", "KILL", container, check=False)
        self._run(self.engine, "wait", container)
        return self.exit_code(service) == 137

    def start(self, service: str) -> None:
        self._run(self.engine, "start", self.container(service))

    def container(self, service: str) -> str:
        """The container's id."""
        label = f"label=com.docker.compose.service={service}"
        project = f"label=com.docker.compose.project={PROJECT}"
        found = self._run(self.engine, "ps", "-aq", "--filter", project, "--filter", label).split()
        if len(found) != 1:
            raise ExamError(f"There are {len(found)} containers of {service}, not one.")
        return found[0]

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine says of a container or an image."""
        return dict(json.loads(self._run(self.engine, "inspect", name))[0])

    def images(self) -> list[str]:
        """The images that were built here."""
        return sorted({self.inspect(self.container(service))["Image"] for service in ("etl", "pages")})

    def history(self, image: str) -> str:
        """The commands that the image was made by."""
        return self._run(self.engine, "history", "--no-trunc", image)

    def is_running(self, service: str) -> bool:
        return bool(self.inspect(self.container(service))["State"]["Running"])

    def exit_code(self, service: str) -> int:
        return int(self.inspect(self.container(service))["State"]["ExitCode"])

    def logs(self, service: str) -> str:
        """What the service wrote, in all its starts."""
        container = self.container(service)
        return subprocess.run(
            [self.engine, "logs", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout

    def inside(self, service: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the service's container."""
        return subprocess.run(
            [self.engine, "exec", self.container(service), *command], capture_output=True, text=True, check=check
        )

    def rows(self, query: str, *, check: bool = True) -> list[tuple[str, ...]]:
        """Rows of a query, as texts, asked in the database's own container."""
        answer = self.inside(
            "database", "psql", "-qAt", "-F", "\t", "-U", "postgres", "-d", "quarterdeck", "-c", query, check=check
        )
        return [tuple(line.split("\t")) for line in answer.stdout.splitlines()]

    def is_healthy(self, service: str) -> bool:
        """Whether the service's health check of compose.yaml passes now: podman without systemd does not run them by itself."""
        [command] = [
            value for name, value in self.inspect(self.container(service))["Config"].items() if name == "Healthcheck"
        ]
        kind, *words = command["Test"]
        command_line = words if kind == "CMD" else ["/bin/sh", "-c", words[0]]
        return self.inside(service, *command_line, check=False).returncode == 0

    def page(self, host: str, path: str, *, login: bool = False) -> tuple[int, str]:
        """Status and text of a page, asked by the name that its certificate is for; 0 where nobody answers."""
        name = f"{host}.example.org"
        context = ssl.create_default_context(cafile=str(self.secrets / f"{host}.crt"))
        connection = HTTPSConnection(name, context=context, timeout=10)
        try:
            # To this machine, whatever the name means elsewhere.
            connection.sock = context.wrap_socket(
                socket.create_connection(("127.0.0.1", self._https), 10), server_hostname=name
            )
            headers = {"Authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode()} if login else {}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def _run(self, *command: str, check: bool = True) -> str:
        return subprocess.run(
            command, env=self._environment, cwd=DEPLOY, capture_output=True, text=True, check=check
        ).stdout
