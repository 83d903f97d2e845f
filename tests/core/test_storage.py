"""A local folder and a real S3 server hold files in the same way."""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core import bucket as bucket_module
from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings, get_settings
from orchestration.core.storage import LocalFolder, Storage, open_file, open_storage, split_s3_url
from tests.storage_server import StorageServer

SECRET = "a-secret-that-nobody-may-see"
SEVERAL_PARTS = bytes(range(256)) * (2 * bucket_module.PART_BYTES // 256) + b"the end"
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True)
PARTS = st.text(min_size=1).filter(lambda part: part.isprintable() and "/" not in part and part not in (".", ".."))


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Settings]:
    """An empty local folder, and an empty prefix of a bucket."""
    if request.param == "folder":
        return str(tmp_path / "landing"), Settings()
    server: StorageServer = request.getfixturevalue("storage_server")
    return f"s3://{server.new_bucket()}/some/prefix", Settings(**server.environment)


@pytest.fixture
def files(place: tuple[str, Settings]) -> Storage:
    return open_storage(*place)


def stored(files: Storage, key: str, content: bytes, folder: Path) -> Path:
    path = folder / "source.csv"
    path.write_bytes(content)
    files.put(key, path, hashlib.sha256(content).hexdigest())
    return path


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", SEVERAL_PARTS], ids=["empty", "small", "several parts"])
def test_a_file_comes_back_as_it_was_stored(files: Storage, tmp_path: Path, content: bytes) -> None:
    assert files.find("domain/received/x") is None
    stored(files, "domain/received/x", content, tmp_path)
    found = files.find("domain/received/x")
    assert found is not None
    assert (found.key, found.size) == ("domain/received/x", len(content))
    with files.local_copy("domain/received/x", sha256=hashlib.sha256(content).hexdigest()) as path:
        assert path.name == "x"
        assert path.read_bytes() == content


def test_an_open_file_is_read_anywhere(files: Storage, tmp_path: Path) -> None:
    stored(files, "x", b"0123456789", tmp_path)
    with files.opened("x") as stream:
        assert stream.seek(-3, os.SEEK_END) == 7
        assert (stream.read(2), stream.tell(), stream.read(), stream.read(1)) == (b"78", 9, b"9", b"")
        assert (stream.seek(2), stream.read(1), stream.seek(1, os.SEEK_CUR), stream.read(1)) == (2, b"2", 4, b"4")
    with pytest.raises(QuarterdeckError, match=r"(there is no|No) such file"), files.opened("nothing"):
        pytest.fail("A file that is not there was opened.")


def test_an_open_file_is_of_one_version(place: tuple[str, Settings], files: Storage, tmp_path: Path) -> None:
    def read_while_it_changes() -> bytes:
        stored(files, "x", b"0123456789", tmp_path)
        with files.opened("x") as stream:
            start = stream.read(5)
            stored(files, "x", b"abcdefghij", tmp_path)
            return start + stream.read()

    if place[0].startswith("s3://"):
        with pytest.raises(QuarterdeckError, match="was changed there while it was read"):
            read_while_it_changes()
    else:
        assert read_while_it_changes() == b"0123456789"


def test_files_are_listed_by_key_with_a_version_of_their_content(files: Storage, tmp_path: Path) -> None:
    assert files.list_files("domain/incoming") == []
    names = ["2026Q1/results.csv", "Résultats 2026Q2 (100%) #1.csv", "a+b?.csv"]
    for name in names:
        stored(files, f"domain/incoming/{name}", b"x", tmp_path)
    stored(files, "domain/incoming/.hidden", b"x", tmp_path)
    stored(files, "domain/incoming2/other.csv", b"x", tmp_path)
    first = files.list_files("domain/incoming")
    assert [file.key for file in first] == [f"domain/incoming/{name}" for name in names]
    assert files.list_files("domain/incoming") == first
    stored(files, first[0].key, b"y", tmp_path)
    second = files.list_files("domain/incoming")
    assert [old.version == new.version for old, new in zip(first, second, strict=True)] == [False, True, True]


def test_empty_objects_that_consoles_mark_folders_by_are_not_listed(
    storage_server: StorageServer, tmp_path: Path
) -> None:
    files = open_storage(f"s3://{storage_server.new_bucket()}", Settings(**storage_server.environment))
    stored(files, "incoming/2026Q1", b"", tmp_path)
    assert files.list_files("incoming") == []


def test_a_file_that_changes_while_it_is_stored_is_refused_and_not_kept(files: Storage, tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(SEVERAL_PARTS)
    with pytest.raises(QuarterdeckError, match="changed while it was received"):
        files.put("domain/received/x", path, hashlib.sha256(b"what it was").hexdigest())
    assert files.find("domain/received/x") is None


def killed(program: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """A process that stores a file and will be killed in the middle of it."""
    command = [sys.executable, "-c", f"import sys, time; from pathlib import Path; {program}", *arguments]
    return subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


def test_a_copy_that_is_killed_leaves_nothing_that_is_taken_for_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    path = tmp_path / "source.csv"
    path.write_bytes(SEVERAL_PARTS)
    process = killed(
        "from orchestration.core import storage; "
        "storage.sha256_of = lambda copy: (print('copied', flush=True), time.sleep(600)); "
        "storage.LocalFolder(Path(sys.argv[1])).put('domain/received/x', Path(sys.argv[2]), '0' * 64)",
        folder,
        path,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "copied\n"
    process.kill()
    process.wait()
    files = LocalFolder(folder)
    assert files.find("domain/received/x") is None
    assert files.list_files("domain") == []
    stored(files, "domain/received/x", SEVERAL_PARTS, tmp_path)
    assert files.find("domain/received/x") is not None


def test_an_upload_that_is_killed_leaves_nothing_that_is_taken_for_a_file(
    storage_server: StorageServer, tmp_path: Path
) -> None:
    url, pipe = f"s3://{storage_server.new_bucket()}", tmp_path / "pipe"
    files = open_storage(url, Settings(**storage_server.environment))
    os.mkfifo(pipe)
    process = killed(
        "from orchestration.core.storage import open_storage; from orchestration.core.settings import Settings; "
        "open_storage(sys.argv[1], Settings()).put('domain/received/x', Path(sys.argv[2]), '0' * 64)",
        url,
        pipe,
        **storage_server.environment,
    )
    with pipe.open("wb") as stream:
        # The pipe holds 64 KB, so that nearly all of this has been read when the process is killed.
        stream.write(SEVERAL_PARTS)
        process.kill()
        process.wait()
    assert files.find("domain/received/x") is None
    assert files.list_files("domain") == []
    stored(files, "domain/received/x", SEVERAL_PARTS, tmp_path)
    with files.local_copy("domain/received/x") as path:
        assert path.read_bytes() == SEVERAL_PARTS


def test_deleting_a_folder_leaves_its_neighbours(files: Storage, tmp_path: Path) -> None:
    for key in ("domain/received/x", "domain/incoming/y", "domain2/received/z"):
        stored(files, key, b"x", tmp_path)
    files.delete("domain")
    files.delete("domain")
    assert files.list_files("domain") == []
    assert [file.key for file in files.list_files("domain2")] == ["domain2/received/z"]


def test_an_object_that_somebody_replaced_is_not_taken_for_the_received_one(
    storage_server: StorageServer, tmp_path: Path
) -> None:
    files = open_storage(f"s3://{storage_server.new_bucket()}", Settings(**storage_server.environment))
    stored(files, "x", b"another", tmp_path)
    with (
        pytest.raises(QuarterdeckError, match="was changed in the store"),
        files.local_copy("x", sha256=hashlib.sha256(b"the one").hexdigest()),
    ):
        pytest.fail("A changed file was given out.")


@pytest.mark.parametrize(
    ("bucket", "changes", "sentence"),
    [
        (None, {"AWS_SECRET_ACCESS_KEY": SECRET}, "access was refused"),
        (None, {"AWS_ACCESS_KEY_ID": SECRET}, "access was refused"),
        ("no-such-bucket", {}, "there is no such bucket. Create it"),
        (None, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": SECRET}, "does not answer"),
    ],
    ids=["wrong secret", "unknown key", "no bucket", "nothing listens"],
)
def test_a_failure_is_one_sentence_that_says_what_to_do_and_no_secret(
    storage_server: StorageServer, tmp_path: Path, bucket: str | None, changes: dict[str, str], sentence: str
) -> None:
    bucket = bucket or storage_server.new_bucket()
    settings = Settings(**{**storage_server.environment, **changes})
    assert SECRET not in repr(settings)
    actions = [
        lambda: open_storage(f"s3://{bucket}/landing", settings).list_files("domain"),
        lambda: stored(open_storage(f"s3://{bucket}/landing", settings), "domain/x", b"x", tmp_path),
    ]
    for action in actions:
        with pytest.raises(QuarterdeckError, match=sentence) as caught:
            action()
        assert SECRET not in str(caught.value)
        assert storage_server.secret_key not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("endpoint", ["no-url", "http://", f"http://key:{SECRET}@127.0.0.1", "http://a host"])
def test_an_endpoint_that_is_no_url_is_refused_by_its_variables_name(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    get_settings.cache_clear()
    with pytest.raises(QuarterdeckError, match=r"wrong. AWS_ENDPOINT_URL: ") as caught:
        get_settings()
    assert SECRET not in str(caught.value)


def test_keys_may_end_with_a_line_end(storage_server: StorageServer) -> None:
    settings = Settings(**{name: f"{value}\n" for name, value in storage_server.environment.items()})
    assert open_storage(f"s3://{storage_server.new_bucket()}", settings).list_files("") == []


def test_a_store_that_never_answers_is_given_up(storage_server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "REQUEST_TIMEOUT", bucket_module.timedelta(seconds=1))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(**{**storage_server.environment, "AWS_ENDPOINT_URL": endpoint})
        with pytest.raises(QuarterdeckError, match="does not answer"):
            open_storage("s3://bucket", settings).find("x")


def test_missing_keys_are_said(storage_server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a machine's role would be asked for, nothing listens.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    settings = Settings(AWS_ENDPOINT_URL=storage_server.endpoint)
    with pytest.raises(QuarterdeckError, match="there are no access keys"):
        open_storage("s3://bucket", settings).find("x")


@given(BUCKETS, st.lists(PARTS, max_size=4), st.booleans())
def test_an_s3_url_is_split_into_bucket_and_key(bucket: str, parts: list[str], has_slash: bool) -> None:
    url = "/".join([f"s3://{bucket}", *parts])
    assert split_s3_url(url + ("/" if has_slash else "")) == (bucket, "/".join(parts))
    if parts:
        files, key = open_file(url, Settings())
        assert files.location(key) == url


@given(st.text())
def test_whatever_is_given_as_an_s3_url_is_split_or_refused(rest: str) -> None:
    with contextlib.suppress(QuarterdeckError):
        bucket, key = split_s3_url(f"s3://{rest}")
        assert f"{bucket}/{key}".removesuffix("/") == rest.removesuffix("/")


@pytest.mark.parametrize("url", ["gs://bucket/x", "https://bucket/x", "s3a://bucket/x", "file:///tmp/x", "://x"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(QuarterdeckError, match="Use a local path or s3://bucket/key"):
        open_file(url, Settings())


@pytest.mark.parametrize("url", [f"s3://key:{SECRET}@bucket/x", f"s3://{SECRET}@bucket/x", "s3:///x", "s3://bucket"])
def test_a_url_without_a_bucket_or_a_key_is_refused_and_keys_in_it_are_not_repeated(url: str) -> None:
    with pytest.raises(QuarterdeckError) as caught:
        open_file(url, Settings())
    assert SECRET not in str(caught.value)


def test_a_relative_path_is_one_of_the_folder_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files, key = open_file("results.csv", Settings())
    assert files.location(key) == str(tmp_path / "results.csv")
    assert open_storage("landing", Settings()).location("x") == str(tmp_path / "landing" / "x")


def test_a_local_folder_does_not_load_the_library_for_stores() -> None:
    program = (
        "import sys; import orchestration.cli; from orchestration.core.storage import open_storage; "
        "from orchestration.core.settings import Settings; open_storage('landing', Settings()).list_files('x'); "
        "assert 'obstore' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
