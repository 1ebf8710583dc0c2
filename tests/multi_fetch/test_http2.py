import asyncio
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from multi_fetch import FileSink, HashSink, Job
from tests.multi_fetch.fetching import MemorySink, fetch, fetch_all, job, kind, limits
from tests.multi_fetch.steps import taking

SETTINGS = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 512; }}
http {{
    log_format short '$server_protocol $connection $request_method $status $uri';
    access_log {folder}/access short;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    limit_conn_zone $binary_remote_addr zone=one:1m;
    limit_conn_status 429;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {pem}; ssl_certificate_key {pem};
        root {folder}/files;
        location /slow/ {{ alias {folder}/files/; limit_rate 100k; }}
        location /few/ {{ alias {folder}/files/; limit_rate 200k; limit_conn one 3; }}
        location /moved/ {{ return 302 /small; }}
        location /gone/ {{ return 503 gone; }}
    }}
}}
"""


class Server(NamedTuple):
    """An nginx that speaks HTTP/2."""

    url: str
    folder: Path

    @property
    def log(self) -> list[list[str]]:
        """What was asked for: protocol, connection, method, status and path."""
        return [line.split() for line in (self.folder / "access").read_text().splitlines()]


def until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    raise AssertionError(f"nginx ended with {process.returncode}")


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[Server]:
    if shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        pytest.skip("needs nginx, which speaks HTTP/2")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "files").mkdir()
    for name, size in (("small", 100), ("medium", 100_000), ("large", 20_000_000)):
        (folder / "files" / name).write_bytes(bytes(size))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = folder / "nginx.conf"
    settings.write_text(SETTINGS.format(folder=folder, port=port, pem=certificate))
    command = [str(program), "-c", str(settings), "-e", str(folder / "errors")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until_it_listens(port, process)
        yield Server(f"https://127.0.0.1:{port}", folder)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def server(nginx: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """It, with an empty log, and trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    (nginx.folder / "access").write_text("")
    return nginx


def test_many_jobs_share_a_connection(server: Server) -> None:
    few = limits(concurrency=8)
    fetch(job(f"{server.url}/small"))
    results = fetch_all([job(f"{server.url}/small") for _ in range(200)], few)
    assert [(kind(result), result.bytes) for result in results] == [(None, 100)] * 200
    assert {line[0] for line in server.log} == {"HTTP/2.0"}
    assert len({line[1] for line in server.log}) <= 1 + 8


def test_answers_that_overlap_on_a_connection_keep_apart(server: Server) -> None:
    def jobs() -> Iterator[Job[Any]]:
        yield job(f"{server.url}/small")
        for number in range(60):
            name = ("small", "medium", "missing", "moved/", "gone/")[number % 5]
            method: Any = "HEAD" if number % 7 == 0 else "GET"
            yield Job(url=f"{server.url}/{name}", sink=MemorySink(), method=method)

    results = fetch_all(jobs(), limits(concurrency=20))
    wanted = {"small": (200, 100), "medium": (200, 100_000), "": (200, 100)}
    for result in results:
        name = result.job.url.rpartition("/")[2]
        if "gone" in result.job.url:
            assert (kind(result), result.status) == ("http", 503)
        elif name == "missing":
            assert (kind(result), result.status) == ("http", 404)
        else:
            status, size = wanted[name]
            taken = 0 if result.job.method == "HEAD" else size
            assert (kind(result), result.status, result.bytes) == (None, status, taken)
    assert len(results) == 61


def test_the_cap_of_a_host_counts_requests_not_connections(server: Server) -> None:
    jobs = [job(f"{server.url}/few/medium") for _ in range(12)]
    results = fetch_all(jobs, limits(concurrency=12, per_host=3))
    assert Counter(map(kind, results)) == {None: 12}


def test_without_the_cap_the_server_sees_more_requests_at_once(server: Server) -> None:
    jobs = [job(f"{server.url}/few/medium") for _ in range(12)]
    results = fetch_all(jobs, limits(concurrency=12))
    assert Counter(map(kind, results))["http"] > 0


def test_a_body_that_is_too_large_ends_alone(server: Server) -> None:
    names = ["small", "slow/medium", "slow/medium", "large", "small", "slow/medium"]
    jobs = [job(f"{server.url}/{name}") for name in names]
    results = fetch_all(jobs, limits(concurrency=6, max_bytes=1_000_000))
    assert Counter(map(kind, results)) == {None: 5, "too_large": 1}


def test_leaving_early_ends_all_streams(server: Server) -> None:
    async def run() -> None:
        jobs = [job(f"{server.url}/small"), *(job(f"{server.url}/slow/large") for _ in range(8))]
        async with taking(jobs, limits(concurrency=8)) as taker:
            await taker.until(1)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_a_stop_cancels_the_streams_that_take_too_long(server: Server) -> None:
    async def run() -> None:
        names = ["small", "slow/large", "slow/large", "slow/medium"]
        async with taking([job(f"{server.url}/{n}") for n in names], limits()) as taker:
            await taker.until(1)
            taker.fetcher.stop(0.1)
            await taker.all()
            assert Counter(map(kind, taker.results))["cancelled"] >= 2
            assert len(taker.results) == 4

    asyncio.run(run())


class SlowSink(HashSink):
    """Takes its time with each block."""

    inline_below = 0

    def write(self, block: memoryview) -> None:
        from threading import Event

        Event().wait(0.005)
        super().write(block)


def test_a_slow_sink_does_not_hold_up_its_neighbours(server: Server, tmp_path: Path) -> None:
    files = [
        Job(
            url=f"{server.url}/large",
            sink=FileSink(tmp_path / f"{number}", temporary=tmp_path / f".{number}", durable=False),
        )
        for number in range(3)
    ]
    slow = [Job(url=f"{server.url}/large", sink=SlowSink()) for _ in range(2)]
    jobs: list[Job[Any]] = [Job(url=f"{server.url}/small", sink=HashSink()), *files, *slow]
    results = fetch_all(jobs, limits(concurrency=5))
    digests = {result.job.sink.digest for result in results if result.bytes > 100}
    assert [kind(result) for result in results] == [None] * 6
    assert len(digests) == 1


def test_streams_share_what_all_bodies_may_take(server: Server) -> None:
    jobs = [job(f"{server.url}/medium") for _ in range(6)]
    started = time.monotonic()
    results = fetch_all(jobs, limits(rate=500_000, concurrency=6, idle_timeout=0.5, timeout=1.0))
    assert [(kind(result), result.bytes) for result in results] == [(None, 100_000)] * 6
    assert 1.1 < time.monotonic() - started < 1.32 + 0.5


def test_streams_that_wait_for_the_rate_end_at_once(server: Server) -> None:
    async def run() -> float:
        jobs = [job(f"{server.url}/small"), *(job(f"{server.url}/large") for _ in range(4))]
        async with taking(jobs, limits(rate=20_000, concurrency=5)) as taker:
            await taker.until(1)
            started = time.monotonic()
            taker.fetcher.stop(0)
            assert Counter(map(kind, await taker.all())) == {None: 1, "cancelled": 4}
        return time.monotonic() - started

    assert asyncio.run(run()) < 1
