"""The SHA-256 of many files at once, in threads, ended at once when nobody waits any more."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from threading import Event

from .reading import open_regular

BLOCK = 1024 * 1024
"""Bytes between two looks at whether anybody still waits."""

DEFAULT_JOBS = max(1, min(os.cpu_count() or 1, 16))
"""Threads: hashing keeps a core busy, and more readers than that make no disk faster."""


class _Stopped(Exception):
    """Nobody waits for it any more."""


async def digests(
    paths: Iterable[Path], *, jobs: int = DEFAULT_JOBS
) -> AsyncGenerator[tuple[Path, str | OSError]]:
    """Yield each path with its file's SHA-256 in hex, or why it cannot be read, in any order.

    A symbolic link is not followed.
    """
    stop, left = Event(), iter(paths)
    with ThreadPoolExecutor(jobs, thread_name_prefix="sha256") as pool:
        running: set[asyncio.Future[tuple[Path, str | OSError]]] = set()
        try:
            while True:
                for path in left:
                    running.add(_begin(pool, path, stop))
                    if len(running) >= 2 * jobs:
                        break
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            stop.set()
            for one in running:
                one.cancel()


def _begin(pool: Executor, path: Path, stop: Event) -> "asyncio.Future[tuple[Path, str | OSError]]":
    return asyncio.get_running_loop().run_in_executor(pool, _digest, path, stop)


def _digest(path: Path, stop: Event) -> tuple[Path, str | OSError]:
    try:
        return path, digest_of(path, stop)
    except OSError as error:
        return path, error


def digest_of(path: Path, stop: Event | None = None) -> str:
    """Return the SHA-256 of a regular file, in hex.

    Raises:
        OSError: it cannot be read, or is a link or no regular file.
    """
    with open_regular(path) as stream:
        return _of_stream(stream, stop)


def _of_stream(stream: FileIO, stop: Event | None) -> str:
    digest, buffer = hashlib.sha256(), memoryview(bytearray(BLOCK))
    while size := stream.readinto(buffer):
        digest.update(buffer[:size])
        if stop is not None and stop.is_set():
            raise _Stopped
    return digest.hexdigest()
