"""Download the public data set through the real Kaggle client, and say in plain words what went wrong.

The client runs as its console script in a process of its own: that way public data sets need no account, while
importing it in-process demands one. An account is used where KAGGLE_API_TOKEN, KAGGLE_USERNAME with KAGGLE_KEY, or the
client's own configuration folder gives one.
"""

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from orchestration.core.archives import NoWholeArchiveError, take_table
from orchestration.core.errors import QuarterdeckError, TransientError

_ENDPOINTS = {
    "PROD": "https://api.kaggle.com",
    "LOCALHOST": "http://localhost",
    "TEST": "http://localhost:7777",
    "STAGING": "https://staging.kaggle.com",
    "ADMIN": "https://admin.kaggle.com",
    "QA": "https://qa.kaggle.com",
}
_LOCAL = "localhost,127.0.0.1,::1"
# What the client may see of this process's environment: nothing of ours, and nothing that makes it print more.
_PASSED_ON = re.compile(
    r"PATH|LANG|LC_\w+|TMPDIR|TEMP|TMP|SYSTEMROOT|KAGGLE_\w+|(HTTPS?|ALL|NO)_PROXY|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|SSL_CERT_(FILE|DIR)",
    re.IGNORECASE,
)
_SECRETS = ("KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_API_V1_TOKEN")
_NO_CONNECTION = re.compile(
    r"ProxyError|Tunnel connection failed|NewConnectionError|Max retries exceeded|ConnectTimeout|NameResolutionError"
    r"|Name or service not known|Temporary failure in name resolution|Connection refused|ConnectionError|SSLError"
    r"|Network is unreachable|50[234] Server Error"
)


class KaggleUnreachable(TransientError):  # noqa: N818 - a state of the network, said as one
    """There is no way to Kaggle from here; another source may be used instead."""


def is_reachable(timeout_seconds: float = 3) -> bool:
    """Whether Kaggle (or what KAGGLE_API_ENVIRONMENT names) answers at all within `timeout_seconds`."""
    url = _ENDPOINTS.get(os.environ.get("KAGGLE_API_ENVIRONMENT", "PROD"), _ENDPOINTS["PROD"])
    handlers = [urllib.request.ProxyHandler({})] if "//localhost" in url else []
    opener = urllib.request.build_opener(*handlers)
    answers: list[bool] = []

    def probe() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - one of _ENDPOINTS, never a file
            opener.open(request, timeout=timeout_seconds).close()
            answers.append(True)
        except urllib.error.HTTPError as error:
            answers.append(error.code not in (407, 502, 503, 504))
        except (OSError, ValueError):
            answers.append(False)

    # In a thread, since looking up a name obeys no timeout.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    return answers == [True]


def download(dataset: str, folder: Path, *, timeout_seconds: float) -> Path:
    """Download `dataset` ('owner/name') and unpack its one CSV below `folder`; returns that.

    Raises:
        KaggleUnreachable: no connection, or none within `timeout_seconds`.
        TransientError: the download was cut off or damaged on its way.
        QuarterdeckError: Kaggle refused (401, 403, 404, 429), the download was cut off or took longer than
            `timeout_seconds`, or what came is no zip with exactly one CSV.
    """
    _check_name(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".kaggle-") as temporary:
        target = Path(temporary)
        try:
            _run_client(["datasets", "download", dataset, "-p", str(target)], dataset, timeout_seconds)
        except subprocess.TimeoutExpired as error:
            if partial := [path for path in target.glob("*.zip") if path.stat().st_size]:
                raise QuarterdeckError(
                    f"The download of {dataset} was cut off: {partial[0].stat().st_size:,} bytes came within "
                    f"{timeout_seconds:g} seconds. Try again later, or raise QUARTERDECK_KAGGLE_TIMEOUT_SECONDS."
                ) from None
            if re.search("Retrying in", _text(error.stdout)):
                raise TransientError(
                    f"The download of {dataset} was cut off again and again: try again later."
                ) from None
            raise KaggleUnreachable(
                f"Kaggle did not answer within {timeout_seconds:g} seconds: check the network, or use "
                "--source sample or a file."
            ) from None
        table = _unpacked(target, dataset)
        return table.replace(folder / table.name)


def _unpacked(folder: Path, dataset: str) -> Path:
    """The CSV of the downloaded archive. The client's own unpacking would take whatever an archive holds."""
    archives = list(folder.glob("*.zip"))
    try:
        if len(archives) != 1:
            raise NoWholeArchiveError(f"What Kaggle sent for {dataset} is not a whole zip archive")
        return take_table(archives[0], folder, f"Kaggle's {dataset}")
    except NoWholeArchiveError:
        raise TransientError(
            f"What Kaggle sent for {dataset} is not a whole zip archive: run it again; if that stays, download the "
            "file by hand and give it with --source."
        ) from None
    except QuarterdeckError as error:
        raise QuarterdeckError(f"{error} Or download the right file by hand and give it with --source.") from None


def latest_version(dataset: str, *, timeout_seconds: float = 30) -> str | None:
    """Give a text that changes when Kaggle has a new version of `dataset`; None where Kaggle cannot be reached.

    It is the newest file date and a digest of the list of files (names, sizes, dates), which is what Kaggle tells
    without an account; version numbers are told to accounts only.

    Raises:
        QuarterdeckError: Kaggle refused (401, 403, 404, 429) or listed no file.
    """
    _check_name(dataset)
    try:
        output = _run_client(["datasets", "files", dataset, "--csv", "--page-size", "200"], dataset, timeout_seconds)
    except (KaggleUnreachable, subprocess.TimeoutExpired):
        return None
    listing = output[max(output.find("name,"), 0) :].strip()
    files = sorted(tuple(row) for row in csv.reader(io.StringIO(listing)) if len(row) == 3)
    if not listing.startswith("name,") or len(files) < 2:
        raise QuarterdeckError(f"Kaggle lists no file for {dataset}: check the name of the data set.")
    dates = [date for name, _, date in files if name != "name"]
    return f"{max(dates)} {hashlib.sha256(repr(files).encode()).hexdigest()[:12]}"


def _check_name(dataset: str) -> None:
    if not re.fullmatch(r"[\w-]+/[\w-]+", dataset, re.ASCII):
        raise QuarterdeckError(
            f"'{dataset}' is no Kaggle data set: write it as owner/name (QUARTERDECK_KAGGLE_DATASET)."
        )


def _run_client(arguments: list[str], dataset: str, timeout_seconds: float) -> str:
    """Give the client's output; a failure becomes a sentence. Raises subprocess.TimeoutExpired too."""
    script = Path(sys.executable).parent / "kaggle"
    if not script.exists():
        raise QuarterdeckError(f"The Kaggle client is not installed ({script} is missing): run `make setup`.")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-kaggle-") as home:
        result = subprocess.run(
            [sys.executable, str(script), *arguments],
            env=_client_environment(home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
        )
    if result.returncode != 0:
        raise _explained(result.stdout + "\n" + result.stderr, dataset)
    return result.stdout


def _client_environment(home: str) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name) and value}
    own = Path.home()
    configured = os.environ.get("XDG_CONFIG_HOME", str(own / ".config"))
    has_account = (own / ".kaggle").is_dir() or (Path(configured) / "kaggle").is_dir()
    environment["HOME"] = str(own) if has_account else home
    environment["XDG_CONFIG_HOME"] = configured if has_account else f"{home}/.config"
    environment["PYTHONUNBUFFERED"] = "1"  # so that what it said is there when its time is up
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, (environment.get(name), _LOCAL)))
    return environment


def _explained(output: str, dataset: str) -> QuarterdeckError:
    if _NO_CONNECTION.search(output):
        return KaggleUnreachable(
            "Kaggle cannot be reached: check the network and its proxy settings, or use --source sample or a file."
        )
    if "Authentication required" in output or "401 Client Error" in output:
        return QuarterdeckError(
            f"Kaggle wants an account for {dataset} (401): check KAGGLE_API_TOKEN or KAGGLE_USERNAME and KAGGLE_KEY, "
            "or remove a wrong one: public data sets need none."
        )
    if re.search(r"403 Client Error|Permission .* denied|Forbidden", output):
        return QuarterdeckError(
            f"Kaggle refuses access to {dataset} (403): accept its terms on its page while signed in, or download it "
            "by hand and give the file with --source."
        )
    if re.search(r"404 Client Error|Not Found", output, re.IGNORECASE):
        return QuarterdeckError(f"Kaggle has no data set {dataset} (404): check QUARTERDECK_KAGGLE_DATASET.")
    if "429 Client Error" in output or "Too Many Requests" in output:
        return QuarterdeckError(
            "Kaggle has had too many requests from here (429): wait some minutes and run it again, or set an account "
            "(KAGGLE_API_TOKEN), which may ask more often."
        )
    if re.search(r"does not match expected size|IncompleteRead|ChunkedEncodingError|ProtocolError|ReadTime", output):
        return TransientError(f"The download of {dataset} was cut off: run it again.")
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no message")
    for name in _SECRETS:
        if secret := os.environ.get(name):
            last = last.replace(secret, "***")
    return QuarterdeckError(f"The Kaggle client failed on {dataset} and says: {last[:300]}")


def _text(output: str | bytes | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
