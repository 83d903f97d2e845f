"""A Spark cluster on loopback, as processes of their own: a master, two workers, the thrift server that dbt speaks to, and a
SeaweedFS object store in which the tables are, mounted as a folder.

Everything stops with the process that started it, however that ends.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-spark"
SYSTEM_PACKAGES = {"java": "openjdk-17-jre-headless", "fusermount3": "fuse3"}
BUCKET = "quarterdeck"
SIGNAL_AT_PARENTS_DEATH = 1  # prctl's PR_SET_PDEATHSIG


class ClusterError(Exception):
    """The cluster cannot be started; the message says what is missing or where the log is."""


def free_port() -> int:
    """A port that is free on loopback just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def require_system_packages(needed: Sequence[str]) -> None:
    """Say what must be installed.

    Raises:
        ClusterError: a program is missing.
    """
    missing = [SYSTEM_PACKAGES[name] for name in needed if shutil.which(name) is None]
    if missing:
        raise ClusterError(f"Missing on this machine. Install it with: apt-get install {' '.join(missing)}")


@dataclass
class Cluster:
    """A running cluster: the address of its thrift server, its warehouse as a URL, and its workers' processes."""

    folder: Path
    warehouse: str
    thrift_port: int = 0
    ui_port: int = 0
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def running_tasks(self) -> dict[str, int]:
        """Tasks that each executor runs at this moment, by the executor's number, from the driver's REST API."""
        executors = self._api("executors")
        return {executor["id"]: executor["activeTasks"] for executor in executors if executor["id"] != "driver"}

    def kill_a_worker(self) -> int:
        """SIGKILL one worker and its executor, as when a machine is lost; its process id."""
        worker = self.workers.pop()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        return worker.pid

    def failures(self) -> dict[str, int]:
        """What the driver has seen go wrong: executors lost, tasks failed or killed."""
        stages = self._api("stages")
        return {
            "executors lost": sum(not executor["isActive"] for executor in self._api("allexecutors")),
            "tasks failed": sum(stage["numFailedTasks"] + stage["numKilledTasks"] for stage in stages),
        }

    def _api(self, path: str) -> Any:
        base = f"http://127.0.0.1:{self.ui_port}/api/v1/applications"
        application = _get_json(base)[0]["id"]
        return _get_json(f"{base}/{application}/{path}")


@contextmanager
def running_cluster(folder: Path, *, in_object_store: bool, worker_count: int = 2) -> Iterator[Cluster]:
    """Start the cluster with its state and logs in `folder`, and stop all of it at the end.

    Raises:
        ClusterError: something is missing, or a process does not come up; its log is named.
    """
    require_system_packages(["java", "fusermount3"] if in_object_store else ["java"])
    folder.mkdir(parents=True, exist_ok=True)
    spark_home = next(ENVIRONMENT.glob("lib/python*/site-packages/pyspark"), None)
    if spark_home is None:
        raise ClusterError(f"There is no pyspark in {ENVIRONMENT}; `make engines` installs it.")
    with ExitStack() as stack:
        store = _object_store(stack, folder) if in_object_store else folder / "warehouse"
        store.mkdir(exist_ok=True)
        cluster = Cluster(folder, store.as_uri())
        environment = {
            **os.environ,
            "SPARK_HOME": str(spark_home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder / "scratch"),
            "SPARK_WORKER_DIR": str(folder / "work"),
            "SPARK_DAEMON_MEMORY": "512m",
            "SPARK_NO_DAEMONIZE": "1",
        }
        spark_class = str(spark_home / "bin" / "spark-class")
        port, ui_port = free_port(), free_port()
        _start(
            stack, folder, "master", environment,
            [spark_class, "org.apache.spark.deploy.master.Master"],
            ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(ui_port)],
        )  # fmt: skip
        _wait(lambda: _get_json(f"http://127.0.0.1:{ui_port}/json/")["status"] == "ALIVE", 60, folder, "master")
        for number in range(1, worker_count + 1):
            worker = _start(
                stack, folder, f"worker-{number}", environment,
                [spark_class, "org.apache.spark.deploy.worker.Worker", f"spark://127.0.0.1:{port}"],
                ["--host", "127.0.0.1", "--cores", "1", "--memory", "1536m", "--webui-port", str(free_port())],
            )  # fmt: skip
            cluster.workers.append(worker)
        _wait(
            lambda: _get_json(f"http://127.0.0.1:{ui_port}/json/")["aliveworkers"] == worker_count,
            60, folder, "worker-1",
        )  # fmt: skip
        cluster.thrift_port, cluster.ui_port = free_port(), free_port()
        settings = {
            "spark.driver.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.executor.memory": "1g",
            "spark.executor.cores": 1,
            "spark.cores.max": worker_count,
            "spark.sql.shuffle.partitions": worker_count,
            # Many short statements: the thorough compiler and a parallel collector would take the two cores from them.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.locality.wait": "0s",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": cluster.warehouse,
            "spark.ui.port": cluster.ui_port,
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/metastore;create=true",
        }
        _start(
            stack, folder, "thrift", environment,
            [str(spark_home / "bin" / "spark-submit"), "--master", f"spark://127.0.0.1:{port}"],
            ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"],
            [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")],
            ["spark-internal", "--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"],
            ["--hiveconf", f"hive.server2.thrift.port={cluster.thrift_port}"],
        )  # fmt: skip
        _wait(lambda: _listens(cluster.thrift_port), 120, folder, "thrift")
        _wait(lambda: len(cluster.running_tasks()) == worker_count, 60, folder, "thrift")
        yield cluster


def _object_store(stack: ExitStack, folder: Path) -> Path:
    """SeaweedFS with one bucket, mounted as a folder: the S3A jars that Spark would need are in no package index."""
    weed = str(ENVIRONMENT / "bin" / "weed")
    data, mount = folder / "seaweedfs", folder / "bucket"
    data.mkdir(exist_ok=True)
    mount.mkdir(exist_ok=True)
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    # Every server has a second port for its own protocol, by default 10000 higher.
    ports |= {f"{name}.port.grpc": free_port() for name in ("master", "volume", "filer", "s3")}
    _start(
        stack, folder, "seaweedfs", os.environ,
        [weed, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-volume.max=0"],
        ["-master.volumeSizeLimitMB=512"],
        [f"-{name if '.' in name else name + '.port'}={port}" for name, port in ports.items()],
    )  # fmt: skip
    _wait(lambda: _listens(ports["s3"]) and _listens(ports["filer"]), 60, folder, "seaweedfs")
    _start(
        stack, folder, "mount", os.environ,
        [weed, "mount", f"-filer=127.0.0.1:{ports['filer']}.{ports['filer.port.grpc']}", f"-dir={mount}"],
        [f"-filer.path=/buckets/{BUCKET}", "-dirAutoCreate"],
    )  # fmt: skip
    stack.callback(lambda: subprocess.run(["fusermount3", "-uz", mount], capture_output=True, check=False))
    _wait(lambda: os.path.ismount(mount), 60, folder, "mount")
    return mount


def _start(
    stack: ExitStack, folder: Path, name: str, environment: Any, *command: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, which is stopped when the stack ends or this process dies."""
    # SeaweedFS is slow to end by itself; a mount must, or its folder stays unreadable.
    last_signal = signal.SIGTERM if name == "mount" else signal.SIGKILL
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [part for parts in command for part in parts], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(SIGNAL_AT_PARENTS_DEATH, last_signal),
        )  # fmt: skip
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _wait(condition: Callable[[], bool], seconds: float, folder: Path, name: str) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError, IndexError, KeyError, json.JSONDecodeError):
            if condition():
                return
        time.sleep(0.3)
    raise ClusterError(f"The cluster's {name} did not come up within {seconds:.0f} s; its log is {folder / name}.log")


def _get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
