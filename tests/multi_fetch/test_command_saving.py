"""--output-dir: bodies under safe names, each whole or not at all."""

import hashlib
import random
import signal
import subprocess
from pathlib import Path

import pytest

from multi_fetch.cli import main
from multi_fetch.naming import file_name
from tests.multi_fetch.commanding import (
    Fetch,
    Ran,
    answering,
    ended,
    files_in,
    listed,
    stalls,
    started,
    targets,
)
from tests.support.commands import call
from tests.support.limits import disk_of
from tests.support.rawserver import Connection, RawServer, Request, response, sends
from tests.support.waiting import until_something_is_in


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where bodies go; not there yet."""
    return tmp_path / "deep" / "out"


HOSTILE = [
    "/../../x",
    "/..",
    "/../",
    "/.",
    "/",
    "",
    "//",
    "/a/",
    "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/%2e%2e",
    "/..%5c..%5cx",
    "/%00",
    "/a%00b",
    "/a%0ab",
    "/a%1b[31mb",
    "/%2fetc%2fpasswd",
    "/-rf",
    "/~",
    "/*",
    "/CON",
    "/nul.txt",
    "/com1",
    "/a:b",
    "/a%7cb",
    "/a.",
    "/a%20",
    "/.hidden",
    "/x.part",
    "/" + "x" * 300,
    "/" + "%C3%A9" * 100,
    "/caf\u00e9",
    "/%ff%fe",
    "/%E2%80%AE",
    "?q=../../x",
    "/?q=a",
    "/?q=b",
    "/a/same",
    "/b/same",
    "/SAME",
    "/same",
    "/a;b",
    "/a b",
    "/$(id)",
    "/`id`",
    "/a#b",
]


def test_no_url_gets_out_of_the_folder_or_into_anothers_place(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, out: Path
) -> None:
    urls = [f"{server.url}{end}" for end in HOSTILE]
    ran = fetch_list(*urls, options=("--output-dir", out))
    assert (ran.code, ran.counts) == (0, (len(HOSTILE), 0, 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "urls.txt"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]
    paths = [Path(record["path"]) for record in ran.records]
    assert len({path.name.lower() for path in paths}) == len(HOSTILE)
    assert sorted(path.name for path in paths) == files_in(out)
    for path, record in zip(paths, ran.records, strict=True):
        assert path.parent == out
        assert path.stat().st_size == record["bytes"]
        assert len(path.name.encode()) <= 255
        assert path.name.isascii()
        assert path.name[0].isalnum()
        assert not set(path.name) & set("/\\:*?\"<>|&;$`'()[]{}! \n\t")
        assert not path.name.endswith((".", " "))


def test_bodies_are_what_was_sent(fetch_list: Fetch, server: RawServer, out: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - any bytes
    bodies = {f"b{size}": chance.randbytes(size) for size in (0, 1, 70_000, 600_000, 3_000_000)}
    server.answer = answering(**{name: sends(response(body)) for name, body in bodies.items()})
    urls = [f"{server.url}/{name}" for name in bodies]
    ran = fetch_list(*urls, options=("--output-dir", out, "--sha256"))
    for record, body in zip(ran.records, bodies.values(), strict=True):
        saved = Path(record["path"]).read_bytes()
        assert saved == body
        assert record["sha256"] == hashlib.sha256(body).hexdigest()
        assert record["bytes"] == len(body)


def test_sha256_is_that_of_the_body_also_where_it_is_not_saved(
    fetch_list: Fetch, server: RawServer
) -> None:
    server.answer = sends(response(b"x" * 500_000))
    expected = hashlib.sha256(b"x" * 500_000).hexdigest()
    assert fetch_list(server.url, options=("--sha256",)).record["sha256"] == expected
    assert fetch_list(server.url).record["sha256"] is None


def test_the_same_url_has_the_same_name_in_every_run(
    fetch_list: Fetch, server: RawServer, out: Path
) -> None:
    url = f"{server.url}/a?b=c"
    first = fetch_list(url, options=("--output-dir", out)).record["path"]
    server.answer = sends(response(b"newer"))
    second = fetch_list(url, url, options=("--output-dir", out)).records
    assert {record["path"] for record in second} == {first}
    assert files_in(out) == [Path(first).name]
    assert Path(first).read_bytes() == b"newer"


def test_a_name_ends_as_the_url_does_and_tells_no_user(
    fetch_list: Fetch, server: RawServer, out: Path
) -> None:
    url = f"http://ann:pw@127.0.0.1:{server.port}/v1/tool-1.2.tar.gz?token=secret"
    name = Path(fetch_list(url, options=("--output-dir", out)).record["path"]).name
    assert name.endswith("-tool-1.2.tar.gz")
    assert "secret" not in name
    assert name == file_name(url)


def test_two_users_of_one_url_have_two_bodies(
    fetch_list: Fetch, server: RawServer, out: Path
) -> None:
    """Two records that claim one path: the body of one of them is lost."""

    def answer(connection: Connection, request: Request) -> None:
        connection.send(response(request.headers["authorization"].encode()))

    server.answer = answer
    urls = [f"http://{user}@127.0.0.1:{server.port}/me" for user in ("ann:1", "bob:22")]
    ran = fetch_list(*urls, options=("--output-dir", out, "--sha256"))
    for record in ran.records:
        saved = Path(record["path"]).read_bytes()
        assert hashlib.sha256(saved).hexdigest() == record["sha256"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("404", "http"), ("cut", "reset"), ("large", "too_large"), ("stalls", "timeout")],
)
def test_a_failure_leaves_no_file_and_keeps_an_older_one(
    fetch_list: Fetch, server: RawServer, out: Path, name: str, kind: str
) -> None:
    server.answer = answering(cut=cut, large=sends(response(b"x" * 2_000_000)), stalls=stalls)
    url = f"{server.url}/{name}"
    options = ("--retries", 0, "--max-bytes", "1500kB", "--idle-timeout", "300ms")
    assert fetch_list(url, options=("--output-dir", out, *options)).kinds == [kind]
    assert files_in(out) == []
    (out / file_name(url)).write_text("older")
    record = fetch_list(url, options=("--output-dir", out, *options)).record
    assert (record["path"], record["sha256"]) == (None, None)
    assert files_in(out) == [file_name(url)]
    assert (out / file_name(url)).read_text() == "older"


def cut(connection: Connection, _request: Request) -> None:
    connection.send(response(b"x" * 1_000_000, length=2_000_000))
    connection.cut()


def test_a_retry_that_goes_on_leaves_one_whole_file(
    fetch_list: Fetch, server: RawServer, out: Path
) -> None:
    body = random.Random(2).randbytes(1_000_000)  # noqa: S311 - any bytes

    def answer(connection: Connection, request: Request) -> None:
        etag = b'etag: "1"\r\n'
        if "range" not in request.headers:
            connection.send(b"HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n" + etag + b"\r\n")
            connection.send(body[:700_000])
            connection.cut()
            return
        start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        head = f"content-range: bytes {start}-999999/1000000\r\ncontent-length: {1_000_000 - start}"
        connection.send(b"HTTP/1.1 206 X\r\n" + head.encode() + b"\r\n" + etag + b"\r\n")
        connection.send(body[start:])

    server.answer = answer
    record = fetch_list(server.url, options=("--output-dir", out, "--sha256")).record
    assert (record["error"], record["attempts"]) == (None, 2)
    assert record["sha256"] == hashlib.sha256(body).hexdigest()
    assert Path(record["path"]).read_bytes() == body
    assert len(files_in(out)) == 1


@pytest.mark.parametrize("place", ["urls.txt", "urls.txt/x", "", "x" * 300])
def test_a_folder_that_cannot_be_is_one_line_and_nothing_is_requested(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, place: str
) -> None:
    ran = fetch_list(server.url, options=("--output-dir", tmp_path / place if place else ""))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "--output-dir" in ran.stderr
    assert targets(server) == []


@pytest.mark.parametrize("durable", [(), ("--durable",)])
def test_a_full_disk_fails_what_does_not_fit_and_says_where(
    server: RawServer,
    tmp_path: Path,
    out: Path,
    durable: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.answer = answering(big=sends(response(b"x" * 2_000_000)))
    path = listed(tmp_path, f"{server.url}/big", f"{server.url}/small")
    with disk_of(1_000_000):
        ran = call(Ran, main, capsys, path, "--ndjson", "--output-dir", out, *durable)
    assert (ran.code, ran.kinds) == (1, ["body", None])
    assert "File too large" in ran.records[0]["error"]["message"]
    assert len(files_in(out)) == 1


def test_a_name_that_a_folder_has_fails_that_one_only(
    fetch_list: Fetch, server: RawServer, out: Path
) -> None:
    url = f"{server.url}/a"
    (out / file_name(url)).mkdir(parents=True)
    ran = fetch_list(url, f"{server.url}/b", options=("--output-dir", out))
    assert (ran.code, ran.kinds) == (1, ["body", None])
    assert len(files_in(out)) == 2


def test_a_link_in_the_place_of_a_body_is_replaced_not_followed(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, out: Path
) -> None:
    url = f"{server.url}/a"
    out.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (out / file_name(url)).symlink_to(victim)
    assert fetch_list(url, options=("--output-dir", out)).code == 0
    assert victim.read_text() == "mine"
    assert (out / file_name(url)).read_bytes() == b"/a"


def test_a_kill_leaves_whole_files_and_parts_only(tmp_path: Path, out: Path) -> None:
    with RawServer(answering(stalls=stalls)) as server:
        urls = [f"{server.url}/{name}" for name in ("a", "stalls", "stalls?2", "b")]
        options = ("--ndjson", "--output-dir", out)
        with started(listed(tmp_path, *urls), *options) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.readline()
            until_something_is_in(out, ".*.part")
            process.send_signal(signal.SIGKILL)
            assert process.wait(20) == -signal.SIGKILL
    names = files_in(out)
    whole = [name for name in names if not name.endswith(".part")]
    assert whole == sorted(file_name(urls[index]) for index in (0, 3))
    assert all(name.startswith(".") for name in names if name.endswith(".part"))


def test_two_runs_at_once_into_one_folder_do_not_mix(
    server: RawServer, tmp_path: Path, out: Path
) -> None:
    server.answer = sends(response(b"x" * 300_000))
    path = listed(tmp_path, *(f"{server.url}/{number}" for number in range(40)))
    options = ("--ndjson", "--output-dir", out, "--sha256")
    with started(path, *options) as one, started(path, *options) as other:
        codes = [ended(one).code, ended(other).code]
    assert codes == [0, 0]
    assert len(files_in(out)) == 40
    assert {file.stat().st_size for file in out.iterdir()} == {300_000}


def test_a_folder_beyond_the_current_one_keeps_its_relative_name(
    server: RawServer, tmp_path: Path
) -> None:
    from tests.multi_fetch.commanding import command

    path = listed(tmp_path, f"{server.url}/a")
    done = subprocess.run(
        command(path, "--ndjson", "--output-dir", "out"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    ran = Ran(code=0, stdout=done.stdout, stderr=done.stderr)
    assert ran.record["path"] == f"out/{file_name(f'{server.url}/a')}"


def test_head_has_nothing_to_save(fetch_list: Fetch, server: RawServer, out: Path) -> None:
    ran = fetch_list(server.url, options=("--method", "HEAD", "--output-dir", out))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert not out.exists()


def test_nothing_is_saved_unless_it_is_asked_for(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch_list(f"{server.url}/a").code == 0
    assert files_in(tmp_path) == ["urls.txt"]
