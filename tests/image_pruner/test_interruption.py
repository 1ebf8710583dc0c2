"""Ctrl+C and a daemon that is in the way: what was done is always told, and is true."""

import json
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.image_pruner.conftest import Prune
from tests.support.commands import argv
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.socket_proxy import Proxy

OLD = "2020-01-01T00:00:00Z"
LIKELY_S = 0.5
"""Long enough for what must not happen to happen, mostly."""


def load(engine: Engine, number: int) -> list[str]:
    base = layer("base", 9_000)
    return engine.load(
        *(Made((f"app:{one}",), (base, layer(f"{one}", 10)), OLD) for one in range(number))
    )


def started(*arguments: str, output: Any = subprocess.PIPE) -> "subprocess.Popen[str]":
    command = argv("image_pruner", "--yes", "--older-than", "30", *arguments)
    return subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_waits_for_the_deletion_that_is_under_way(engine: Engine, proxy: Proxy) -> None:
    load(engine, 3)
    running: list[subprocess.Popen[str]] = []
    went_on = threading.Event()

    def interrupt() -> None:
        proxy.before("GET", "/system/df", went_on.set)
        running[0].send_signal(signal.SIGINT)
        went_on.wait(LIKELY_S)

    proxy.before("DELETE", "/images/", interrupt)
    running.append(started())
    _, told = running[0].communicate(timeout=30)
    assert running[0].returncode == 130
    assert "app:" not in told
    assert "not tried: 2 images" in told
    assert "deleted 1 of 3 images (3 planned)" in told
    assert engine.tags() == {"app:1", "app:2"}


def test_ctrl_c_while_the_daemon_counts_what_is_free_loses_no_report(
    engine: Engine, proxy: Proxy
) -> None:
    load(engine, 3)
    running: list[subprocess.Popen[str]] = []
    left = threading.Event()

    def interrupt() -> None:
        running[0].send_signal(signal.SIGINT)
        left.wait(LIKELY_S)

    def later() -> None:
        proxy.before("GET", "/system/df", interrupt)

    proxy.before("DELETE", "/images/", later)
    running.append(started("--json"))
    printed, told = running[0].communicate(timeout=30)
    assert running[0].returncode == 130
    assert "deleted 3 of 3 images: predicted" in told
    assert len(json.loads(printed)["deleted"]) == 3


def test_a_full_stdout_loses_no_report(engine: Engine, proxy: Proxy) -> None:
    load(engine, 2)
    with Path("/dev/full").open("w") as full:
        running = started("--json", output=full)
        _, told = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "deleted 2 of 2 images: predicted" in told
    assert "stdout: No space left on device" in told
    assert proxy.writes


def test_an_image_gone_meanwhile_is_named(engine: Engine, proxy: Proxy, prune: Prune) -> None:
    load(engine, 2)
    proxy.before("DELETE", "/images/", lambda: engine.client.remove_image("app:1") and None)
    done = prune("--yes", "--older-than", "30")
    assert done.code == 0
    assert "app:1: gone meanwhile" in done.stderr
    assert "deleted 1 of 2 images (2 planned)" in done.stderr
