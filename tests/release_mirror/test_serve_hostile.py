"""What strangers send: nothing leaves DEST, nothing is echoed, nobody else is held up."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from release_mirror.serve import MAX_CONNECTIONS
from tests.release_mirror.conftest import Mirror
from tests.release_mirror.serving import PATIENCE_S, Served, serving_here
from tests.support.github_data import Repository

PATH = "/octo/tool/releases/download/v1/tool"


@pytest.fixture
def served(
    repo: Repository, mirror: Mirror, dest: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Served]:
    repo.add_release("v1").add_asset("tool", b"content")
    assert mirror().code == 0
    with serving_here(dest) as server:
        yield server
        assert server.ask(PATH).body == b"content", "it still serves"
    assert (server.notes, caplog.records) == ([], []), "nothing went wrong"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/octo/tool/releases/download/v1/../../../../../etc/passwd",
        "/octo/tool/releases/download/v1/..%2f..%2f..%2f..%2fmanifest.sqlite",
        "/octo/tool/releases/download/../../../manifest.sqlite",
        "/octo/tool/releases/download/%2e%2e/manifest.sqlite",
        "/octo/tool/releases/download/v1/%00tool",
        "/octo/tool/releases/download/v1/tool/",
        "/octo/tool/releases/download//v1/tool",
        "/%2e%2e/%2e%2e/repos/octo/tool",
        "//octo/tool/releases/download/v1/tool",
        "/repos/octo%2ftool/releases",
        "/repos/octo/tool%2freleases",
        "/.release-mirror.lock",
    ],
)
def test_no_path_leads_anywhere_but_to_what_is_mirrored(served: Served, path: str) -> None:
    got = served.say(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 404 "), got


@pytest.mark.parametrize(
    "host",
    [
        "",
        "Host: a b\r\n",
        "Host: <script>\r\n",
        'Host: a"\r\n',
        "Host: a/b\r\n",
        "Host: user@a\r\n",
        "Host: [::1\r\n",
        "Host: a:port\r\n",
        f"Host: {'a' * 300}\r\n",
        "Host:\r\n",
    ],
)
def test_a_host_that_is_none_is_refused_and_not_echoed(served: Served, host: str) -> None:
    request = f"GET /repos/octo/tool HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    got = served.say(request.encode())
    assert got[:12] in {b"HTTP/1.1 400", b"HTTP/1.0 400"}
    name = host.removeprefix("Host: ").strip().encode()
    assert not name or name not in got.partition(b"\r\n\r\n")[2] or len(name) < 4


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET " + b"/" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(served: Served, request_: bytes) -> None:
    assert served.say(request_)[:12] in {b"HTTP/1.1 400", b"HTTP/1.0 400"}


def test_requests_in_one_go_are_answered_in_their_order(served: Served) -> None:
    one = f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=%d-%d\r\n\r\n"
    parts = "".join(one % (at, at) for at in range(7))
    last = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.create_connection(served.address, timeout=PATIENCE_S) as connection:
        connection.sendall((parts + last).encode())
        got = b"".join(iter(lambda: connection.recv(65536), b""))
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in got.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [*(bytes([byte]) for byte in b"content"), b""]


def test_a_connection_is_kept_open_for_the_next_request(served: Served) -> None:
    with socket.create_connection(served.address, timeout=PATIENCE_S) as connection:
        for _ in range(3):
            connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            got = b""
            while not got.endswith(b"content"):
                got += connection.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_nobody_asked_for_is_not_kept(served: Served) -> None:
    got = served.ask("/graphql", "POST", b"x" * 1_000_000)
    assert (got.status, got.json["message"]) == (
        400,
        "Only the questions of gh release are answered",
    )
    assert served.ask(PATH, "POST", b"x" * 100_000).status == 405


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"query": 7}',
        b'{"query": "query Other {viewer {login}}"}',
        b'{"query": "mutation RepositoryReleaseList {}"}',
        b"\xff",
    ],
)
def test_other_questions_are_refused(served: Served, body: bytes) -> None:
    assert served.ask("/graphql", "POST", body).status == 400


@pytest.mark.parametrize(
    "variables",
    [
        "{}",
        '{"owner": 1, "name": []}',
        '{"owner": "octo", "name": "tool", "perPage": -1, "endCursor": "x"}',
        '{"owner": "octo", "name": "tool", "perPage": "9", "endCursor": {}}',
        '{"owner": "octo", "name": "tool", "endCursor": "999999999"}',
    ],
)
def test_odd_variables_are_no_trouble(served: Served, variables: str) -> None:
    question = f'{{"query": "query RepositoryReleaseList {{}}", "variables": {variables}}}'
    assert served.ask("/graphql", "POST", question.encode()).status == 200


def test_more_connections_than_it_takes_are_sent_away(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            connection = socket.create_connection(served.address, timeout=PATIENCE_S)
            stack.enter_context(connection)
        with socket.create_connection(served.address, timeout=PATIENCE_S) as late:
            assert late.recv(100).startswith(b"HTTP/1.1 503 ")
    for _ in range(100):  # until it has seen that they are gone
        with socket.create_connection(served.address, timeout=PATIENCE_S) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            if one.recv(100).startswith(b"HTTP/1.1 200 "):
                return
    raise AssertionError("it never came back")
