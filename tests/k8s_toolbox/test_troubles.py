"""What goes wrong is told in one line, with the right exit code, and what to do next."""

import gzip
import shlex
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from k8s_toolbox.kubeconfigs import Chosen
from k8s_toolbox.queries import Query
from k8s_toolbox.troubles import Answer, answered, told
from tests.support.commands import run
from tests.support.kube_api import KubeApi, write_kubeconfig
from tests.support.kube_state import status
from toolroll_shared.errors import Unreachable

from .conftest import Toolbox

CHOSEN = Chosen({}, {"token": "t"}, "team-a", "here", "/etc/kubeconfig")
LIST = Query("list", "pods", "team-a")
FORBIDDEN = 'pods is forbidden: User "jane" cannot list resource "pods"'
CLOSED = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("code", "body", "exit_code", "says"),
    [
        (401, status(401, "Unauthorized", "Unauthorized"), 77, "does not take our credentials"),
        (403, status(403, "Forbidden", FORBIDDEN), 77, "jane may not list pods in team-a (403)"),
        (403, b"<html>no</html>", 77, "this user may not list pods in team-a (403): <html>no"),
        (404, status(404, "NotFound", "nothing there"), 1, "list pods in team-a: nothing there"),
        (404, b"404 page not found", 69, "404 page not found; is it an API server?"),
        (400, status(400, "BadRequest", "unable to parse"), 2, "in team-a: unable to parse"),
        (422, status(422, "Invalid", "no such field"), 2, "in team-a: no such field"),
        (301, b"", 69, "answers 301 to list pods in team-a: Moved Permanently; is it an API"),
        (418, b"", 69, "answers 418 to list pods in team-a"),
        (200, b"<html>Log in</html>", 69, "the answer is not one of the API's"),
        (200, b"", 69, "the answer is not one of the API's"),
        (200, b"null", 69, "the answer is not one of the API's"),
        (200, b'{"items": 5, "metadata": {}}', 69, "the answer is not one of the API's"),
        (200, b"\xff\xfe" * 1000, 69, "the answer is not one of the API's"),
    ],
)
def test_an_answer_that_is_none_is_told(
    api: KubeApi, toolbox: Toolbox, code: int, body: bytes, exit_code: int, says: str
) -> None:
    api.fault = lambda _asked: (code, body, {})
    done = toolbox("pods")
    assert (done.code, done.stdout) == (exit_code, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("code", [429, 500, 503, 599, 799])
def test_a_server_that_is_busy_for_long_is_left_alone(
    api: KubeApi, toolbox: Toolbox, code: int
) -> None:
    api.fault = lambda _asked: (code, b"", {"Retry-After": "500"})
    done = toolbox("pods")
    assert (done.code, len(api.asked)) == (75, 1)
    assert f"({code})" in done.stderr


@pytest.mark.parametrize("code", [429, 503])
def test_a_server_that_is_busy_is_asked_again_when_it_says(
    api: KubeApi, toolbox: Toolbox, code: int
) -> None:
    api.fault = lambda _asked: (code, b"", {"Retry-After": "0"}) if len(api.asked) < 3 else None
    assert toolbox("pods").code == 0
    assert len(api.asked) > 2


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed_and_the_token_goes_nowhere(
    api: KubeApi, toolbox: Toolbox, code: int
) -> None:
    heard = []
    with listening(lambda link: heard.append(link.recv(1))) as elsewhere:
        api.fault = lambda _asked: (code, b"", {"Location": elsewhere + "/x"})
        assert toolbox("pods").code == 69
    assert (heard, len(api.asked)) == ([], 1)


@pytest.mark.parametrize("encoded", [True, False])
def test_an_answer_without_an_end_is_given_up(
    api: KubeApi, toolbox: Toolbox, *, encoded: bool
) -> None:
    """A bomb of some hundred kilobytes, or so many bytes as they are."""
    mebibyte = b" " * (1 << 20)
    more = {"Content-Encoding": "gzip"} if encoded else {}
    body = (gzip.compress(mebibyte) if encoded else mebibyte) * 257
    api.fault = lambda _asked: (200, body, more)
    done = toolbox("pods")
    assert done.code == 69
    assert "has no end in 256 MiB; is it an API server?" in done.stderr


def test_a_refusal_without_an_end_is_cut(api: KubeApi, toolbox: Toolbox) -> None:
    api.fault = lambda _asked: (403, b"x" * (8 << 20), {})
    done = toolbox("pods")
    assert done.code == 77
    assert len(done.stderr) < 1000


def test_what_is_not_gzip_is_told(api: KubeApi, toolbox: Toolbox) -> None:
    api.fault = lambda _asked: (200, b"junk", {"Content-Encoding": "gzip"})
    done = toolbox("pods")
    assert (done.code, done.stderr.count("\n")) == (69, 1)


def test_what_a_server_says_cannot_move_the_cursor(api: KubeApi, toolbox: Toolbox) -> None:
    api.fault = lambda _asked: (403, status(403, "Forbidden", "a\x1b[2Jb\nc"), {})
    assert "a\\x1b[2Jb c" in toolbox("pods").stderr


@contextmanager
def listening(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen, and do something with each connection; yield the URL."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                link, _ = server.accept()
                with link, suppress(OSError):
                    act(link)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()


def answer_with(text: bytes) -> Callable[[socket.socket], object]:
    def act(link: socket.socket) -> None:
        link.recv(65536)
        link.sendall(text)

    return act


def reset(link: socket.socket) -> None:
    link.recv(1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (reset, "went away"),
        (lambda link: link.recv(1), "went away"),
        (answer_with(b""), "went away: Remote end closed connection without response"),
        (answer_with(b"SSH-2.0-OpenSSH\r\n"), "went away"),
        (answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "in the middle of an"),
        (
            answer_with(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            "in the middle of an",
        ),
        (
            answer_with(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab"),
            "in the middle of an",
        ),
        (answer_with(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\n{"), "in the middle of an"),
    ],
)
def test_a_server_that_goes_away_is_told(
    tmp_path: Path, toolbox: Toolbox, act: Callable[[socket.socket], object], says: str
) -> None:
    with listening(act) as url:
        done = toolbox("pods", "--kubeconfig", write_kubeconfig(tmp_path / "config", url))
    assert done.code == 69
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_never_answers_is_told_after_the_timeout(
    tmp_path: Path, toolbox: Toolbox
) -> None:
    over = threading.Event()
    with listening(lambda _link: over.wait(30)) as url:
        path = write_kubeconfig(tmp_path / "config", url)
        done = toolbox("pods", "--kubeconfig", path, "--timeout", "200ms")
        over.set()
    assert done.code == 69
    assert "does not answer in time (see --timeout)" in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (CLOSED, "cannot be reached: Connection refused; does it run there? "),
        ("http://no-such-host.invalid", "cannot be reached: "),
    ],
)
def test_a_server_that_is_not_there_is_told_with_where_it_stands(
    tmp_path: Path, toolbox: Toolbox, url: str, says: str
) -> None:
    path = write_kubeconfig(tmp_path / "config", url)
    done = toolbox("pods", "--kubeconfig", path)
    assert done.code == 69
    assert f"the API server {url} (context standin) {says}" in done.stderr
    assert f"{path} says where to look" in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectTimeoutError("x"), "cannot be reached: no connection in time; does it run there?"),
        (ReadTimeoutError(cast("Any", None), "", "x"), "does not answer in time"),
        (ConnectionResetError(104, "Connection reset by peer"), "went away: Connection reset"),
        (ValueError("anything"), "does not answer as an API server does: anything"),
    ],
)
def test_what_happens_on_the_way_is_told(error: Exception, says: str) -> None:
    found = told(CHOSEN, "https://s", error)
    assert isinstance(found, Unreachable)
    assert str(found).startswith(f"the API server https://s (context here) {says}")


def test_the_line_to_check_a_refusal_asks_the_same_cluster() -> None:
    chosen = CHOSEN._replace(context="my $ctx", file="/a b/config")
    error = answered(chosen, "https://s", LIST, Answer(403, b""))
    words = shlex.split(str(error).partition("to check: ")[2])
    where = ["--kubeconfig", "/a b/config", "--context", "my $ctx"]
    assert words == ["kubectl", *where, "auth", "can-i", "list", "pods", "-n", "team-a"]


@pytest.mark.parametrize(
    ("query", "what", "can_i"),
    [
        (LIST, "list pods in team-a", "list pods -n team-a"),
        (Query("watch", "events"), "watch events in all namespaces", "watch events -A"),
        (Query("get", "pods", "ns", "web-0"), "get pods in ns", "get pods/web-0 -n ns"),
        (
            Query("get", "pods", "ns", "web-0", "log"),
            "get pods/log in ns",
            "get pods/web-0 --subresource=log -n ns",
        ),
        (Query("get", "namespaces", None, "ns"), "get namespaces", "get namespaces/ns"),
    ],
)
def test_a_question_is_named_as_roles_name_it(query: Query, what: str, can_i: str) -> None:
    assert (query.what, query.can_i) == (what, can_i)


def test_names_cannot_leave_their_place_in_the_path() -> None:
    query = Query("get", "pods", "a/../b", "c?d#e")
    assert query.path == "/api/v1/namespaces/a%2F..%2Fb/pods/c%3Fd%23e"


def test_a_log_of_actions_has_no_secrets(api: KubeApi, tmp_path: Path) -> None:
    write_kubeconfig(api.kubeconfig, api.url, user={"token": "s3cret", "password": "s3cret"})
    log = tmp_path / "log"
    done = run("k8s_toolbox", "pods", "--log-json", log)
    assert done.code == 0
    assert '"action": "list"' in log.read_text()
    assert "s3cret" not in log.read_text()
