"""Starting, stopping and living beside a sync: the server as a process."""

import asyncio
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from release_mirror.cli import main
from release_mirror.serve import Options, serve
from tests.release_mirror.conftest import Mirror
from tests.release_mirror.serving import PATIENCE_S, Served, ServedElsewhere, serving
from tests.support.commands import Finished, call
from tests.support.github_data import Repository
from tests.support.limits import unprivileged
from toolroll_shared.logs import NO_LOG

PATH = "/octo/tool/releases/download/v1/tool"


@pytest.fixture
def made(repo: Repository, mirror: Mirror, dest: Path) -> Path:
    """A mirror."""
    repo.add_release("v1").add_asset("tool", b"content" * 3_000_000)
    assert mirror().code == 0
    return dest


@pytest.fixture
def served(made: Path) -> Iterator[ServedElsewhere]:
    with serving(made) as server:
        yield server


def begin_download(served: Served) -> socket.socket:
    """Ask for a file and read its beginning only."""
    connection = socket.create_connection(served.address, timeout=PATIENCE_S)
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    return connection


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_it_whoever_is_connected(
    served: ServedElsewhere, number: int, code: int, word: str
) -> None:
    idle = socket.create_connection(served.address)
    kept = socket.create_connection(served.address)
    kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert kept.recv(100).startswith(b"HTTP/1.1 200 ")
    with idle, kept, begin_download(served):
        served.process.send_signal(number)
        stdout, stderr = served.process.communicate(timeout=5)
    assert (served.process.returncode, stdout, stderr) == (
        code,
        "",
        f"release-mirror: {word}\n",
    )
    *_, cut, run = served.records()
    assert (cut["target"], cut["ok"]) == (f"GET {PATH}", False)
    assert (run["action"], run["exit_code"]) == ("run", code)


def test_a_client_that_leaves_is_no_trouble(served: ServedElsewhere) -> None:
    begin_download(served).close()
    assert served.ask("/healthz").status == 200
    assert served.end() == (143, "release-mirror: terminated\n")
    cut = next(one for one in served.records() if one["target"] == f"GET {PATH}")
    assert (cut["status"], cut["ok"], cut["bytes"] < 21_000_000) == (200, False, True)


def test_every_request_is_recorded_without_its_query(served: Served) -> None:
    served.ask(f"{PATH}?token=s3cret", Range="bytes=0-9", Authorization="Bearer s3cret")
    served.ask("/nowhere")
    download, missing = served.records(2)
    assert (download["action"], download["target"]) == ("request", f"GET {PATH}")
    assert (download["status"], download["bytes"], download["ok"]) == (206, 10, True)
    assert (missing["status"], missing["ok"]) == (404, True)
    assert "s3cret" not in served.records_path.read_text()


def test_ipv6_has_its_brackets(made: Path) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with serving(made, "--listen", "[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.ask(PATH).status == 200
        assert server.ask("/").json["api_url"] == server.url


Call = pytest.CaptureFixture[str]


def refused(capsys: Call, dest: Path, *arguments: object) -> Finished:
    ran = call(Finished, main, capsys, "serve", "--dest", dest, *arguments)
    assert (ran.stdout, ran.stderr.count("\n")) == ("", 1), ran
    return ran


def test_an_address_that_is_taken_is_said(served: Served, made: Path, capsys: Call) -> None:
    address = served.url.removeprefix("http://")
    ran = refused(capsys, made, "--listen", address)
    assert ran.code == 1
    assert f"{address}: cannot be listened on: Address already in use" in ran.stderr


@pytest.mark.parametrize(
    ("listen", "code"),
    [
        ("8080", 2),
        ("host:", 2),
        (":80", 2),
        ("::1:80", 2),
        ("127.0.0.1:65536", 2),
        ("127.0.0.1:-1", 2),
        ("192.0.2.1:0", 1),
        ("[::zz]:0", 1),
    ],
)
def test_a_bad_address_is_one_line(made: Path, capsys: Call, listen: str, code: int) -> None:
    assert refused(capsys, made, "--listen", listen).code == code


@pytest.mark.parametrize(
    "url", ["mirror.example", "ftp://a", "http://u:p@a", "http://a?b", "http://a b", "https://"]
)
def test_a_public_url_that_is_none_is_refused(made: Path, capsys: Call, url: str) -> None:
    assert refused(capsys, made, "--public-url", url).code == 2


def test_a_manifest_that_is_not_there_or_not_ours_is_refused(
    tmp_path: Path, made: Path, capsys: Call
) -> None:
    assert refused(capsys, tmp_path / "none").code == 2
    manifest = made / "manifest.sqlite"
    whole = manifest.read_bytes()
    for content, word in (
        (b"", "is empty"),
        (b"nonsense" * 100, "is no SQLite database"),
        (whole[:5000], "cut short"),
        (whole[:68] + b"XXXX" + whole[72:], "belongs to another program"),
        (whole[:60] + b"\0\0\0\x63" + whole[64:], "newer than"),
        (whole[:60] + b"\0\0\0\1" + whole[64:], "release-mirror sync"),
    ):
        manifest.write_bytes(content)
        ran = refused(capsys, made)
        assert (ran.code, word in ran.stderr) == (65, True), ran.stderr


def test_a_manifest_that_is_lost_later_is_503_until_it_is_back(served: Served, made: Path) -> None:
    manifest, aside = made / "manifest.sqlite", made / "aside"
    manifest.rename(aside)
    for path in ("/healthz", PATH, "/repos/octo/tool/releases"):
        assert served.ask(path).status == 503
    assert "manifest.sqlite: No such file" in served.ask("/healthz").json["reason"]
    assert str(made) not in str(served.ask("/healthz").json)
    aside.rename(manifest)
    assert served.ask("/healthz").status == served.ask(PATH).status == 200


def test_a_sync_that_is_writing_holds_nobody_up(served: Served, made: Path) -> None:
    with closing(sqlite3.connect(made / "manifest.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE files SET stored_at = 'later'")
        assert served.ask(PATH).status == 200
        writer.execute("COMMIT")
        writer.execute("BEGIN EXCLUSIVE")  # as in the moment of a commit
        writer.execute("UPDATE assets SET download_count = 7")
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(served.ask(PATH).status))
        asking.start()
        writer.execute("COMMIT")
        asking.join(PATIENCE_S)
        assert answers == [200]
    assert served.ask("/repos/octo/tool/releases").json[0]["assets"][0]["download_count"] == 7


def test_many_syncs_and_downloads_at_once_end_well(
    served: Served, repo: Repository, mirror: Mirror
) -> None:
    stop = threading.Event()
    seen: set[tuple[int, int]] = set()

    def download() -> None:
        while not stop.is_set():
            got = served.ask(PATH)
            seen.add((got.status, len(got.body)))

    clients = [threading.Thread(target=download) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for number in range(2, 10):
            repo.add_release(f"v{number}").add_asset("tool", bytes(1000))
            ran = mirror()
            assert (ran.code, ran.stderr) == (0, "")
    finally:
        stop.set()
        for client in clients:
            client.join(PATIENCE_S)
    assert seen == {(200, 21_000_000)}
    assert len(served.ask("/repos/octo/tool/releases").json) == 9


@pytest.fixture
def public(made: Path) -> Iterator[Path]:
    """A copy of the mirror that nobody in particular may read."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        subprocess.run(["cp", "-a", made, place / "mirror"], check=True)
        yield place / "mirror"


def test_it_serves_what_it_can_only_read(public: Path) -> None:
    async def look() -> list[int]:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        options = Options(dest=public, host="127.0.0.1", port=0)
        server = asyncio.create_task(
            serve(options, ready=told.set_result, notify=pytest.fail, log=NO_LOG)
        )
        url = await told
        found = [await asyncio.to_thread(status, url + path) for path in ("/repos/octo/tool", PATH)]
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server
        return found

    def status(url: str) -> int:
        with urllib.request.urlopen(url) as answer:
            answer.read()
            return int(answer.status)

    with unprivileged():
        with pytest.raises(PermissionError):
            (public / "file").touch()
        assert asyncio.run(look()) == [200, 200]
    assert {path.name for path in public.iterdir()} == {
        ".release-mirror.lock",
        "manifest.sqlite",
        "octo",
    }
