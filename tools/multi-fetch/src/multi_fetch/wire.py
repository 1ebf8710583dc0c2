"""The one module that knows pyreqwest: building its client, reading its errors.

docs/decisions/0003-bulk-transfers.md says why it is this library. Its error texts can hold
whole URLs, so only their innermost cause is shown.
"""

import asyncio
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    PyreqwestError,
    ReadError,
    RequestTimeoutError,
)

from .jobs import ErrorKind, FetchError, Limits

USER_AGENT = "toolroll-multi-fetch"

_RESET_CAUSES = ("before message", "reset by peer", "broken pipe", "connection closed")
_TLS_CAUSES = ("certificate", "tls", "handshake", "corrupt message", "alert")


def client(limits: Limits) -> Client:
    """Return a client that follows no redirect, decodes nothing and keeps no cookie.

    Proxies come from the environment, trusted certificates from the system.
    """
    return (
        ClientBuilder()
        .user_agent(USER_AGENT)
        .follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
        .connect_timeout(timedelta(seconds=limits.idle_timeout))
        .read_timeout(timedelta(seconds=limits.idle_timeout))
        .build()
    )


def heed_cancellation() -> None:
    """Raise the cancellation of the current task that the library may have swallowed.

    Seen with 0.15.1: a task that is cancelled in the very moment in which an awaited answer
    arrives gets the answer and never hears of the cancellation. To be called after each
    await of the library's.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def fetch_error(error: PyreqwestError) -> FetchError:
    """Return what an error of the library means in our terms."""
    cause = _innermost_cause(error)
    return FetchError(_kind(error, cause.lower()), cause)


def _kind(error: PyreqwestError, cause: str) -> ErrorKind:
    match error:
        case RequestTimeoutError():
            return "timeout"
        case BuilderError():
            return "url"
        case ConnectError() | ReadError():
            return _connection_kind(error, cause)
        case BodyDecodeError():
            return "reset" if "before message" in cause else "protocol"
        case _:
            return "protocol"


def _connection_kind(error: PyreqwestError, cause: str) -> ErrorKind:
    if any(word in cause for word in _RESET_CAUSES):
        return "reset"
    if any(word in cause for word in _TLS_CAUSES):
        return "tls"
    if any("dns" in text for text in _causes(error)):
        return "dns"
    return "connect"


def _causes(error: Exception) -> list[str]:
    details = error.args[1] if len(error.args) > 1 else None
    causes = (details.get("causes") if isinstance(details, dict) else None) or []
    return [str(cause["message"]) for cause in causes]


def _innermost_cause(error: PyreqwestError) -> str:
    if isinstance(error, ConnectTimeoutError | RequestTimeoutError):
        return "the server is silent for too long"
    texts = _causes(error) or [str(error.args[0]) if error.args else type(error).__name__]
    return "the URL cannot be requested" if "for url" in texts[-1] else texts[-1]
