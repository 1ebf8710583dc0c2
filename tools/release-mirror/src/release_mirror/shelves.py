"""What the manifest has now, kept in memory until it is written again.

One thread reads, so that a commit of a sync which is under way never holds up the downloads.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from .catalogue import HeldRepository, Reader

T = TypeVar("T")

SETTLED_NS = 100_000_000
"""Two commits within a tick of the file system's clock look like one: 10 ms at most, on Linux."""


@dataclass(slots=True)
class _State:
    stamp: tuple[int, int, int]
    settled: bool
    names: dict[str, str]
    repositories: dict[str, HeldRepository | None] = field(default_factory=dict)


class Shelves:
    """The repositories that have something here."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._thread = ThreadPoolExecutor(1)
        self._lock = asyncio.Lock()
        self._state: _State | None = None

    async def names(self) -> list[str]:
        """Return their names.

        Raises:
            ToolError: the manifest cannot be read; as `Reader.names` has it.
        """
        async with self._lock:
            return list((await self._current(anew=False)).names.values())

    async def repository(self, name: str, *, anew: bool = False) -> HeldRepository | None:
        """Return a repository by its OWNER/REPO in any case; None if nothing of it is here.

        Args:
            name: OWNER/REPO.
            anew: read it again, whether the manifest seems to have been written or not.

        Raises:
            ToolError: the manifest cannot be read.
        """
        key = name.lower()
        async with self._lock:
            state = await self._current(anew=anew)
            if key not in state.names:
                return None
            if key not in state.repositories:
                found = await self._read(lambda: self._reader.repository(state.names[key]))
                state.repositories[key] = found
            return state.repositories[key]

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _current(self, *, anew: bool) -> _State:
        state = self._state
        if state is None or anew or not state.settled or not self._is_like(state.stamp):
            state = self._state = await self._read(self._load)
        return state

    def _is_like(self, stamp: tuple[int, int, int]) -> bool:
        try:
            return self._reader.stamp() == stamp
        except OSError:
            return False

    def _load(self) -> _State:
        now = time.time_ns()
        try:
            stamp = self._reader.stamp()  # before reading: what is written meanwhile is noticed
        except OSError:  # reading says it better
            stamp = (0, 0, 0)
        names = {name.lower(): name for name in self._reader.names()}
        return _State(stamp, now - stamp[2] > SETTLED_NS, names)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
