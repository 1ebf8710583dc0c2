"""The list of URLs: what a line is, what is none, and lists that cannot be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from multi_fetch.cli import main
from tests.multi_fetch.commanding import Fetch, Ran, targets
from tests.support.commands import call
from tests.support.limits import unprivileged
from tests.support.rawserver import RawServer

MEGABYTE = 1024 * 1024
LONGEST = 64 * 1024

FetchBytes = Callable[[bytes], Ran]


@pytest.fixture
def fetch_bytes(
    tmp_path: Path, server: RawServer, capsys: pytest.CaptureFixture[str]
) -> FetchBytes:
    """Runs the command on a list of these bytes, in which U is the server's URL."""

    def run(content: bytes) -> Ran:
        path = tmp_path / "urls.txt"
        path.write_bytes(content.replace(b"U", server.url.encode()))
        return call(Ran, main, capsys, path, "--ndjson")

    return run


@pytest.mark.parametrize(
    ("content", "indexes"),
    [
        pytest.param(b"U/a\nU/b\n", [1, 2], id="plain"),
        pytest.param(b"U/a\nU/b", [1, 2], id="no end of the last line"),
        pytest.param(b"# one\n\nU/a\n  \n\t# two\nU/b\n", [3, 6], id="comments and blank lines"),
        pytest.param(b"\xef\xbb\xbfU/a\nU/b\n", [1, 2], id="byte order mark"),
        pytest.param(b"\xef\xbb\xbf# one\nU/a\nU/b\n", [2, 3], id="mark before a comment"),
        pytest.param(b"U/a\r\n\r\nU/b\r\n", [1, 3], id="CRLF"),
        pytest.param(b" \tU/a \t\n\x0b\x0cU/b\x0b\n", [1, 2], id="white space around"),
        pytest.param(b"\n" * 10_000 + b"U/a\nU/b\n", [10_001, 10_002], id="many blank lines"),
    ],
)
def test_two_urls_are_two_urls(
    fetch_bytes: FetchBytes, server: RawServer, content: bytes, indexes: list[int]
) -> None:
    ran = fetch_bytes(content)
    assert (ran.code, [record["index"] for record in ran.records]) == (0, indexes)
    assert sorted(targets(server)) == ["/a", "/b"]


def test_a_hash_within_a_url_is_its_fragment(fetch_bytes: FetchBytes, server: RawServer) -> None:
    assert fetch_bytes(b"U/a#part\n").code == 0
    assert targets(server) == ["/a"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"U/caf\xe9", id="Latin-1"),
        pytest.param(b"U/a\x00b", id="NUL"),
        pytest.param(b"U/a\x1b[31m", id="escape"),
        pytest.param(b"U/a\rU/b", id="carriage return within"),
        pytest.param(b"ftp://127.0.0.1/a", id="ftp"),
        pytest.param(b"file:///etc/passwd", id="file"),
        pytest.param(b"javascript:alert(1)", id="javascript"),
        pytest.param(b"127.0.0.1/a", id="no scheme"),
        pytest.param(b"//127.0.0.1/a", id="no scheme but slashes"),
        pytest.param(b"http://", id="no host"),
        pytest.param(b"http:///a", id="no host but a path"),
        pytest.param(b"http://127.0.0.1:70000/", id="no such port"),
        pytest.param(b"http://127.0.0.1:0/", id="port 0"),
        pytest.param(b"http://127.0.0.1:x/", id="port that is none"),
        pytest.param(b"http://[::1/", id="open bracket"),
        pytest.param("http://\u2603\ufe0f\u200b..x/".encode(), id="no host name"),
        pytest.param("\ufeffU/a".encode(), id="second byte order mark"),
        pytest.param(b"-", id="dash"),
        pytest.param(b"{}", id="JSON"),
    ],
)
def test_what_is_no_url_gets_a_record_and_stops_nobody(
    fetch_bytes: FetchBytes, server: RawServer, line: bytes
) -> None:
    mark = b"\xef\xbb\xbf" if line.startswith(b"\xef") else b""
    ran = fetch_bytes(mark + line + b"\nU/good\n")
    assert (ran.code, ran.kinds) == (1, ["url", None])
    assert targets(server) == ["/good"]
    bad = ran.records[0]
    assert (bad["index"], bad["status"], bad["bytes"]) == (1, None, 0)
    assert bad["error"]["message"]


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"U/a b", "/a%20b"),
        ("U/caf\u00e9".encode(), "/caf%C3%A9"),
        (b"U/100%", "/100%"),
        (b'U/"<>`{}|\\^', '/"<>`{}|\\^'),
        (b"U/../../x", "/../../x"),
        (b"U", "/"),
        (b"U?q=1", "/?q=1"),
    ],
)
def test_a_url_is_requested_to_the_letter_as_far_as_servers_take_it(
    fetch_bytes: FetchBytes, server: RawServer, line: bytes, target: str
) -> None:
    assert fetch_bytes(line + b"\n").code == 0
    assert targets(server) == [target]


def test_a_host_name_beyond_ascii_is_translated(fetch_list: Fetch, server: RawServer) -> None:
    """A proxy sees the name as it is asked for."""
    ran = fetch_list("http://B\u00fccher.example/\u00fc", options=("--proxy", server.url))
    assert ran.code == 0
    assert targets(server) == ["http://xn--bcher-kva.example/%C3%BC"]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_is_refused_with_the_remedy(
    fetch_bytes: FetchBytes, server: RawServer, mark: bytes
) -> None:
    ran = fetch_bytes(mark + "http://127.0.0.1/\n".encode("utf-16-le"))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "UTF-16; convert it to UTF-8" in ran.stderr
    assert targets(server) == []


LENGTHS = [65_537, 131_071, 131_072, 131_073, 196_608, 200_000, MEGABYTE, 10 * MEGABYTE]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["at the end", "with an end"])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_line_that_is_too_long_is_one_bad_line(
    fetch_bytes: FetchBytes, length: int, end: bytes
) -> None:
    ran = fetch_bytes(b"http://127.0.0.1/".ljust(length, b"x") + end)
    assert (ran.code, ran.kinds) == (1, ["url"])
    assert len(ran.stdout) < 1000
    assert "longer than" in ran.record["error"]["message"]


def test_lines_after_a_too_long_one_keep_their_numbers(
    fetch_bytes: FetchBytes, server: RawServer
) -> None:
    ran = fetch_bytes(b"U/a\nhttp://x/" + b"x" * MEGABYTE + b"\nU/b\n")
    assert [record["index"] for record in ran.records] == [1, 2, 3]
    assert ran.kinds == [None, "url", None]
    assert sorted(targets(server)) == ["/a", "/b"]


def test_a_url_of_many_kilobytes_is_fetched(fetch_list: Fetch, server: RawServer) -> None:
    url = f"{server.url}/".ljust(60_000, "x")
    ran = fetch_list(url)
    assert (ran.code, ran.record["url"]) == (0, url)
    assert len(targets(server)[0]) > 59_000


@pytest.mark.parametrize("content", [b"", b"\n \n", b"# nothing\n", b"\xef\xbb\xbf", b"#"])
def test_an_empty_list_is_a_mistake(fetch_bytes: FetchBytes, content: bytes) -> None:
    ran = fetch_bytes(content)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "holds no URL" in ran.stderr


def test_an_empty_list_is_fine_where_nothing_is_a_failure(fetch_list: Fetch) -> None:
    ran = fetch_list(options=("--fail-on", "never"))
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "No such file or directory"),
        (".", "Is a directory"),
        ("urls.txt/x", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    (tmp_path / "urls.txt").touch()
    ran = call(Ran, main, capsys, tmp_path / name, "--ndjson")
    path = tmp_path / name
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == f"multi-fetch: {path}: {reason}\n"


def test_a_list_that_may_not_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "urls.txt").touch(mode=0)
    with unprivileged():
        ran = call(Ran, main, capsys, tmp_path / "urls.txt")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == f"multi-fetch: {tmp_path / 'urls.txt'}: Permission denied\n"


@pytest.mark.parametrize("name", ["", "\x00"])
def test_a_name_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    ran = call(Ran, main, capsys, name)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
