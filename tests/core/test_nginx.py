"""deploy/nginx, as it is but for addresses and paths, served by a real nginx on loopback."""

import base64
import hashlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.core.site import CONTENT_SECURITY_POLICY, publish
from tests.conftest import PROJECT_ROOT
from tests.core.test_site import built

NGINX = PROJECT_ROOT / "deploy" / "nginx"
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"dean:secret").decode()}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Servers:
    folder: Path
    ports: dict[str, int]

    def get(self, edition: str, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        context = ssl.create_default_context(cafile=str(self.folder / "certificate.pem"))
        connection = http.client.HTTPSConnection("localhost", self.ports[edition], context=context, timeout=10)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found


def free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def edition_folder(folder: Path, name: str) -> Path:
    build = built(folder / f"{name}-builds" / "first", f"<p>The {name} edition</p>")
    (build / "assets").mkdir()
    (build / "assets" / "site.js").write_text("/* script */\n" * 200)
    (build / "downloads").mkdir()
    (build / "downloads" / "results.csv").write_text("quarter,student_count\n")
    (build / "downloads" / "results.parquet").write_bytes(b"PAR1")
    (build / "dbt").mkdir()
    (build / "dbt" / "index.html").write_text("<p>data docs</p>")
    (build / ".hidden").write_text("not a page")
    publish(build, folder / name)
    return folder / name


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("nginx")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    salt = b"salt"
    password = base64.b64encode(hashlib.sha1(b"secret" + salt).digest() + salt).decode()
    (folder / "staff.htpasswd").write_text(f"dean:{{SSHA}}{password}\n")
    ports = dict(zip(("external", "internal", "external_plain", "internal_plain"), free_ports(4), strict=True))
    included = []
    for edition, root in (("external", "site-external"), ("internal", "site")):
        text = (NGINX / f"{edition}.conf").read_text()
        changes = {
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl;\n": "",
            "listen 80;": f"listen 127.0.0.1:{ports[f'{edition}_plain']};",
            "listen 443 ssl;": f"listen 127.0.0.1:{ports[edition]} ssl;",
            f"root /var/lib/quarterdeck/{root};": f"root {edition_folder(folder, root)};",
            "/etc/nginx/quarterdeck/": f"{NGINX}/",
            "/etc/quarterdeck/staff.htpasswd": f"{folder}/staff.htpasswd",
        }
        for name in ("results", "staff"):
            if f"{name}.crt" in text:
                changes |= {
                    f"/etc/quarterdeck/{name}.crt": f"{folder}/certificate.pem",
                    f"/etc/quarterdeck/{name}.key": f"{folder}/key.pem",
                }
        for before, after in changes.items():
            assert before in text or "htpasswd" in before, before
            text = text.replace(before, after)
        (folder / f"{edition}.conf").write_text(text)
        included.append(f"include {folder / edition}.conf;")
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # the test's folder is for its own user
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{' '.join(included)}\n}}\n"
    )
    process = subprocess.Popen([shutil.which("nginx") or "nginx", "-p", folder, "-c", folder / "nginx.conf"])
    started = Servers(folder, ports)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", ports["internal"]), 1).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
    yield started
    process.terminate()
    process.wait(10)


pytestmark = pytest.mark.nginx


def test_the_external_edition_is_for_everybody_and_the_internal_one_asks_for_a_login(servers: Servers) -> None:
    assert b"The site-external edition" in servers.get("external", "/").body
    for path in ("/", "/index.html", "/downloads/results.csv", "/assets/site.js", "/dbt/", "/nowhere.html"):
        refused = servers.get("internal", path)
        assert refused.status == 401, path
        assert b"edition" not in refused.body
    wrong = {"Authorization": "Basic " + base64.b64encode(b"dean:guess").decode()}
    assert servers.get("internal", "/", wrong).status == 401
    assert b"The site edition" in servers.get("internal", "/", LOGIN).body


@pytest.mark.parametrize("edition", ["external", "internal"])
@pytest.mark.parametrize("path", ["/", "/assets/site.js", "/downloads/results.csv", "/nowhere.html"])
def test_every_answer_carries_the_headers(servers: Servers, edition: str, path: str) -> None:
    answer = servers.get(edition, path, LOGIN)
    assert answer.status == (404 if "nowhere" in path else 200)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    # The pages' own policy, word for word, and what only a header can say.
    assert answer.headers["Content-Security-Policy"] == f"{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'"
    assert answer.headers["Permissions-Policy"].startswith("camera=(), microphone=()")
    assert answer.headers["Cache-Control"] == f"{'public' if edition == 'external' else 'private'}, no-cache"
    assert answer.headers["Server"] == "nginx"
    assert (answer.headers["X-Robots-Tag"] is not None) == (edition == "internal")


def test_a_refusal_carries_the_headers_too(servers: Servers) -> None:
    refused = servers.get("internal", "/")
    assert {name: refused.headers[name] for name in HEADERS} == HEADERS


def test_only_the_data_docs_may_run_inline_scripts(servers: Servers) -> None:
    assert "unsafe-inline" in servers.get("internal", "/dbt/", LOGIN).headers["Content-Security-Policy"]
    assert "unsafe-inline" not in servers.get("external", "/dbt/").headers["Content-Security-Policy"]


def test_files_have_their_types_are_compressed_and_not_sent_twice(servers: Servers) -> None:
    types = {
        "/": "text/html; charset=utf-8",
        "/assets/site.js": "application/javascript; charset=utf-8",
        "/downloads/results.csv": "text/csv; charset=utf-8",
        "/downloads/results.parquet": "application/vnd.apache.parquet",
    }
    assert {path: servers.get("external", path).headers["Content-Type"] for path in types} == types
    script = servers.get("external", "/assets/site.js", {"Accept-Encoding": "gzip"})
    assert script.headers["Content-Encoding"] == "gzip"
    assert servers.get("external", "/assets/site.js", {"If-None-Match": script.headers["ETag"]}).status == 304


def test_nothing_can_be_sent_and_nothing_hidden_or_outside_read(servers: Servers) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert servers.get("external", "/", method=method).status == 403
    for path in ("/.hidden", "/../staff.htpasswd", "/%2e%2e/staff.htpasswd", "/assets/", "/downloads/"):
        assert servers.get("external", path).status in (400, 404), path


def test_a_newly_published_build_is_served_at_once(servers: Servers, tmp_path: Path) -> None:
    name = servers.folder / "site-external"
    before = name.resolve()
    publish(built(servers.folder / "site-external-builds" / "second", "<p>The next quarter</p>"), name)
    assert b"The next quarter" in servers.get("external", "/").body
    publish(before, name)


def test_plain_http_is_sent_on_to_https(servers: Servers) -> None:
    for edition in ("external", "internal"):
        connection = http.client.HTTPConnection("127.0.0.1", servers.ports[f"{edition}_plain"], timeout=10)
        connection.request("GET", "/results.html", headers={"Host": "results.example.org"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (301, "https://results.example.org/results.html")
        connection.close()
