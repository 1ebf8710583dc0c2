"""`observe serve`: what logs come to, for Prometheus."""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING

from observe.exporter import exporting, health
from observe.followed import Followed
from observe.locking import locked
from toolroll_shared.errors import UsageError
from toolroll_shared.files import make_folder
from toolroll_shared.output import note, oneline, write

from .places import kept_at

if TYPE_CHECKING:
    from pathlib import Path

    from toolroll_shared.logs import Log

TOOL = "observe"

REFRESH_S = 5.0
"""How often logs are looked at when nobody scrapes: a rotation is not to outrun us."""


def serve(arguments: argparse.Namespace, log: Log) -> int:
    """Serve until a signal comes."""
    state = _state(arguments)
    try:
        make_folder(state.parent)
        turn = locked(state.with_name(f"{state.name}.lock"), within=0.0)
        with turn, closing(Followed(arguments.log, state, notify=_say)) as logs:
            _serve(arguments, logs, log)
    except OSError as error:
        raise UsageError(f"--state {state}: {error.strerror}") from error
    raise AssertionError("only a signal ends it")


def _state(arguments: argparse.Namespace) -> Path:
    if arguments.state is not None:
        path: Path = arguments.state
        return path.absolute()
    found = kept_at("serve", *sorted(str(path.absolute()) for path in arguments.log))
    if found is None:
        raise UsageError("--state: where? There is no HOME")
    return found.with_suffix(".json")


def _serve(arguments: argparse.Namespace, logs: Followed, log: Log) -> None:
    def metrics() -> tuple[int, str]:
        began = time.monotonic()
        text = logs.text()
        log.record(
            "scrape",
            "/metrics",
            duration_s=time.monotonic() - began,
            status=HTTPStatus.OK.value,
            bytes=len(text),
        )
        return HTTPStatus.OK, text

    def healthy() -> tuple[int, str]:
        trouble = {"reason": logs.trouble} if logs.trouble else {}
        return health(ok=not logs.trouble, logs=len(arguments.log), **trouble)

    host, port = arguments.listen
    logs.refresh()
    with exporting(host, port, {"/metrics": metrics, "/healthz": healthy}) as url:
        write(f"{url}\n", flush=True)
        never = threading.Event()
        while not never.wait(REFRESH_S):
            logs.refresh()


def _say(text: str) -> None:
    note(TOOL, oneline(text))
