"""Ctrl+C and a daemon that is in the way: what was done is always told, and is true."""

import signal
import subprocess
import threading
from typing import Any

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
    assert "app:0" not in told
    assert "deleted 1 of 3 images (3 planned)" in told
    assert engine.tags() == {"app:1", "app:2"}
