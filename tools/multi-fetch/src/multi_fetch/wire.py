"""The one module that knows aiohttp: its session, one request, and what its errors mean.

docs/decisions/0003-bulk-transfers.md says why it is this library. Its error texts can hold
URLs and headers, which may be secret: ours are made from what is known to be harmless.
"""

import errno
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from urllib.request import getproxies, proxy_bypass

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    NonHttpUrlClientError,
    ServerDisconnectedError,
    ServerTimeoutError,
    TCPConnector,
)
from aiohttp.connector import Connection
from yarl import URL

from .jobs import FetchError, Limits

USER_AGENT = "toolroll-multi-fetch"

BUFFER = 256 * 1024
"""Bytes of a body that wait for their sink; then the server has to."""

_INCOMPLETE = "Not enough data"  # how the parser words the end of a body that was cut


_SCHEMES = {"http", "https"}
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5


class _Response(ClientResponse):
    """A response that remembers what carried it, to ask later how that ended."""

    async def start(self, connection: Connection) -> ClientResponse:
        assert connection.protocol is not None  # noqa: S101 - it is not released yet
        self.carrier = connection.protocol
        return await super().start(connection)


def session(limits: Limits) -> ClientSession:
    """Return a session that decodes nothing, keeps no cookie and trusts what the system trusts."""
    session = ClientSession(
        connector=TCPConnector(limit=limits.concurrency, ssl=ssl.create_default_context()),
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
        response_class=_Response,
        read_bufsize=BUFFER,
        timeout=ClientTimeout(
            total=None, sock_connect=limits.idle_timeout, sock_read=limits.idle_timeout
        ),
    )
    session._retry_connection = False  # noqa: SLF001 - it would retry behind our back; tests count
    return session


def get(
    session: ClientSession, url: URL, headers: Mapping[str, str]
) -> AbstractAsyncContextManager[ClientResponse]:
    """Request a URL, through the environment's proxy for it, following no redirect.

    Raises:
        ValueError, TypeError: the URL or a header cannot be sent.
    """
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(headers[name]) for name in headers):
        raise ValueError("a header that cannot be sent")
    if any(name.lower() == "authorization" for name in headers):
        url = url.with_user(None)  # the header says it better
    return session.get(url, headers=headers, allow_redirects=False, proxy=_proxy_for(url))


async def blocks(response: ClientResponse) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, in blocks of up to about twice `BUFFER`.

    Raises:
        ClientError: it is cut short; also where only the end of the connection ends it, and
            the connection was reset instead, which the library takes for an end.
    """
    while block := await _next_block(response):
        yield block
    if isinstance(response, _Response) and isinstance(
        error := response.carrier.exception(), ClientOSError
    ):
        raise error


async def _next_block(response: ClientResponse) -> bytes:
    """Return the next block, or nothing at the end.

    Raises:
        ClientError: there is none; also where the library says so by a RuntimeError: a reader
            that comes to a broken connection late, after the error was told to nobody.
    """
    try:
        return await response.content.readany()
    except RuntimeError as error:
        cause = response.carrier.exception() if isinstance(response, _Response) else None
        if isinstance(cause, ClientError):
            raise cause from error
        raise ClientPayloadError("broken" if cause else _INCOMPLETE) from error


def parsed(url: str) -> URL:
    """Return a URL as it will be requested; a signed one must stay as it is to the letter.

    Raises:
        FetchError: it is not http or https, or names no host.
    """
    with suppress(ValueError, TypeError):
        result = _url(url)
        if result.scheme in _SCHEMES and _HOST.fullmatch(result.raw_host or "") and result.port:
            return result
    raise FetchError("url", "not an http or https URL")


def redirected(url: URL, location: str) -> URL:
    """Return where a redirect leads.

    Raises:
        FetchError: it leads to no http or https URL, or from https back to http.
    """
    try:
        target = url.join(_url(location))
    except (ValueError, TypeError):
        raise FetchError("redirect", "a redirect to no URL") from None
    if target.scheme not in _SCHEMES:
        raise FetchError("redirect", "a redirect away from http: not followed")
    if url.scheme == "https" and target.scheme != "https":
        raise FetchError("redirect", "a redirect from https to http: not followed")
    if not _HOST.fullmatch(target.raw_host or "") or not target.port:
        raise FetchError("redirect", "a redirect to no URL")
    return target


def _url(text: str) -> URL:
    """Parse a URL, which may be relative.

    Raises:
        ValueError, TypeError: it is none.
    """
    checked = URL(text)  # quotes what has to be, and checks the host
    exact = text.isascii() and text.isprintable() and " " not in text
    return URL(text, encoded=True) if exact else checked


def fetch_error(error: ClientError | ssl.SSLError) -> FetchError:
    """Return what an error of the library means in our terms."""
    match error:
        case ServerTimeoutError():
            return FetchError("timeout", "the server is silent for too long")
        case ClientConnectorDNSError():
            return FetchError("dns", f"the host has no address: {_reason(error)}")
        case ClientSSLError() | ssl.SSLError():
            return FetchError("tls", f"no TLS connection: {_reason(error)}")
        case ClientConnectorError():
            return FetchError("connect", f"cannot connect: {_reason(error)}")
        case ServerDisconnectedError() | ClientOSError() | ConnectionError():
            return FetchError("reset", "the connection was closed too early")
        case ClientPayloadError() if _INCOMPLETE in str(error):
            return FetchError("reset", "the connection was closed before the body was complete")
        case InvalidURL() | NonHttpUrlClientError():
            return FetchError("url", "a URL that cannot be requested")
        case _:
            return FetchError("protocol", "the server does not speak HTTP as it should")


def _reason(error: Exception) -> str:
    """Return the operating system's or OpenSSL's words, which hold no secret."""
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        return str(cause.reason or "failed").lower().replace("_", " ")
    if isinstance(cause, OSError) and cause.errno and cause.errno in errno.errorcode:
        return os.strerror(cause.errno)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror  # gaierror has numbers of its own
    return "failed"


def _proxy_for(url: URL) -> str | None:
    """Return the proxy that the environment names for a URL; credentials are its own only."""
    if url.host is None or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")
