"""A stand-in for Vault on loopback: the requests of its transit engine that Quarterdeck sends, answered as Vault documents them.

It keeps keys in memory, has versions, and refuses other tokens, unknown keys and versions below `min_decryption_version`.
Protocol: https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

import base64
import contextlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class VaultServer:
    """The key `quarterdeck` of the engine `transit`, and the one token that may use it."""

    def __init__(self, address: str) -> None:
        self.url = f"{address}/v1/transit/keys/quarterdeck"
        self.token = f"hvs.{secrets.token_hex(12)}"
        self.versions = [AESGCM.generate_key(256)]
        self.oldest = 1
        self.seen: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """The variables that an operator would set."""
        return {"QUARTERDECK_LANDING_KEY_SERVICE": self.url, "VAULT_TOKEN": self.token}

    def answer(self, method: str, path: str, token: str | None, body: dict[str, str]) -> tuple[int, object]:
        """Status and body for a request."""
        self.seen.append(f"{method} {path}")
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        match (method, path.removeprefix("/v1/transit/").split("/")):
            case ("GET", ["keys", "quarterdeck"]):
                return 200, {"data": {"latest_version": len(self.versions), "min_decryption_version": self.oldest}}
            case ("POST" | "PUT", ["keys", "quarterdeck", "rotate"]):
                self.versions.append(AESGCM.generate_key(256))
                return 200, {"data": {}}
            case ("POST" | "PUT", ["keys", "quarterdeck", "config"]):
                self.oldest = int(body["min_decryption_version"])
                return 200, {"data": {}}
            case ("POST" | "PUT", ["encrypt", "quarterdeck"]):
                version, nonce = int(body["key_version"]), os.urandom(12)
                sealed = nonce + AESGCM(self.versions[version - 1]).encrypt(
                    nonce, base64.b64decode(body["plaintext"]), None
                )
                return 200, {"data": {"ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}"}}
            case ("POST" | "PUT", ["decrypt", "quarterdeck"]):
                _, version_text, encoded = body["ciphertext"].split(":")
                version, sealed = int(version_text[1:]), base64.b64decode(encoded)
                if version < self.oldest:
                    return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
                try:
                    plain = AESGCM(self.versions[version - 1]).decrypt(sealed[:12], sealed[12:], None)
                except (InvalidTag, IndexError):
                    return 400, {"errors": ["cipher: message authentication failed"]}
                return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}
        return 404, {"errors": []}


@contextlib.contextmanager
def running_vault() -> Iterator[VaultServer]:
    """A server on a free port, stopped at the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = vault.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _do  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        vault = VaultServer(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield vault
        server.shutdown()
