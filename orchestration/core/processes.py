"""This process, as its database sessions name it, and waiting for what others do."""

import hashlib
import os
import socket
import time
from collections.abc import Callable


def process_name() -> str:
    """What the names of all database sessions of this process end with, so that its successor can end them."""
    return hashlib.sha256(f"{socket.gethostname()} {os.getpid()}".encode()).hexdigest()[:12]


def wait_until(condition: Callable[[], bool], timeout_seconds: float, interval_seconds: float = 0.5) -> bool:
    """Call `condition` until it is true or the time is over; says which."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_seconds)
    return True
