"""`observe serve` as a server: addresses, clients that are no good, and how it ends."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.observe.logs import record
from tests.observe.servers import Serve, append, serving
from tests.support.commands import run
from tests.support.prometheus import prometheus
from tests.support.waiting import PATIENCE_S, until

HANGS_UP_S = 10
MANY = 32
WATCHED_S = 2


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.json"
    append(path, record())
    return path


@pytest.fixture
def serve(log: Path, tmp_path: Path) -> Iterator[Serve]:
    with serving(log, state=tmp_path / "serve.json") as serve:
        yield serve


def _connect(serve: Serve) -> socket.socket:
    parts = urlsplit(serve.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S)


def _said(client: socket.socket, text: bytes) -> bytes:
    """Send something, and return all that comes back."""
    client.sendall(text)
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_answers_head_as_get_without_a_body(serve: Serve) -> None:
    got, text = serve.request("/metrics")
    head, nothing = serve.request("/metrics", "HEAD")
    assert (head.status, nothing) == (200, "")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(text))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_not_implemented(method: str, serve: Serve) -> None:
    assert serve.request("/metrics", method)[0].status == 501


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/../metrics", "/etc/passwd", "//"])
def test_other_paths_are_not_found(path: str, serve: Serve) -> None:
    answer, text = serve.request(path)
    assert (answer.status, text) == (404, "there are /metrics, /healthz\n")


def test_a_query_changes_nothing(serve: Serve) -> None:
    assert serve.request("/metrics?name=x")[0].status == 200


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        (b"GET /metrics\r\n\r\n", b"# HELP"),
        (b"\0\1\2\r\n\r\n", b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n", b""),
        (b"GET /metrics HTTP/9.9\r\n\r\n", b""),
        (b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.0 414"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"HTTP/1.0 431"),
        (b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 200 + b"\r\n", b"HTTP/1.0 431"),
        (b"GET /healthz HTTP/1.1\r\n\r\n" * 3, b"HTTP/1.0 200"),
    ],
)
def test_odd_requests_get_an_answer_and_do_no_harm(text: bytes, begin: bytes, serve: Serve) -> None:
    with _connect(serve) as client:
        assert _said(client, text).startswith(begin)
    assert serve.counted() == 1


def test_a_client_that_sends_byte_by_byte_is_hung_up_on_in_time(serve: Serve) -> None:
    with _connect(serve) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
        began = time.monotonic()
        client.settimeout(0.2)
        while not _is_hung_up(client):
            assert time.monotonic() - began < HANGS_UP_S + PATIENCE_S
    assert time.monotonic() - began > HANGS_UP_S / 2


def _is_hung_up(client: socket.socket) -> bool:
    try:
        client.sendall(b"X")
        return not client.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_too_many_clients_at_once_keep_nobody_out_for_ever(serve: Serve) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(_connect(serve)) for _ in range(MANY * 3)]
        assert clients[-1].recv(1) == b""
    until(lambda: _is_served(serve))


def _is_served(serve: Serve) -> bool:
    try:
        return serve.counted() == 1
    except OSError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_at_once_whoever_is_connected(
    number: int, code: int, serve: Serve
) -> None:
    with ExitStack() as stack:
        for text in [b"", b"GET /me", b"GET /metrics HTTP/1.1\r\n\r\n"] * 5:
            stack.enter_context(_connect(serve)).sendall(text)
        began = time.monotonic()
        ended, stderr = serve.end(number)
    assert (ended, stderr.count("\n")) == (code, 1)
    assert time.monotonic() - began < HANGS_UP_S / 2


def test_a_signal_ends_it_also_while_it_counts_a_large_log(log: Path, tmp_path: Path) -> None:
    append(log, record() * 1_000_000)
    with serving(log, state=tmp_path / "large.json") as serve:
        began = time.monotonic()
        code, stderr = serve.end()
    assert (code, stderr) == (143, "observe: terminated\n")
    assert time.monotonic() - began < HANGS_UP_S / 2
    assert not (tmp_path / "large.json").exists(), "it was not through"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_listens_at_names_and_addresses_of_both_kinds(host: str, log: Path, tmp_path: Path) -> None:
    if host == "[::1]" and not Path("/proc/net/if_inet6").read_text():
        pytest.skip("needs IPv6")
    with serving(log, state=tmp_path / "s", listen=f"{host}:0") as serve:
        assert re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):[0-9]+/metrics", serve.url)
        assert serve.counted() == 1


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("192.0.2.1:9", "--listen 192.0.2.1:9: Cannot assign requested address"),
        ("[2001:db8::1]:9", "--listen [2001:db8::1]:9: "),
        ("a..b:9", "--listen a..b:9: is no name of a host"),
        ("x" * 70 + ":9", f"--listen {'x' * 70}:9: is no name of a host"),
        ("unix:/run/x", "argument --listen: 'unix:/run/x' is no HOST:PORT"),
        ("9464", "argument --listen: '9464' is no HOST:PORT"),
        ("127.0.0.1:70000", "argument --listen: '127.0.0.1:70000' is no HOST:PORT"),
    ],
)
def test_an_address_that_is_none_is_named(listen: str, why: str, log: Path, tmp_path: Path) -> None:
    done = run("observe", "serve", "--log", log, "--listen", listen, "--state", tmp_path / "s")
    assert (done.code, done.stdout) == (2, "")
    assert why in done.stderr


def test_an_address_that_is_taken_is_named(serve: Serve, log: Path, tmp_path: Path) -> None:
    address = urlsplit(serve.url).netloc
    done = run("observe", "serve", "--log", log, "--listen", address, "--state", tmp_path / "2")
    assert (done.code, done.stderr) == (
        2,
        f"observe: --listen {address}: Address already in use\n",
    )


def test_who_reads_only_the_address_ends_nothing(log: Path, tmp_path: Path) -> None:
    with serving(log, state=tmp_path / "s") as serve:
        assert serve.process.stdout is not None
        serve.process.stdout.close()
        assert serve.counted() == 1
        serve.process.terminate()
        assert serve.process.wait(PATIENCE_S) == 143
        serve.process.stdout = None


def test_without_a_stdout_the_reason_is_not_the_state(log: Path, tmp_path: Path) -> None:
    python = f"exec {sys.executable} -m observe"
    command = f"{python} serve --log {log} --listen 127.0.0.1:0 --state {tmp_path}/s >&-"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (1, "observe: stdout: stdout is closed\n")


def test_while_it_is_idle_it_sleeps(serve: Serve) -> None:
    assert serve.counted() == 1
    before = _wakings(serve.process.pid)
    time.sleep(WATCHED_S)  # that is how long it is looked at, and waits for nothing
    assert _wakings(serve.process.pid) - before <= 3


def _wakings(pid: int) -> int:
    """How often its threads went to sleep so far."""
    status = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in status)


def test_a_real_prometheus_sees_an_operation_of_a_tool(tmp_path: Path) -> None:
    log = tmp_path / "tools.json"
    count = 'sum(toolroll_actions_total{tool="wc-lite",action="count",outcome="ok"})'
    runs = 'toolroll_runs_total{tool="wc-lite",outcome="ok"}'
    append(log, record())
    with serving(log, state=tmp_path / "serve.json") as serve:
        target = urlsplit(serve.url).netloc
        config = (
            "global: {scrape_interval: 200ms}\n"
            f"scrape_configs: [{{job_name: observe, static_configs: [{{targets: ['{target}']}}]}}]"
        )
        with prometheus(config) as server:
            for expected in (1, 2):
                done = run("text_utils.wc_lite", __file__, "--log-json", log)
                assert done.code == 0, done.stderr
                until(lambda expected=expected: [v for _, v in server.query(count)] == [expected])  # type: ignore[misc]
            assert [value for _, value in server.query(runs)] == [2]
            assert [value for _, value in server.query("up")] == [1]
