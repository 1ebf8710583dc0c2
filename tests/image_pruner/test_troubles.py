"""What goes wrong with a daemon before anything is deleted: said so that one can act on it."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from image_pruner import Daemon, Endpoint
from tests.image_pruner.conftest import Prune
from tests.image_pruner.standin import IMAGE, Answer, Standin, standing_in
from tests.support.commands import argv, environment, run
from tests.support.docker import Engine, needs
from tests.support.terminal import shown_on_a_terminal
from toolroll_shared.errors import Unreachable

pytestmark = [  # requests of the same moment are left alone when one fails, with their sockets
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PROMPTLY_S = 2.0
NOBODY = 65534
EVIL = "\x1b]0;evil\x07\x9b31m\u202e\n\t"


@pytest.fixture
def standin(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    """A stand-in, which DOCKER_HOST names."""
    with standing_in(here / "socket") as daemon:
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        yield daemon


def test_without_a_daemon_it_is_said_how_to_start_one(here: Path) -> None:
    with pytest.raises(Unreachable) as told:
        Daemon(Endpoint(host=f"unix://{here}/docker.sock"), timeout=5)
    assert str(told.value) == (
        f"the daemon at unix://{here}/docker.sock (the default) cannot be reached: No such file "
        "or directory; start it ('systemctl start docker'), or set DOCKER_HOST to where one listens"
    )


@pytest.mark.parametrize("kind", ["nothing", "a socket nobody listens on", "a file", "a folder"])
def test_where_no_daemon_listens_it_is_said_who_named_the_place(here: Path, kind: str) -> None:
    path = here / "socket"
    if kind == "a file":
        path.touch()
    elif kind == "a folder":
        path.mkdir()
    elif kind != "nothing":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    done = run("image_pruner", DOCKER_HOST=f"unix://{path}")
    assert done.code == 69
    assert f"the daemon at unix://{path} (DOCKER_HOST) cannot be reached: " in done.stderr
    assert "is it running there? DOCKER_HOST says where to look" in done.stderr


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:{}", "tcp://[::1]:{}", "https://127.0.0.1:{}"])
def test_a_port_where_nobody_listens_is_not_called_slow(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = run("image_pruner", "--host", host.format(port))
    assert done.code == 69
    assert "cannot be reached: " in done.stderr
    assert "in time" not in done.stderr


def test_a_name_that_nobody_knows_is_said_to_be_one() -> None:
    done = run("image_pruner", "--host", "tcp://nowhere.invalid:1")
    assert done.code == 69
    assert "cannot be reached: " in done.stderr


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_socket_that_we_may_not_open_is_told_with_its_group(here: Path, mode: int) -> None:
    """Without the right to pass over permissions, root is like everybody else."""
    drop = "--bounding-set=-dac_override,-dac_read_search"
    program = [needs("setpriv"), drop, "--inh-caps=-all", "--"]
    with standing_in(here / "socket") as daemon:
        os.chown(here / "socket", NOBODY, NOBODY)
        (here / "socket").chmod(mode)
        done = subprocess.run(
            [*program, *argv("image_pruner", "--host", daemon.host)],
            env=environment({}),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 77, done.stderr
    group = (here / "socket").group()
    assert f"permission denied; its group is {group!r}: ask to be in it" in done.stderr


@pytest.mark.parametrize("place", ["unix", "tcp"])
@pytest.mark.parametrize(
    ("version", "message"),
    [
        ({"ApiVersion": "1.18", "MinAPIVersion": "1.12"}, "speaks API 1.18; 1.25 (Docker 1.13)"),
        ({"ApiVersion": "1.120", "MinAPIVersion": "1.99"}, "a newer image-pruner is needed"),
    ],
)
def test_an_api_of_another_time_is_told(
    here: Path, prune: Prune, place: str, version: dict[str, str], message: str
) -> None:
    with standing_in(here / "socket" if place == "unix" else None) as daemon:
        daemon.says("/version", version)
        done = prune("--host", daemon.host)
        assert done.code == 69
        assert message in done.stderr
        assert daemon.asked == [("GET", "/version")]


NONSENSE: dict[str, Answer] = {
    "HTML": (200, b"<html><body>Welcome to nginx!"),
    "broken JSON": (200, b'[{"Id":'),
    "nothing": (200, b""),
    "a text": (200, b'"x"'),
    "a number": (200, b"5"),
    "null": (200, b"null"),
    "{}": (200, b"{}"),
    "a list of null": (200, b"[null]"),
    "a list of numbers": (200, b"[5]"),
    "a list of {}": (200, b"[{}]"),
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("path", ["/version", "/images/json", "/containers/json"])
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_what_no_daemon_says_is_nothing_to_go_by(
    standin: Standin, prune: Prune, path: str, answer: Answer
) -> None:
    standin.answers[path] = answer
    done = prune("--yes")
    assert done.code == 69
    assert "does not answer as Docker's API does" in done.stderr
    assert [one for one in standin.asked if one[0] != "GET"] == []


IMAGE_TEXTS = ("Id", "Created", "Size", "RepoTags", "Labels", "ParentId")


@pytest.mark.parametrize("value", [5, -1.5, "x", [1], [None], {"a": 1}, True, "\x1b[31m"])
@pytest.mark.parametrize("key", IMAGE_TEXTS)
def test_no_odd_value_in_the_list_of_images_is_a_bug_of_ours(
    standin: Standin, prune: Prune, key: str, value: object
) -> None:
    image = {"Id": IMAGE, "Size": 5, "Created": 1_700_000_000, key: value}
    standin.says("/images/json", [image])
    done = prune("--older-than", "1", "--exclude", "z*", "--label", "!a=1")
    assert done.code in {0, 69}, done.stderr


@pytest.mark.parametrize("image", [None, 5, "x", "a" * 63, [], {}, ["x"], "../" + IMAGE])
def test_a_container_of_no_image_that_could_be_is_not_passed_over(
    standin: Standin, prune: Prune, image: object
) -> None:
    standin.says("/containers/json", [{"Id": "c", "Names": ["/web"], "ImageID": image}])
    done = prune("--yes")
    assert done.code == 69
    assert "does not answer as Docker's API does" in done.stderr


def test_a_container_without_the_image_it_is_of_is_not_passed_over(
    standin: Standin, prune: Prune
) -> None:
    standin.says("/containers/json", [{"Id": "c", "Names": ["/web"]}])
    assert prune("--yes").code == 69


@pytest.mark.parametrize("path", ["/version", "/images/json", "/containers/json", "/system/df"])
@pytest.mark.parametrize(
    ("status", "code"), [(400, 69), (404, 69), (500, 69), (503, 69), (401, 77), (403, 77)]
)
def test_a_failure_is_told_in_the_daemons_words(
    standin: Standin, prune: Prune, path: str, status: int, code: int
) -> None:
    message = "authorization denied by plugin opa: \x1b[31mno"
    standin.answers[path] = status, json.dumps({"message": message}).encode()
    done = prune()
    assert done.code == code
    assert f"{status}" in done.stderr
    assert "(DOCKER_HOST)" in done.stderr
    assert r"authorization denied by plugin opa: \x1b[31mno" in done.stderr


def test_a_failure_that_is_no_json_is_told_all_the_same(standin: Standin, prune: Prune) -> None:
    standin.answers["/system/df"] = 502, b"<html>Bad Gateway\x1b]0;evil\x07" + b"x" * 5000
    done = prune()
    assert done.code == 69
    assert r"answers 502: <html>Bad Gateway\x1b]0;evil" in done.stderr
    assert len(done.stderr) < 600


@pytest.mark.parametrize("path", ["/version", "/images/json", "/system/df"])
def test_an_answer_that_is_cut_off_is_none(standin: Standin, prune: Prune, path: str) -> None:
    standin.answers[path] = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{"Id'
    done = prune("--yes")
    assert done.code == 69
    assert "went away in the middle of an answer" in done.stderr


def test_a_daemon_that_hangs_up_went_away(standin: Standin, prune: Prune) -> None:
    standin.answers["/containers/json"] = b""
    done = prune("--yes")
    assert done.code == 69
    assert "went away: " in done.stderr


def evil(daemon: Standin) -> None:
    """Have a daemon put control characters wherever it can."""
    label = {EVIL: EVIL}
    used = {"Id": IMAGE, "Size": 5, "RepoTags": [f"used{EVIL}:1"], "Labels": label}
    free = {"Id": f"sha256:{'b' * 64}", "Size": 5, "RepoTags": [f"free{EVIL}:1"]}
    digest = {"Id": f"sha256:{'c' * 64}", "Size": 5, "RepoDigests": [f"x{EVIL}@{EVIL}:1"]}
    daemon.says("/images/json", [used, free, digest])
    container = {"Id": "c", "Names": [f"/web{EVIL}"], "ImageID": IMAGE, "State": EVIL}
    daemon.says("/containers/json", [container, {**container, "ImageID": "d" * 64}])
    failure = json.dumps({"message": f"no: {EVIL}"}).encode()
    for image in (free, digest):
        details = {one: image.get(one) for one in ("RepoTags", "RepoDigests")}
        daemon.says(f"/images/{image['Id']}/json", details)
        daemon.answers[f"/images/{image['Id']}"] = 500, failure


@pytest.mark.parametrize("options", [[], ["--yes"], ["--yes", "--json"], ["--log-json", "-"]])
def test_nothing_that_a_daemon_says_steers_a_terminal(standin: Standin, options: list[str]) -> None:
    evil(standin)
    wide = {"COLUMNS": "300"}
    command = argv("image_pruner", "--label", "!a", "--older-than", "0", *options)
    _, output = shown_on_a_terminal(command, **wide)
    assert "evil" in output
    for sign in ("\x1b]", "\x07", "\x9b", "\u202e"):
        assert sign not in output, repr(output)


@contextmanager
def stopped(engine: Engine) -> Iterator[None]:
    """Have a daemon that does not answer."""
    os.kill(engine.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(engine.pid, signal.SIGCONT)


def test_a_daemon_that_stands_still_is_given_up(engine: Engine, prune: Prune) -> None:
    with stopped(engine):
        began = time.monotonic()
        done = prune("--timeout", "1s")
        took = time.monotonic() - began
    assert done.code == 69
    assert "does not answer in time (see --timeout)" in done.stderr
    assert 1 <= took < 1 + PROMPTLY_S


def waited(event: threading.Event) -> None:
    event.wait()


@pytest.mark.parametrize("path", ["/version", "/images/json", f"/images/{IMAGE}/json"])
@pytest.mark.parametrize("place", ["unix", "tcp"])
def test_an_answer_that_never_comes_is_given_up(
    here: Path, prune: Prune, place: str, path: str
) -> None:
    over = threading.Event()
    with standing_in(here / "socket" if place == "unix" else None) as daemon:
        daemon.answers[path] = lambda: waited(over)
        done = prune("--host", daemon.host, "--timeout", "200ms", "--yes")
        over.set()
    assert done.code == 69
    assert "does not answer in time" in done.stderr


@pytest.mark.parametrize("path", ["/version", "/images/json", "/system/df"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_does_not_wait_for_a_daemon_that_never_answers(
    standin: Standin, path: str, number: int, code: int
) -> None:
    asked, over = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        over.wait()

    standin.answers[path] = wait
    command = subprocess.Popen(
        argv("image_pruner", "--yes"), stderr=subprocess.PIPE, env=environment({})
    )
    assert asked.wait(30)
    began = time.monotonic()
    command.send_signal(number)
    _, stderr = command.communicate(timeout=30)
    took = time.monotonic() - began
    over.set()
    assert command.returncode == code
    assert stderr == f"image-pruner: {'interrupted' if code == 130 else 'terminated'}\n".encode()
    assert took < PROMPTLY_S
