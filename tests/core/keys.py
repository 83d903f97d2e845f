"""Keys for tests."""

import base64
import secrets


def new_key() -> str:
    """A key as `openssl rand -base64 32` makes it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()
