"""A read-only HTTP server over a mirror, in the words of GitHub's API for releases.

aiohttp (an extra) speaks HTTP. Nobody is asked who they are: tokens are passed over.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from toolroll_shared.errors import ToolError
from toolroll_shared.logs import Log
from toolroll_shared.output import oneline

from .answering import Answers
from .catalogue import Reader
from .shelves import Shelves

MAX_CONNECTIONS = 400
"""Each may have a file open too; most systems give a process 1,024 descriptors."""

IDLE_S = 75.0
"""For a request to arrive, from the last answer or the connection on; as nginx has it."""

MAX_LINE = 8 * 1024
"""Bytes of a request's first line, and of a header."""

MAX_HEADERS = 100
"""Lines; curl sends 4, browsers 20, and a proxy adds some."""

GRACE_S = 0.1
"""At the end, for answers that are nearly sent; a download can be resumed."""

BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to serve, where.

    Attributes:
        dest: the mirror's folder.
        host: a name or address to listen on.
        port: of it; 0 is any.
        public_url: what clients call us, where that is not what they say in `Host`.
    """

    dest: Path
    host: str
    port: int
    public_url: str | None = None


async def serve(
    options: Options, *, ready: Callable[[str], None], notify: Callable[[str], None], log: Log
) -> None:
    """Serve a mirror until cancelled.

    Args:
        options: what and where.
        ready: told our URL once connections are accepted.
        notify: told one line for each thing that a person should know.
        log: records each request.

    Raises:
        CorruptStore: the manifest is not ours, damaged, or of another schema.
        UsageError: there is none.
        ToolError: the address cannot be had.
    """
    shelves = Shelves(Reader(options.dest))
    try:
        await shelves.names()
        listener = _listen(options.host, options.port)
        answers = Answers(
            options.dest, shelves, public_url=options.public_url, notify=notify, log=log
        )
        server = _Server(answers, notify)
        listening = await asyncio.get_running_loop().create_server(
            server.protocol, sock=listener, backlog=BACKLOG
        )
        try:
            ready(_url_of(listener))
            await asyncio.get_running_loop().create_future()  # until cancelled
        finally:
            listening.close()
            await server.shutdown(GRACE_S)
    finally:
        shelves.close()


class _Server(web.Server):
    """aiohttp's, with our limits."""

    def __init__(self, answers: Answers, notify: Callable[[str], None]) -> None:
        self._open = 0
        logger = logging.Logger("release_mirror.serve")  # noqa: LOG001 - nobody else's
        logger.addHandler(_Notes(notify))
        super().__init__(
            answers,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=IDLE_S,
            lingering_time=1.0,
            logger=logger,
            max_field_size=MAX_LINE,
            max_headers=MAX_HEADERS,
            max_line_size=MAX_LINE,
        )

    def protocol(self) -> asyncio.BaseProtocol:
        """Return who talks on a new connection."""
        if self._open >= MAX_CONNECTIONS:
            return _Full()
        self._open += 1  # aiohttp counts later, and many may come at once
        return self()

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Make room for another connection."""
        self._open -= 1
        super().connection_lost(handler, exc)


class _Full(asyncio.Protocol):
    """Sends a client away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        transport.close()


class _Notes(logging.Handler):
    """Says in one line what goes wrong inside aiohttp; clients that leave or err are no news."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        super().__init__()
        self._notify = notify

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError | ConnectionError):
            self._notify(f"{record.getMessage()}: {error!r}")


def _listen(host: str, port: int) -> socket.socket:
    """Listen on the first address of a name.

    Raises:
        ToolError: that cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ToolError(f"{oneline(host)}:{port}: cannot be listened on: {reason}") from error


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
