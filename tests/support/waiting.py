"""Waiting for another process: until it waits itself, or has begun to write."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 30  # never reached when all is well


def until_it_waits_for_a_reader(pid: int) -> None:
    """Return when a process sleeps in a write to a full pipe."""
    _until_it_sleeps_in(pid, "pipe_write")


def until_it_waits_for_input(pid: int) -> None:
    """Return when a process sleeps in a read of an empty pipe."""
    _until_it_sleeps_in(pid, "pipe_read")


def until_it_waits_in_poll(pid: int) -> None:
    """Return when a process waits for one of several things."""
    _until_it_sleeps_in(pid, "poll")


def until_it_waits_for_a_lock(pid: int) -> None:
    """Return when a process sleeps between two tries, as SQLite does."""
    _until_it_sleeps_in(pid, "nanosleep")


def _until_it_sleeps_in(pid: int, call: str) -> None:
    place = Path(f"/proc/{pid}/wchan")
    if not place.exists():
        pytest.skip("/proc/PID/wchan is not there: only Linux tells where a process sleeps")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if call in place.read_text():
            return
        time.sleep(0.01)
    raise AssertionError(f"it never slept in {call}")


def until(condition: Callable[[], bool]) -> None:
    """Return when another process has made something true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def until_it_ends_by(number: int, process: "subprocess.Popen[Any]") -> None:
    """Send a signal again and again until a process has ended: two SIGTERM at a time are one."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)


def until_something_is_in(folder: Path, pattern: str) -> None:
    """Return when a file of that kind is in a folder, and not empty any more."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if any(path.stat().st_size for path in folder.glob(pattern)):
            return
        time.sleep(0.01)
    raise AssertionError(f"no {pattern} came")


def until_it_has_open(pid: int, path: Path) -> None:
    """Return when a process has opened a file."""
    descriptors = Path(f"/proc/{pid}/fd")
    if not descriptors.exists():
        pytest.skip("/proc/PID/fd is not there: only Linux tells what a process has open")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for descriptor in descriptors.iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                if descriptor.readlink() == path.resolve():
                    return
        time.sleep(0.01)
    raise AssertionError(f"it never opened {path}")
