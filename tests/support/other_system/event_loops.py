"""The event loops of Windows, as `sitecustomize` beside this gives them to our packages."""

import asyncio
import selectors
from typing import Any

from sitecustomize import refuse_all_but_sockets  # type: ignore[import-not-found]


class SelectorLoop(asyncio.SelectorEventLoop):
    """The event loop of Windows that waits for sockets, and for nothing else."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())

    def add_signal_handler(self, *_: Any) -> None:  # type: ignore[override]
        raise NotImplementedError

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        refuse_all_but_sockets(fd)
        super().add_reader(fd, callback, *args)

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        refuse_all_but_sockets(fd)
        super().add_writer(fd, callback, *args)


class ProactorLoop(SelectorLoop):
    """The one that asyncio makes there if nobody asks for another."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


class _Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return ProactorLoop()


def use_proactor() -> None:
    """Let asyncio make such a loop where nobody asks for another."""
    asyncio.set_event_loop_policy(_Policy())
