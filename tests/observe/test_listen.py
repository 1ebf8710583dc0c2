"""Metrics while a command runs, for whoever asks, and however."""

import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.error import HTTPError

import pytest

from tests.observe.commands import observe, observing, series, sh
from tests.support.prometheus import promtool
from tests.support.waiting import until

RECORD = (
    '{"ts":"2026-01-01T00:00:00Z","level":"info","tool":"t","action":"a","target":"x",'
    '"duration_ms":1,"ok":true,"request_id":"r"}'
)
WAITS = f"echo '{RECORD}' >>$TOOLROLL_LOG; read line; exit 3"


@contextmanager
def serving(where: str = "127.0.0.1:0") -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A command that waits, and where its metrics are."""
    command = ("--listen", where, *sh(WAITS))
    with observing(*command, stdin=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        assert said.startswith("observe: serving http://")
        yield process, said.split()[-1]


def ended(process: "subprocess.Popen[bytes]") -> int:
    _, stderr = process.communicate(b"\n", timeout=30)
    assert stderr == b""
    return process.returncode


def got(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as one:
            return one.status, one.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("where", ["127.0.0.1:0", "[::1]:0", "localhost:0", "0.0.0.0:0"])
def test_what_was_recorded_so_far_is_served(where: str) -> None:
    with serving(where) as (process, url):
        until(lambda: "actions_total" in got(url)[1])
        checked = promtool("check", "metrics", stdin=got(url)[1])
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
        found = series(got(url)[1])
        assert found['toolroll_actions_total{action="a",outcome="ok",tool="t"}'] == 1
        assert got(url.replace("/metrics", "/healthz"))[0] == 200
        assert got(url.replace("/metrics", "/etc/passwd"))[0] == 404
        assert got(url, "HEAD") == (200, "")
        assert got(url, "POST")[0] == 501
        assert ended(process) == 3


def test_garbage_and_silence_hold_up_neither_others_nor_the_end() -> None:
    with serving() as (process, url), ExitStack() as stack:
        port = int(url.rpartition(":")[2].partition("/")[0])
        for data in (b"", b"\0" * 1000, b"GET", b"GET / HTTP/1.1\r\nx: y\r\n", b"\x16\x03\x01"):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(data)
        assert got(url)[0] == 200
        assert ended(process) == 3


def test_an_address_that_cannot_be_had_is_said_and_the_command_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for where in (
            f"127.0.0.1:{port}",
            "no-such-host.invalid:0",
            f"{'x' * 80}:0",
            "192.0.2.1:0",
        ):
            done = observe("--listen", where, *sh("echo text; exit 3"))
            assert (done.code, done.stdout) == (3, b"text\n")
            assert done.notes.endswith("; going on without\n")
            assert done.notes.count("\n") == 1


@pytest.mark.parametrize("where", ["", "9464", ":0", "x:y", "127.0.0.1:70000", "::1:0"])
def test_what_is_no_address_is_refused(where: str) -> None:
    done = observe("--listen", where, *sh("echo began"))
    assert (done.code, done.stdout) == (2, b"")
