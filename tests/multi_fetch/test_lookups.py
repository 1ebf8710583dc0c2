"""A resolver that never answers: in a mount namespace of its own, where /etc may be changed."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import asyncio, json, sys, threading, time
from multi_fetch import Fetcher, HashSink, Job
from tests.multi_fetch.fetching import kind, limits
from tests.multi_fetch.servers import FINE
from tests.support.rawserver import RawServer

ways = {}

async def fetch(urls, **changes):
    async with Fetcher(limits(**changes)) as fetcher:
        jobs = [Job(url=url, sink=HashSink()) for url in urls]
        return [kind(result) async for result in fetcher.fetch(jobs)]

async def cancelled():
    urls = ["http://silent.example/"] * 5
    task = asyncio.create_task(fetch(urls, timeout=60.0, idle_timeout=60.0))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()

async def stopped():
    async with Fetcher(limits(timeout=60.0, idle_timeout=60.0)) as fetcher:
        asyncio.get_running_loop().call_later(0.2, fetcher.stop, 0.1)
        jobs = [Job(url="http://silent.example/", sink=HashSink()) for _ in range(2)]
        return [kind(result) async for result in fetcher.fetch(jobs)]

async def timed_out():
    return await fetch(["http://silent.example/"], timeout=60.0, idle_timeout=0.3)

async def beside_others():
    with RawServer(FINE) as server:
        urls = ["http://silent.example/", *[server.url] * 50]
        return await fetch(urls, timeout=60.0, idle_timeout=0.5, concurrency=2)

started = time.monotonic()
found = asyncio.run(globals()[sys.argv[1]]())
threads = [thread.name for thread in threading.enumerate() if not thread.daemon]
print(json.dumps({"found": found, "seconds": time.monotonic() - started, "threads": threads}))
sys.stdout.flush()
"""

ENTER = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[list[str]]:
    """A command's start that runs the rest with a resolver that never answers."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs unshare, which is Linux'")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind(("127.0.0.53", 53))
        except OSError as error:
            pytest.skip(f"needs to listen on a name server's port: {error.strerror}")
        settings = tmp_path / "resolv.conf"
        settings.write_text("nameserver 127.0.0.53\noptions timeout:10 attempts:3\n")
        inside = ["unshare", "-m", "sh", "-c", ENTER, "sh", str(settings)]
        if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
            pytest.skip("needs a mount namespace, which is not permitted here")
        yield inside


def run(resolver: list[str], way: str) -> Any:
    command = [*resolver, sys.executable, "-c", SCRIPT, way]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=8, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("way", "found", "at_most_s"),
    [
        ("cancelled", True, 2.0),
        ("stopped", ["cancelled", "cancelled"], 2.0),
        ("timed_out", ["timeout"], 2.0),
        ("beside_others", [None] * 50 + ["timeout"], 2.5),
    ],
)
def test_a_resolver_that_never_answers_does_not_hold_up_the_end(
    resolver: list[str], way: str, found: Any, at_most_s: float
) -> None:
    told = run(resolver, way)
    assert told["found"] == found
    assert told["seconds"] < at_most_s
    assert told["threads"] == ["MainThread"]
