"""`python -m tests.containers`: build the images, run a whole quarter through separate containers, kill each stage in its middle.

Needs podman or Docker, and openssl. Everything has names of its own (`quarterdeck-exam`) and is taken away at the end. Ends with 0
when every check held, and writes what it saw as it goes.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PROJECT_ROOT
from tests.containers.deployment import Deployment, ExamError
from tests.containers.hardening import require_hardened, require_no_secret

STAGES = {"etl": "etl", "ml": "ml", "visualization": "publish"}
SHARED_COMPOSE = PROJECT_ROOT.parent / "shared" / "containers" / "compose"
STAGE_SECONDS = 1800
EVERYTHING = "select domain, quarter, stage, status from platform.stage_status order by 1, 2, 3"


def say(sentence: str) -> None:
    """One line of the log, with the time since the beginning."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {sentence}", flush=True)


BEGAN = time.monotonic()


def wait_for(what: str, condition: Callable[[], bool], seconds: float = STAGE_SECONDS) -> None:
    """Wait until the condition holds.

    Raises:
        ExamError: it does not when the time is over.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ExamError(f"After {seconds:g} seconds still not: {what}.")
        time.sleep(0.2)


def kill_in_the_middle(deployment: Deployment, service: str) -> None:
    """Kill the service's container while the stage table says that its stage is at work, and start it again."""
    stage = STAGES[service]

    def is_at_work() -> bool:
        if not deployment.is_running(service):
            raise ExamError(f"{service} ended before it could be killed:\n{deployment.logs(service)}")
        return bool(
            deployment.rows(f"select 1 from platform.stage_status where stage = '{stage}' and status = 'running'")
        )

    wait_for(f"stage {stage} is at work", is_at_work)
    if not deployment.kill(service):
        raise ExamError(f"{service} ended before it could be killed:\n{deployment.logs(service)}")
    say(f"{service}: killed with SIGKILL while stage {stage} was running; exit code {deployment.exit_code(service)}")
    order = list(STAGES.values())
    later = order[order.index(stage) + 1 :]
    begun = deployment.rows(
        f"select distinct stage from platform.stage_status where domain = 'student_performance' and status <> 'pending' "
        f"and stage = any('{{{','.join(later)}}}')"
    )
    say(f"{service}: of the later stages {', '.join(later) or '(none)'} have begun: {begun or 'none'}")
    if begun:
        raise ExamError("A stage did not wait for the one before.")
    deployment.start(service)
    say(f"{service}: started again")


def the_stages(deployment: Deployment) -> None:
    """All three at once; each is killed in its middle, and all end well, in their order."""
    deployment.up("database", "pages", *STAGES)
    say("up, all at once: database, pages, etl, ml, visualization")
    wait_for("the database answers", lambda: deployment.rows("select 1", check=False) == [("1",)], 120)
    wait_for(
        "the stage table is there", lambda: deployment.rows("select to_regclass('platform.stage_status')") != [("",)]
    )
    # A stage begins as soon as the one before has done its domain, while that may still be at work on the other.
    for service in STAGES:
        kill_in_the_middle(deployment, service)
    for service in STAGES:
        wait_for(f"{service} has ended", lambda: not deployment.is_running(service))  # noqa: B023
        for line in deployment.logs(service).splitlines():
            print(f"    {service}: {line}")
        code = deployment.exit_code(service)
        say(f"{service}: ended with exit code {code}")
        if code != 0:
            raise ExamError(f"{service} failed.")


def the_outcome(deployment: Deployment) -> None:
    """Every stage of the quarter has succeeded, the rows add up, and the pages are served."""
    quarter = f"'{deployment.quarter}'"
    found = deployment.rows(EVERYTHING.replace(" order", f" where quarter = {quarter} order"))
    for row in found:
        say(f"stage table: {' '.join(row)}")
    wanted = {("student_performance", "etl"), ("student_performance", "ml"), ("student_performance", "publish"),
              ("attendance", "etl"), ("attendance", "publish")}  # fmt: skip
    if {(row[0], row[2]) for row in found if row[3] == "succeeded"} != wanted:
        raise ExamError("Not every stage of the quarter has succeeded, once each.")
    for domain, *counts in deployment.rows(
        "select domain, sum(rows_read), sum(rows_trusted), sum(rows_quarantined) from platform.row_accounts "
        f"where quarter = {quarter} group by 1 order by 1"
    ):
        read, trusted, quarantined = map(int, counts)
        say(f"rows of {domain}: {read} read = {trusted} trusted + {quarantined} quarantined")
        if read == 0 or read != trusted + quarantined:
            raise ExamError("The rows do not add up.")
    wait_for("the pages are served", lambda: deployment.page("results", "/")[0] == 200, 60)
    for host, path, login, status in (
        ("results", "/", False, 200), ("results", "/results.html", False, 200), ("staff", "/", False, 401),
        ("staff", "/", True, 200), ("staff", "/attendance/index.html", True, 200), ("staff", "/platform/status.html", True, 200),
    ):  # fmt: skip
        answered, text = deployment.page(host, path, login=login)
        say(f"https {host}{path}{' with a login' if login else ''}: {answered}")
        if answered != status or (status == 200 and path == "/" and deployment.quarter not in text):
            raise ExamError(f"{status} and a page of {deployment.quarter} were expected.")


def the_schedule(deployment: Deployment) -> None:
    """The daemon's schedule starts a run by itself, which ends well; webserver and daemon say that they are healthy."""
    deployment.up("webserver", "daemon")
    say("up: webserver, daemon (mode test, in which the schedule ticks every minute)")
    by_schedule = "from dagster.runs where run_body like '%%.dagster/schedule_name%%'".replace("%%", "%")
    wait_for("a run of the schedule has ended", lambda: deployment.rows(
        f"select 1 {by_schedule} and status in ('SUCCESS', 'FAILURE')", check=False) != [])  # fmt: skip
    ended = deployment.rows(
        f"select status, pipeline_name {by_schedule} and status in ('SUCCESS', 'FAILURE') order by id"
    )
    say(f"runs by the schedule: {', '.join(' '.join(row) for row in ended)}")
    if {row[0] for row in ended} != {"SUCCESS"}:
        raise ExamError(f"A run of the schedule failed:\n{deployment.logs('daemon')}")
    lost = "select count(*) from dagster.runs where status = 'FAILURE'"
    wait_for("the daemon has found the killed runs", lambda: deployment.rows(lost) == [(str(len(STAGES)),)], 300)
    say(f"runs whose containers were killed, found by the daemon in another container: {len(STAGES)}")
    for service in ("database", "pages", "webserver", "daemon"):
        wait_for(f"{service} is healthy", lambda: deployment.is_healthy(service), 300)  # noqa: B023
        say(f"health check of {service}: passed")


def main() -> int:
    """Run the exam; 0 when everything held."""
    engine_here = next((name for name in ("podman", "docker") if shutil.which(name)), None)
    parser = argparse.ArgumentParser(prog="python -m tests.containers", description=__doc__)
    compose_here = str(SHARED_COMPOSE) if SHARED_COMPOSE.exists() else f"{engine_here} compose"
    parser.add_argument("--compose", default=compose_here, help="the compose command (default: %(default)s)")
    arguments = parser.parse_args()
    if engine_here is None:
        print("NOT TRIED: neither podman nor docker is installed here.", file=sys.stderr)
        return 2
    if not list((PROJECT_ROOT / "dist").glob("*.whl")):
        print("There is no wheel in dist/: run `make dist` first.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(engine_here, shlex.split(arguments.compose), Path(folder))
        try:
            deployment.build()
            say("images built")
            the_stages(deployment)
            the_outcome(deployment)
            the_schedule(deployment)
            for sentence in (*require_hardened(deployment), *require_no_secret(deployment)):
                say(sentence)
        except ExamError as error:
            say(f"FAILED: {error}")
            return 1
        except subprocess.CalledProcessError as error:
            say(f"FAILED: {shlex.join(map(str, error.cmd))}\n{error.stdout}\n{error.stderr}")
            return 1
        finally:
            deployment.down()
    say("GREEN: the whole quarter went through separate containers, each killed once in its middle.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
