"""A real S3 server for tests: SeaweedFS on loopback, in a folder of its own, stopped afterwards."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WEED = Path(sys.executable).parent / "weed"
START_SECONDS = 60


@dataclass(frozen=True)
class StorageServer:
    """Where the server is, and the one pair of keys that it accepts."""

    endpoint: str
    filer: str
    access_key: str = "quarterdeck-tests"
    secret_key: str = "a-secret-of-the-tests"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that an operator would set."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def new_bucket(self) -> str:
        """Make an empty bucket, which is a folder of SeaweedFS's own file server; returns its name."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        urllib.request.urlopen(urllib.request.Request(f"{self.filer}/buckets/{name}/", method="POST"), timeout=10)
        return name


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on just now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[StorageServer]:
    """A server that keeps its data in `folder` and refuses unknown keys and unknown buckets."""
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    http, grpc = dict(zip(names, ports[: len(names)], strict=True)), dict(zip(names, ports[len(names) :], strict=True))
    server = StorageServer(f"http://127.0.0.1:{http['s3']}", f"http://127.0.0.1:{http['filer']}")
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
        "actions": ["Read", "List", "Write"],
    }
    (folder / "data").mkdir()
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "volume.preStopSeconds": 0,
        # Each bucket takes several; they are small until they are filled.
        "volume.max": 1000,
        "master.volumeSizeLimitMB": 64,
        "master.telemetry": "false",
        "filer": "true",
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.config": folder / "identities.json",
        "s3.localSocket": folder / "s3.sock",
        "s3.autoCreateBucket": "false",
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **{f"{name}.port": port for name, port in http.items()},
        **{f"{name}.port.grpc": port for name, port in grpc.items()},
    }
    command = [WEED, "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait(process, server, folder / "weed.log")
        yield server
    finally:
        # Its data are thrown away, so it need not take its time to stop in good order.
        process.kill()
        process.wait()
        for port in ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def _wait(process: subprocess.Popen[bytes], server: StorageServer, log: Path) -> None:
    """Wait until S3 answers and a bucket can be made, which is when the parts of the server know each other."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{server.endpoint}/healthz", timeout=5)
            server.new_bucket()
            return
        time.sleep(0.1)
    raise RuntimeError(f"The S3 server did not start.\n{log.read_text(errors='replace')[-3000:]}")
