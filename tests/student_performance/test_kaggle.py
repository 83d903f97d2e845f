"""The real Kaggle client against a server of our own on port 80, where KAGGLE_API_ENVIRONMENT=LOCALHOST sends it."""

import contextlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.errors import QuarterdeckError
from orchestration.student_performance import kaggle

# One server owns port 80, so these tests share a worker when tests run in parallel.
pytestmark = pytest.mark.xdist_group("port 80")

DATASET = "spscientist/students-performance-in-exams"
TABLE = b'"gender","math score"\n"female","72"\n'
SECRET = "key-that-must-not-show"
SERVICE = "/api/v1/datasets.DatasetApiService/"


@dataclass
class FakeKaggle:
    """What the server answers with, and what it was asked."""

    status: int = 200
    body: bytes = b""
    declared_length: int | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name.replace("_csv", ".csv").replace("_txt", ".txt"), content)
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    state = FakeKaggle()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            state.asked.append(self.path)
            state.authorizations.append(self.headers.get("Authorization"))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if state.status != 200:
                self.send_error(state.status)
            elif self.path == SERVICE + "GetDatasetMetadata":
                self.answer(json.dumps({"info": {"licenses": [{"name": "unknown"}]}}).encode(), "application/json")
            elif self.path == SERVICE + "ListDatasetFiles":
                self.answer(json.dumps({"datasetFiles": state.files}).encode(), "application/json")
            elif self.path == SERVICE + "DownloadDataset":
                self.answer(state.body, "application/zip", state.declared_length)
            else:
                self.send_error(404)

        def answer(self, body: bytes, kind: str, length: int | None = None) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length or len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # the client hangs up on a body that is too long
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    try:
        http = ThreadingHTTPServer(("127.0.0.1", 80), Handler)
    except OSError as error:
        pytest.fail(
            f"Port 80 of localhost cannot be bound ({error.strerror}): run as root, or free it, to test Kaggle."
        )
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    clean_environment(monkeypatch)
    yield state
    http.shutdown()
    http.server_close()


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAGGLE_KEY", "KAGGLE_USERNAME", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    # A proxy that is not there: whoever fails to bypass it for localhost fails.
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def refusal(folder: Path, timeout_seconds: float = 60) -> str:
    with pytest.raises(QuarterdeckError) as caught:
        kaggle.download(DATASET, folder, timeout_seconds=timeout_seconds)
    message = str(caught.value)
    assert "Traceback" not in message
    assert "\n" not in message
    assert list(folder.iterdir()) == [], "a failed download must leave nothing behind"
    return message


def test_download_gives_the_one_csv_without_an_account(
    server: FakeKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    server.body = archive(StudentsPerformance_csv=TABLE)
    path = kaggle.download(DATASET, tmp_path / "folder", timeout_seconds=60)
    assert path == tmp_path / "folder" / "StudentsPerformance.csv"
    assert path.read_bytes() == TABLE
    assert server.asked == [SERVICE + "GetDatasetMetadata", SERVICE + "DownloadDataset"]
    assert set(server.authorizations) == {None}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_download_uses_an_account_and_never_shows_it(
    server: FakeKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    server.status = 418
    assert SECRET not in refusal(tmp_path)
    assert server.authorizations[0] is not None


@pytest.mark.parametrize(
    ("status", "expected"), [(401, "(401)"), (403, "(403)"), (404, "(404)"), (429, "wait some minutes")]
)
def test_download_says_why_kaggle_refused(server: FakeKaggle, tmp_path: Path, status: int, expected: str) -> None:
    server.status = status
    assert expected in refusal(tmp_path)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>not a zip</html>", "not a whole zip archive"),
        (archive(StudentsPerformance_csv=TABLE)[:-30], "not a whole zip archive"),
        (archive(readme_txt=b"hello"), "holds 0 (readme.txt)"),
        (archive(a_csv=TABLE, b_csv=TABLE), "holds 2 (a.csv, b.csv)"),
    ],
    ids=["html", "cut_archive", "no_csv", "two_csv"],
)
def test_download_refuses_a_wrong_zip(server: FakeKaggle, tmp_path: Path, body: bytes, expected: str) -> None:
    server.body = body
    assert expected in refusal(tmp_path)


def test_download_refuses_a_truncated_download(server: FakeKaggle, tmp_path: Path) -> None:
    server.body = archive(StudentsPerformance_csv=TABLE)[:80]
    server.declared_length = 20_000
    assert "was cut off" in refusal(tmp_path, timeout_seconds=6)


def test_unreachable_is_told_apart_from_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")  # localhost:7777, where nothing listens
    assert not kaggle.is_reachable(timeout_seconds=1)
    assert kaggle.latest_version(DATASET) is None
    with pytest.raises(kaggle.KaggleUnreachable, match="cannot be reached"):
        kaggle.download(DATASET, tmp_path, timeout_seconds=60)


def test_reachable_bypasses_the_proxy_for_localhost(server: FakeKaggle) -> None:
    assert kaggle.is_reachable(timeout_seconds=3)


def test_latest_version_changes_with_the_files(server: FakeKaggle) -> None:
    server.files = [{"name": "a.csv", "totalBytes": 10, "creationDate": "2018-11-09T18:25:25.000Z"}]
    first = kaggle.latest_version(DATASET)
    assert first is not None
    assert first.startswith("2018-11-09")
    assert kaggle.latest_version(DATASET) == first
    server.files[0]["creationDate"] = "2026-10-09T18:25:25.000Z"
    assert kaggle.latest_version(DATASET) != first


def test_a_name_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match="owner/name"):
        kaggle.download("--help", tmp_path, timeout_seconds=1)
