"""What must be true of every running container, asked of the engine and tried inside."""

from collections.abc import Iterator

from tests.containers.deployment import Deployment, ExamError

RUNNING = ("database", "pages", "webserver", "daemon")
SERVICES = (*RUNNING, "etl", "ml", "visualization")


def require_hardened(deployment: Deployment) -> Iterator[str]:
    """No root, no capability, nothing to be gained, a root file system that cannot be written.

    Raises:
        ExamError: one of these does not hold.
    """
    for service in SERVICES:
        if not deployment.inspect(deployment.container(service))["HostConfig"]["ReadonlyRootfs"]:
            raise ExamError(f"{service}: its root file system can be written.")
    for service in RUNNING:
        status = dict(
            line.split(":", 1) for line in deployment.inside(service, "cat", "/proc/1/status").stdout.splitlines()
        )
        user, capabilities, gaining = status["Uid"].split()[0], int(status["CapEff"], 16), status["NoNewPrivs"].strip()
        if user == "0" or capabilities or gaining != "1":
            raise ExamError(f"{service}: user {user}, capabilities {capabilities:x}, no_new_privs {gaining}.")
        if deployment.inside(service, "sh", "-c", "echo > /usr/bin/written", check=False).returncode == 0:
            raise ExamError(f"{service}: /usr/bin could be written.")
        yield f"{service}: user {user}, no capability, no new privileges, read-only root"


def require_no_secret(deployment: Deployment) -> Iterator[str]:
    """No secret is in what the engine knows of a container or image, nor in a log.

    Raises:
        ExamError: one is.
    """
    secrets = {
        path.name: path.read_text().strip()
        for path in deployment.secrets.iterdir()
        if path.suffix != ".crt" and path.stat().st_size
    }
    places = {
        **{f"inspect of {service}": str(deployment.inspect(deployment.container(service))) for service in SERVICES},
        **{f"log of {service}": deployment.logs(service) for service in SERVICES},
        **{
            f"image {image[:12]}": str(deployment.inspect(image)) + deployment.history(image)
            for image in deployment.images()
        },
    }
    for place, text in places.items():
        for name, secret in secrets.items():
            if secret in text or secret.encode().hex() in text:
                raise ExamError(f"The secret {name} is in the {place}.")
    yield f"{len(secrets)} secrets looked for in {len(places)} places (containers, logs, images): none found"
