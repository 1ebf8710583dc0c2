"""Downloads: the bytes that were recorded or none, whole or in part."""

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

import pytest

from release_mirror.sending import disposition
from tests.release_mirror.conftest import Mirror
from tests.release_mirror.serving import PATIENCE_S, Served, ServedHere, serving_here
from tests.support.github_data import Repository

CONTENT = b"0123456789"
ETAG = f'"sha256-{sha256(CONTENT).hexdigest()}"'
PATH = "/octo/tool/releases/download/v1/tool.bin"


@pytest.fixture
def served(repo: Repository, mirror: Mirror, dest: Path) -> Iterator[ServedHere]:
    release = repo.add_release("v1")
    release.add_asset("tool.bin", CONTENT, content_type="application/x-thing")
    release.add_asset("empty", b"")
    assert mirror().code == 0
    with serving_here(dest) as server:
        yield server


@pytest.fixture
def file(dest: Path) -> Path:
    return dest / "octo/tool/v1/tool.bin"


@pytest.fixture
def sql(dest: Path) -> Callable[..., None]:
    """Changes the manifest behind the command's back."""

    def change(statement: str, *values: str) -> None:
        with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection, connection:
            assert connection.execute(statement, values).rowcount

    return change


def test_a_download_says_what_it_is(served: Served, file: Path) -> None:
    got = served.ask(PATH)
    assert (got.status, got.body) == (200, CONTENT)
    assert {name: got.headers[name] for name in got.headers if name != "Date"} == {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "Content-Disposition": 'attachment; filename="tool.bin"',
        "Content-Length": "10",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": "application/x-thing",
        "ETag": ETAG,
        "Last-Modified": formatdate(int(file.stat().st_mtime), usegmt=True),
        "Server": "release-mirror",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize(
    ("wanted", "place", "body"),
    [
        ("bytes=0-0", "bytes 0-0/10", b"0"),
        ("bytes=3-5", "bytes 3-5/10", b"345"),
        ("bytes=8-", "bytes 8-9/10", b"89"),
        ("bytes=8-99999999999999999999999", "bytes 8-9/10", b"89"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-99", "bytes 0-9/10", CONTENT),
        ("Bytes=1-1", "bytes 1-1/10", b"1"),
    ],
)
def test_a_range_is_a_part(served: Served, wanted: str, place: str, body: bytes) -> None:
    got = served.ask(PATH, Range=wanted)
    assert (got.status, got.headers["Content-Range"], got.body) == (206, place, body)
    assert (got.headers["ETag"], got.headers["Content-Length"]) == (ETAG, str(len(body)))


@pytest.mark.parametrize(
    "wanted",
    ["bytes=5-3", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes", "bytes=1-2-3", ""],
)
def test_a_range_that_is_none_means_all(served: Served, wanted: str) -> None:
    got = served.ask(PATH, Range=wanted)
    assert (got.status, got.body, "Content-Range" in got.headers) == (200, CONTENT, False)


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 50}-"])
def test_a_range_behind_the_end_cannot_be_had(served: Served, wanted: str) -> None:
    got = served.ask(PATH, Range=wanted)
    assert (got.status, got.headers["Content-Range"], got.body) == (416, "bytes */10", b"")
    assert served.ask("/octo/tool/releases/download/v1/empty", Range="bytes=0-").status == 416


def test_a_range_is_for_the_content_that_the_client_knows(served: Served, file: Path) -> None:
    def status(validator: str) -> int:
        return served.ask(PATH, Range="bytes=5-", If_Range=validator).status

    modified = int(file.stat().st_mtime)
    assert status(ETAG) == status(formatdate(modified, usegmt=True)) == 206
    for other in (f"W/{ETAG}", '"sha256-other"', formatdate(modified + 9, usegmt=True), "nonsense"):
        assert status(other) == 200


def test_conditions_are_kept(served: Served, file: Path) -> None:
    def status(**headers: str) -> int:
        return served.ask(PATH, "GET", None, **headers).status

    past, now = (formatdate(file.stat().st_mtime - ago, usegmt=True) for ago in (99, 0))
    assert status(If_None_Match=ETAG) == status(If_None_Match="*") == 304
    assert status(If_None_Match=f'"a", W/{ETAG}') == status(If_Modified_Since=now) == 304
    assert status(If_None_Match='"a"', If_Modified_Since=now) == 200
    assert status(If_Modified_Since=past) == status(If_Modified_Since="soon") == 200
    assert status(If_Match=ETAG) == status(If_Match="*") == status(If_Unmodified_Since=now) == 200
    assert status(If_Match='"a"') == status(If_Match=f"W/{ETAG}") == 412
    assert status(If_Unmodified_Since=past) == 412


def damage(path: Path) -> None:
    path.write_bytes(b"9876543210")


def put_back_with_its_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(CONTENT + b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def link_elsewhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def link_to_itself(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def link_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


def put_a_pipe_there(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_a_folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "harm",
    [
        damage,
        put_back_with_its_time,
        Path.unlink,
        link_elsewhere,
        link_to_itself,
        link_its_folder,
        put_a_pipe_there,
        put_a_folder_there,
    ],
)
def test_a_file_that_is_not_as_recorded_is_not_sent(
    served: ServedHere, file: Path, harm: Callable[[Path], None]
) -> None:
    harm(file)
    for _ in range(2):
        got = served.ask(PATH)
        assert got.status == 503
        assert "Retry-After" not in got.headers  # it does not pass by itself
        assert "release-mirror verify" in got.json["message"]
        assert "ETag" not in got.headers
    assert [one["ok"] for one in served.records(2)] == [False, False]
    [note] = served.notes  # said once
    assert note.startswith(f"{file}: ")


def test_a_file_that_is_healed_is_sent_again(served: Served, file: Path, mirror: Mirror) -> None:
    damage(file)
    assert served.ask(PATH).status == 503
    assert mirror().json["downloaded"] == 1
    assert served.ask(PATH).body == CONTENT


def test_a_path_in_the_manifest_leads_nowhere_else(
    served: Served, file: Path, dest: Path, sql: Callable[..., None]
) -> None:
    outside = dest.with_name("outside")
    outside.write_bytes(CONTENT)
    os.utime(outside, ns=(0, file.stat().st_mtime_ns))
    for path in ("../outside", str(outside), f"octo/../../{outside.name}"):
        sql("UPDATE files SET path = ? WHERE size = 10 AND kind = 'asset'", path)
        assert served.ask(PATH).status == 503


def test_a_content_type_cannot_break_the_headers(served: Served, sql: Callable[..., None]) -> None:
    for evil in ("text/html\r\nX-Evil: 1", "no type", "text/plain; x=\u00e9"):
        sql("UPDATE assets SET content_type = ?", evil)
        got = served.ask(PATH)
        assert (got.status, got.headers["Content-Type"]) == (200, "application/octet-stream")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("tool-1.0_x86.tar.gz", 'attachment; filename="tool-1.0_x86.tar.gz"'),
        ("a b", 'attachment; filename="a b"'),
        ('a"b\\c', "attachment; filename=\"a_b_c\"; filename*=UTF-8''a%22b%5Cc"),
        ("\u00e9\n", "attachment; filename=\"__\"; filename*=UTF-8''%C3%A9%0A"),
        ("../x;y", "attachment; filename=\".._x_y\"; filename*=UTF-8''..%2Fx%3By"),
        ("a%20b", "attachment; filename=\"a_20b\"; filename*=UTF-8''a%2520b"),
    ],
)
def test_a_name_cannot_break_the_headers(name: str, header: str) -> None:
    assert disposition(name) == header


def test_a_whole_file_stays_the_same_while_it_is_replaced(
    served: Served, repo: Repository, mirror: Mirror
) -> None:
    [asset] = [one for one in next(iter(repo.releases.values())).assets.values() if one.size]
    old, new = os.urandom(30_000_000), os.urandom(30_000_000)
    asset.replace(old)
    mirror("--on-replaced", "replace")
    with socket.create_connection(served.address, timeout=PATIENCE_S) as slow:
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        received = slow.recv(1000)
        asset.replace(new)
        assert mirror("--on-replaced", "replace").code == 0, "the download does not hold it up"
        assert served.ask(PATH).body == new
        received += b"".join(iter(lambda: slow.recv(1 << 20), b""))
    assert received.partition(b"\r\n\r\n")[2] == old
