"""A Pushgateway's counters grow over runs; what it does wrong is said, without its password."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.observe.commands import observe, records, series, sh
from tests.support.commands import argv, environment
from tests.support.prometheus import Server, pushgateway
from tests.support.rawserver import Answer, Connection, RawServer, Request, response, sends

RUNS = 'toolroll_runs_total{{instance="i",job="j",outcome="{}",tool="job"}}'
TO = ("--job", "j", "--instance", "i", "--name", "job")
ODD = [
    "a/b", "my job", "ünï ☃", "a+b", "a%2Fb", 'q"uote', "back\\slash", "new\nline", "a?b#c", " x",
    "@base64", "x=y&z", "...",
]  # fmt: skip


def metrics(server: Server) -> dict[str, float]:
    return series(server.get("/metrics"))


def test_counters_grow_and_the_last_success_outlives_a_failure() -> None:
    with pushgateway() as server:
        assert observe("--push", server.url, *TO, "--", "true").notes == ""
        first = metrics(server)
        assert observe("--push", f"{server.url}/", *TO, "--", "false").code == 1
        observe("--push", server.url, *TO, "--", "true")
        observe("--push", server.url, *TO, "--", "false")
        last = metrics(server)
    of = '{instance="i",job="j",tool="job"}'
    success, run = "toolroll_last_success_timestamp_seconds", "toolroll_last_run_timestamp_seconds"
    assert first[f"toolroll_last_run_success{of}"] == 1
    assert last[RUNS.format("ok")] == last[RUNS.format("failed")] == 2
    assert first[success + of] < last[success + of] < last[run + of]
    assert last[f"toolroll_last_run_success{of}"] == 0
    assert last[f"toolroll_run_duration_seconds_count{of}"] == 4


def test_any_job_and_instance_is_one_of_its_own() -> None:
    with pushgateway() as server:
        for name in ODD:
            for _ in range(2):
                done = observe(
                    "--push", server.url, "--job", name, "--instance", name, "--", "true"
                )
                assert (done.code, done.notes) == (0, "")
        counted = {name: value for name, value in metrics(server).items() if "runs_total" in name}
    assert len(counted) == len(ODD)
    assert set(counted.values()) == {2}


@pytest.mark.parametrize("name", ["", " ", ".", "..", "\udcff"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    done = observe("--push", "http://127.0.0.1:1", "--job", name, *sh("echo began"))
    assert (done.code, done.stdout) == (2, b"")


def test_twenty_pushes_at_a_time_are_counted_exactly(tmp_path: Path) -> None:
    codes: list[int] = []

    def one() -> None:
        env = environment({"XDG_STATE_HOME": str(tmp_path)})
        command = argv("observe", "--push", server.url, *TO, "--", "true")
        codes.append(subprocess.run(command, env=env, check=False, timeout=100).returncode)

    with pushgateway() as server:
        threads = [threading.Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [0] * 20
        assert metrics(server)[RUNS.format("ok")] == 20


def test_what_others_push_stays_theirs() -> None:
    other = b"toolroll_strange 3\n# TYPE toolroll_runs_total counter\ntoolroll_runs_total 7\n"
    with pushgateway() as server:
        for place in ("job/j", "job/j/instance/i/team/x", "job/k/instance/i"):
            command = ["curl", "-sf", "--data-binary", "@-", f"{server.url}/metrics/{place}"]
            subprocess.run(command, input=other, check=True, timeout=30)
        for _ in range(2):
            assert observe("--push", server.url, *TO, "--", "true").notes == ""
        found = metrics(server)
    assert found[RUNS.format("ok")] == 2
    assert found['toolroll_runs_total{instance="i",job="j",team="x"}'] == 7
    assert found['toolroll_strange{instance="",job="j"}'] == 3


def _cut(data: bytes) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(data)
        connection.cut()

    return answer


def _hangs_up(connection: Connection, _request: Request) -> None:
    connection.reset()


OURS = b"pushgateway_build_info 1\n"
PASSWORD = "correct horse/battery"
WRONG: dict[str, tuple[Answer, str]] = {
    "401": (sends(response(b"no " + PASSWORD.encode(), status=401)), "401 X: no ***"),
    "403": (sends(response(status=403)), "403 X"),
    "404": (sends(response(b"\x1b[31mred\n", status=404)), "404 X: \\x1b[31mred"),
    "500": (sends(response(status=500)), "500 X"),
    "503": (sends(response(b"x" * 100_000, status=503)), "503 X: xxx"),
    "redirect": (sends(response(status=302, location="http://127.0.0.1:1/")), "302 X"),
    "a page": (sends(response(b"<html>hello")), "is not that of a Pushgateway"),
    "garbage": (_cut(bytes(range(256)) * 10), ""),
    "nothing": (_cut(b""), "closed connection without response"),
    "reset": (_hangs_up, ""),
    "cut": (_cut(response(OURS, length=1000)), "IncompleteRead"),
    "cut refusal": (_cut(response(b"no", status=404, length=1000)), "404 X: no"),
    "torn chunks": (
        _cut(b"HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\nfff\r\nno"),
        "404 X",
    ),
    "no sense": (
        sends(response(OURS + b'toolroll_runs_total{job="j",instance="i" 3\n')),
        "make no sense",
    ),
    "no text": (sends(response(OURS + b"\xff\xfe")), "make no sense"),
    "damaged": (
        sends(response(OURS + b'toolroll_runs_total{job="j",instance="i"} NaN\n')),
        "make no sense",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_gateway_that_fails_is_named_and_changes_no_exit_code(kind: str, tmp_path: Path) -> None:
    answer, why = WRONG[kind]
    log = tmp_path / "log"
    with RawServer(answer) as server:
        url = f"http://us%40er:{PASSWORD.replace(' ', '%20').replace('/', '%2F')}"
        url += f"@127.0.0.1:{server.port}"
        done = observe("--push", url, *TO, "--log-json", log, *sh("echo text; exit 3"))
        sent = server.requests[0].headers["authorization"]
    assert (done.code, done.stdout) == (3, b"text\n")
    start = f"observe: the metrics are not delivered: {server.url}: "
    assert done.notes.startswith(start)
    assert why in done.notes
    assert done.notes.count("\n") == 1
    assert len(done.notes) < 500
    told = done.notes + log.read_text()
    for secret in ("correct", "battery", sent.split()[1], "us%40er", "us@er"):
        assert secret not in told
    deliver = records(log)[1]
    assert (deliver["action"], deliver["ok"], deliver["kind"]) == ("deliver", False, "push")
    assert records(log)[2]["outcome"] == "failed"


def test_nobody_there_is_said() -> None:
    done = observe("--push", "http://user:secret-word@127.0.0.1:1/base", *sh("exit 3"))
    assert done.code == 3
    assert "127.0.0.1:1/base: " in done.notes
    assert "refused" in done.notes
    assert "secret-word" not in done.notes


def test_a_gateway_without_an_end_is_left() -> None:
    def endless(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.send(b"x" * (1 << 20))

    with RawServer(endless) as server:
        done = observe("--push", server.url, *sh("exit 3"))
    assert done.code == 3
    assert "its answer has no end" in done.notes


@pytest.mark.parametrize(
    "url", ["", "gateway:9091", "ftp://u:secret-word@x", "http://", "http://u:secret-word@x:y"]
)
def test_what_is_no_url_is_refused_before_anything_runs(url: str) -> None:
    done = observe("--push", url, *sh("echo began"))
    assert (done.code, done.stdout) == (2, b"")
    assert "secret-word" not in done.notes


def behind_a_login(inner: Server, seen: list[str]) -> Callable[[Connection, Request], None]:
    """Refuse whoever has no password, as a proxy before a gateway does."""

    def answer(connection: Connection, request: Request) -> None:
        seen.append(request.headers.get("authorization", ""))
        text = inner.get("/metrics").encode()
        connection.send(response(text) if seen[-1] else response(status=401))

    return answer


def test_a_password_in_the_url_is_sent_with_each_request() -> None:
    seen: list[str] = []
    with pushgateway() as inner, RawServer(behind_a_login(inner, seen)) as server:
        url = f"http://user:word@127.0.0.1:{server.port}"
        assert observe("--push", url, *TO, "--", "true").notes == ""
        assert seen[:2] == ["Basic dXNlcjp3b3Jk"] * 2
        assert "401 X" in observe("--push", server.url, *TO, "--", "true").notes
