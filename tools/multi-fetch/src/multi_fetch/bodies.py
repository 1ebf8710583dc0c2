"""Taking a body: from the wire to its sink, without ever blocking the event loop for long.

A small body whose sink works in a thread costs one hop to it in all.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from .exchange import PART, Exchange
from .jobs import FetchError
from .sinks import Held, LostPart, RejectedBody, Sink

T = TypeVar("T")
P = ParamSpec("P")

_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)", re.IGNORECASE)


class StartOver(Exception):
    """What the sink holds is of no use: request the whole body."""


def offset_of(exchange: Exchange, held: Held | None) -> int:
    """Return where the body of a successful answer starts.

    Raises:
        StartOver: it is not the part that was asked for.
    """
    if held is None or exchange.status != PART:
        return 0
    match = _CONTENT_RANGE.fullmatch((exchange.header(b"content-range") or "").strip())
    if match is None or int(match[1]) != held.offset or not _is_of(exchange, held):
        raise StartOver
    if match[3] not in {"*", str(int(match[2]) + 1)}:
        raise StartOver  # it ends before the body does
    return held.offset


def _is_of(exchange: Exchange, held: Held) -> bool:
    """Tell whether a part is of the version that is held, as far as the answer names one."""
    name = exchange.header(b"etag" if held.validator.startswith('"') else b"last-modified")
    return name in {None, held.validator}


def validator_of(exchange: Exchange) -> str | None:
    """Return what names the version of a body in an If-Range (RFC 9110, 13.1.5)."""
    name = exchange.header(b"etag") or exchange.header(b"last-modified") or "W/"
    return name if name.isascii() and name.isprintable() and not name.startswith("W/") else None


async def take_body(
    exchange: Exchange, sink: Sink, blocks: list[bytes], *, offset: int, pool: Executor
) -> None:
    """Feed the body to the sink; whatever goes wrong, the sink hears of it.

    Args:
        exchange: whose body is taken.
        sink: where it goes.
        blocks: what was taken of it already.
        offset: where in the whole body it starts.
        pool: the threads for sinks that may block.

    Raises:
        FetchError: the sink refuses it, or fails; or it does not arrive whole.
        StartOver: the sink has lost what it held.
    """
    validator = validator_of(exchange) if sink.resumes else None
    start: tuple[int, str | None] | None = (offset, validator)
    try:
        while True:
            last = exchange.is_complete
            if not offset and sum(map(len, blocks)) < sink.inline_below:
                _feed(sink, start, blocks, last=last, inline=True)
            else:
                await _in_thread(pool, _feed, sink, start, blocks, last=last, inline=False)
            if last:
                return
            start = None
            blocks = await exchange.take()
    except BaseException:
        await end(sink.abort, sink, pool)
        raise


async def end(call: Callable[[], None], sink: Sink, pool: Executor) -> None:
    """Have a sink hear of an end; it has no say in it any more."""
    with suppress(Exception):
        if sink.inline_below:
            call()
        else:
            await _in_thread(pool, call)


def _feed(
    sink: Sink,
    start: tuple[int, str | None] | None,
    blocks: Sequence[bytes],
    *,
    last: bool,
    inline: bool,
) -> None:
    """Tell a sink what is new; whatever it raises is its verdict, and fails this job only.

    A thread gets it as one block: for each one it would have to wait for its turn.
    """
    try:
        if start is not None:
            sink.begin(*start)
        for block in blocks if inline or not blocks else [b"".join(blocks)]:
            sink.write(memoryview(block))
        if last:
            sink.finish()
    except LostPart as error:
        if start is not None and start[0]:
            raise StartOver from error
        raise FetchError("body", "a sink has lost what it never held") from error
    except RejectedBody as error:
        raise FetchError("body", str(error)) from error
    except OSError as error:
        message = f"{error.filename or 'the body'}: {error.strerror or error}"
        raise FetchError("body", message) from error
    except Exception as error:
        raise FetchError("body", f"{type(error).__name__}: {error}") from error


async def _in_thread(pool: Executor, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread; a cancellation waits for its end and then counts.

    Without that wait, a cancelled sink would be aborted while it is still being written.
    """
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(pool, lambda: call(*args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        with suppress(Exception):
            work.result()
        raise
