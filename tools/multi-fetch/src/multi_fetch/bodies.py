"""Taking a body: from the wire to its sink, without ever blocking the event loop for long."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

from aiohttp import ClientResponse

from . import wire
from .jobs import FetchError
from .sinks import RejectedBody, Sink

T = TypeVar("T")
P = ParamSpec("P")

INLINE_BLOCK = 64 * 1024
"""A smaller block goes to its sink at once: the hop to a thread would cost more than the write."""


async def take_body(
    response: ClientResponse, sink: Sink, *, received: Callable[[int], None]
) -> None:
    """Feed the body to the sink; whatever goes wrong, the sink hears of it.

    Args:
        response: whose body is taken.
        sink: where it goes.
        received: told the bytes of each block.

    Raises:
        FetchError: the sink refuses it, or fails.
        ClientError: it does not arrive whole.
    """
    try:
        with _verdict():
            await _in_thread(sink.begin)
        async for block in wire.blocks(response):
            received(len(block))
            with _verdict():
                if len(block) < INLINE_BLOCK:
                    sink.write(memoryview(block))
                else:
                    await _in_thread(sink.write, memoryview(block))
        with _verdict():
            await _in_thread(sink.finish)
    except BaseException:
        with suppress(Exception):  # why the body failed matters more
            await _in_thread(sink.abort)
        raise


@contextmanager
def _verdict() -> Iterator[None]:
    """Take whatever a sink raises as its verdict on the body: it fails this job only."""
    try:
        yield
    except RejectedBody as error:
        raise FetchError("body", str(error)) from error
    except OSError as error:
        message = f"{error.filename or 'the body'}: {error.strerror or error}"
        raise FetchError("body", message) from error
    except Exception as error:
        raise FetchError("body", f"{type(error).__name__}: {error}") from error


async def _in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread; a cancellation waits for its end and then counts.

    Without that wait, a cancelled sink would be aborted while it is still being written.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        with suppress(Exception):
            work.result()
        raise
