"""Waiting for a pipe or a terminal on the event loop, without a thread that nothing could stop."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from typing import Any


def never_waits(descriptor: int) -> bool:
    """Tell whether reading returns at once, as for a file on a disk.

    Windows can wait for sockets only: there, reading a pipe holds up the event loop.
    """
    if sys.platform == "win32":
        return True
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISREG(mode) or stat.S_ISBLK(mode)


async def readable(descriptor: int) -> None:
    """Wait until there is something to read, or the end."""
    loop = asyncio.get_running_loop()
    await _ready(descriptor, loop.add_reader, loop.remove_reader)


async def writable(descriptor: int) -> None:
    """Wait until a short write would not have to wait, or would fail."""
    loop = asyncio.get_running_loop()
    await _ready(descriptor, loop.add_writer, loop.remove_writer)


async def _ready(descriptor: int, add: Callable[..., Any], remove: Callable[[int], object]) -> None:
    event = asyncio.Event()
    try:
        add(descriptor, event.set)
    except PermissionError:  # something that never has to be waited for, such as /dev/null
        return
    try:
        await event.wait()
    finally:
        remove(descriptor)
