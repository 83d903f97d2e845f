"""What the benchmark measures, as it is kept in one JSON file between runs: a measure replaces its own part only."""

import datetime as dt
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil
from pydantic import BaseModel

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dbt-core", "dbt-postgres", "dagster", "scikit-learn", "pandas", "psycopg", "sqlalchemy")


class Circumstances(BaseModel):
    """When a measure was taken, of which commit, and how busy the machine was at its beginning (load average, 1 min)."""

    date: str
    commit: str
    load: float

    @classmethod
    def now(cls) -> "Circumstances":
        """The circumstances of this moment."""
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
        )
        return cls(
            date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
            commit=commit.stdout.strip() or "no git",
            load=round(os.getloadavg()[0], 1),
        )


class Machine(BaseModel):
    """What the figures were measured on."""

    processor: str
    cores: int
    memory_gb: float
    disk: str
    system: str
    versions: dict[str, str]

    @classmethod
    def this(cls, folder: Path, postgres_version: str) -> "Machine":
        """This machine; `folder` is where the database lies."""
        mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
        mount = max(mounts, key=lambda part: len(part.mountpoint))
        free = shutil.disk_usage(folder).free / 1e9
        versions = {name: importlib.metadata.version(name) for name in PACKAGES}
        return cls(
            processor=_processor(),
            cores=os.cpu_count() or 0,
            memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
            disk=f"{mount.fstype}, {free:.0f} GB free",
            system=f"{platform.system()} {platform.release()}",
            versions={"Python": platform.python_version(), "PostgreSQL": postgres_version, **versions},
        )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


class Way(BaseModel):
    """One way from the file to labelled rows: wall seconds of the process, of its parts, and peak memory in MB.

    The job's parts are its steps; `stages` sums them up as the status page does.
    """

    seconds: float
    parts: dict[str, float] = {}
    stages: dict[str, float] = {}
    python_mb: float
    postgres_mb: float

    @property
    def work_seconds(self) -> float:
        """Without the start of the process."""
        return sum(self.parts.values())


class Whole(BaseModel):
    """One file in each way. The inertia ratio is the job's centroids against k-means on every row: 1.002 is 0.2 % more."""

    circumstances: Circumstances
    rows: int
    floor: Way
    job: Way
    hand_written: Way | None
    cluster_count: int
    inertia_ratio: float


class Quarters(BaseModel):
    """Seconds of the whole job for quarters of `rows` rows, loaded one after the other into one database."""

    circumstances: Circumstances
    rows: int
    seconds: dict[str, float]


class Rerun(BaseModel):
    """What a rerun and a changed quarter touch.

    `start_seconds`: a process that imports Dagster and dbt and builds the definitions; `first_seconds` and `again_seconds`:
    the job on a file of `rows` rows, then the same command again; `rewritten`: tables whose files or rows the second one
    changed; `changed`: by quarter, the tables of which rows changed when one quarter among `quarters` got a new file.
    """

    circumstances: Circumstances
    rows: int
    start_seconds: float
    first_seconds: float
    again_seconds: float
    tables: int
    rewritten: list[str]
    quarters: int
    changed_quarter: str
    changed_seconds: float
    changed: dict[str, list[str]]


class Startup(BaseModel):
    """Seconds of the whole job on a changed file of `rows` rows, and of one bare `dbt build` of the same models, in turn."""

    circumstances: Circumstances
    rows: int
    job_seconds: list[float]
    dbt_seconds: list[float]


class Typing(BaseModel):
    """Two ways from a file of `rows` rows to typed, accepted rows in Postgres: seconds of their parts."""

    circumstances: Circumstances
    rows: int
    postgres: Way
    columnar: Way


class Attendance(BaseModel):
    """Student days of attendance: COPY and one aggregate, and the whole job."""

    circumstances: Circumstances
    rows: int
    floor: Way
    job: Way


class Results(BaseModel):
    """Everything measured so far on this machine; `whole` by number of rows."""

    machine: Machine | None = None
    whole: dict[int, Whole] = {}
    quarters: Quarters | None = None
    rerun: Rerun | None = None
    startup: Startup | None = None
    typing: Typing | None = None
    attendance: Attendance | None = None

    @classmethod
    def read(cls, path: Path) -> "Results":
        """The results in `path`; none where there is no such file."""
        return cls.model_validate_json(path.read_text()) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Keep the results in `path`."""
        path.write_text(self.model_dump_json(indent=1) + "\n")
