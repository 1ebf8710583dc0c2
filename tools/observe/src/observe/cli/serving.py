"""`observe serve`: what logs come to, for Prometheus."""

from __future__ import annotations

import argparse
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from observe.exporter import exporting, health
from observe.followed import Followed
from observe.locking import locked
from toolroll_shared.errors import UsageError
from toolroll_shared.files import make_folder
from toolroll_shared.output import note, oneline, write

from .places import kept_at

if TYPE_CHECKING:
    from toolroll_shared.logs import Log

TOOL = "observe"

REFRESH_S = 5.0
"""How often logs are looked at when nobody scrapes: a rotation is not to outrun us."""

_ROTATED = re.compile(
    r"(\.[0-9]{1,4}|[.\-_][0-9]{4}-?[0-9]{2}-?[0-9]{2}[0-9.:TZ_+\-]*)?(\.(gz|bz2|xz|zst))?"
)
"""What rotation adds to a log's name: `mirror-2` may be another log than `mirror`."""


def serve(arguments: argparse.Namespace, log: Log) -> int:
    """Serve until a signal comes."""
    logs = _to_follow(arguments.log)
    with _followed(logs, _state(arguments)) as followed:
        _serve(arguments, followed, log)
    raise AssertionError("only a signal ends it")


def _to_follow(names: list[Path]) -> list[Path]:
    """Return the logs, each once: neither by two names, nor by those of its earlier files."""
    paths = [Path(os.path.abspath(name)) for name in names]  # noqa: PTH100 - `a/../b` is b, too
    found: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        if newer := _log_of(path, paths):
            _say(f"{path}: is followed as an earlier file of {newer.name}")
        elif (same := found.setdefault(os.path.realpath(path), path)) is not path:
            _say(f"{path}: is followed as {same}")
    return list(found.values())


def _log_of(path: Path, paths: list[Path]) -> Path | None:
    """Return which of the logs has become this file by rotation, as its name says."""
    for other in paths:
        rest = path.name.removeprefix(other.name)
        if path.parent == other.parent and "" != rest != path.name and _ROTATED.fullmatch(rest):
            return other
    return None


@contextmanager
def _followed(logs: list[Path], state: Path) -> Iterator[Followed]:
    with ExitStack() as stack:
        try:
            make_folder(state.parent)
            stack.enter_context(locked(state.with_name(f"{state.name}.lock"), within=0.0))
            followed = stack.enter_context(closing(Followed(logs, state, notify=_say)))
        except OSError as error:
            where = error.filename or state
            raise UsageError(f"--state {state}: {where}: {error.strerror}") from error
        yield followed


def _state(arguments: argparse.Namespace) -> Path:
    if arguments.state is not None:
        return Path(os.path.abspath(arguments.state))  # noqa: PTH100 - likewise
    host, port = arguments.listen
    found = kept_at("serve", host, str(port))
    if found is None:
        raise UsageError("--state: where? There is no HOME with room for it")
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
        return health(ok=not logs.trouble, logs=logs.count, **trouble)

    host, port = arguments.listen
    with exporting(host, port, {"/metrics": metrics, "/healthz": healthy}) as url:
        write(f"{url}\n", flush=True)
        never = threading.Event()
        logs.refresh()
        while not never.wait(REFRESH_S):
            logs.refresh()


def _say(text: str) -> None:
    note(TOOL, oneline(text))
