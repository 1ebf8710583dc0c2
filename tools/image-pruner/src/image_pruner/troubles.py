"""What goes wrong with a daemon, told so that a user knows what to do."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from docker.errors import APIError, DockerException, TLSParameterError
from requests.exceptions import JSONDecodeError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as SlowAnswer

from toolroll_shared.errors import Refused, ToolError, Unreachable, UsageError
from toolroll_shared.output import oneline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .endpoints import Endpoint

NOT_FOUND = 404
CONFLICT = 409
REFUSALS = (401, 403)
NOBODY_THERE = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError, socket.gaierror)
TEXT_LIMIT = 300
"""Letters of what a daemon says that are shown."""


class Conflict(ToolError):
    """The daemon will not delete an image now: something uses it."""


class Gone(ToolError):
    """There is no such image any more."""


class Answered(Unreachable):
    """The daemon is there, and answers that it failed."""


@contextmanager
def asking(endpoint: Endpoint) -> Iterator[None]:
    """As `speaking`, for what every daemon has: there a 404 is no image that is gone."""
    try:
        with speaking(endpoint):
            yield
    except (Gone, Conflict) as error:
        raise Unreachable(f"{_where(endpoint)} is no daemon of Docker's: {error}") from error


@contextmanager
def speaking(endpoint: Endpoint) -> Iterator[None]:
    """Turn what goes wrong while speaking to a daemon into a `ToolError`."""
    try:
        yield
    except APIError as error:
        raise answered(endpoint, error.status_code or 0, str(error.explanation or error)) from error
    except TLSParameterError as error:
        raise UsageError(f"{_where(endpoint)}: {oneline(str(error))}") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _unreachable(endpoint, error) from error
    except DockerException as error:  # of the SDK's, before it asks anybody
        raise UsageError(f"{endpoint.host} ({endpoint.origin}): {oneline(str(error))}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _nonsense(endpoint) from error


def answered(endpoint: Endpoint, status: int, message: str) -> ToolError:
    """Return the error that an answer of the daemon means."""
    text = oneline(message)[:TEXT_LIMIT]
    if status == NOT_FOUND:
        return Gone(text)
    if status == CONFLICT:
        return Conflict(text)
    where = _where(endpoint)
    if status in REFUSALS:
        return Refused(f"{where} refuses us ({status}): {text}")
    if "HTTP request to an HTTPS server" in text:
        return Unreachable(f"{where} wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH")
    return Answered(f"{where} answers {status}: {text}")


def _where(endpoint: Endpoint) -> str:
    return oneline(f"the daemon at {endpoint.host} ({endpoint.origin})")


def _nonsense(endpoint: Endpoint) -> ToolError:
    return Unreachable(f"{_where(endpoint)} does not answer as Docker's API does")


def _unreachable(endpoint: Endpoint, error: Exception) -> ToolError:
    causes = list(_causes(error))
    where = _where(endpoint)
    for cause in causes:
        if isinstance(cause, PermissionError):
            return _forbidden(endpoint)
        if isinstance(cause, NOBODY_THERE):
            return Unreachable(f"{where} cannot be reached: {cause.strerror}; {_advice(endpoint)}")
        if isinstance(cause, ssl.SSLError):
            return _distrust(endpoint, cause)
    # a connection that is refused, or a host unknown, counts as a time-out to the SDK's libraries
    if any(isinstance(cause, TimeoutError | SlowAnswer | requests.Timeout) for cause in causes):
        return Unreachable(f"{where} does not answer in time (see --timeout)")
    if any(isinstance(cause, JSONDecodeError | json.JSONDecodeError) for cause in causes):
        return _nonsense(endpoint)
    reason = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), "")
    return Unreachable(f"{where} went away: {reason or oneline(str(causes[-1]))[:TEXT_LIMIT]}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, also where libraries pass it as an argument."""
    open_: list[BaseException] = [error]
    seen: set[int] = set()
    while open_:
        one = open_.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        led = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        open_ += [cause for cause in led if isinstance(cause, BaseException)]


def _advice(endpoint: Endpoint) -> str:
    if endpoint.socket and endpoint.origin == "the default":
        return "start it ('systemctl start docker'), or set DOCKER_HOST to where one listens"
    return f"is it running there? {endpoint.origin} says where to look"


def _forbidden(endpoint: Endpoint) -> ToolError:
    """Return the error for a socket that we may not open, with the group that may."""
    who = ""
    if endpoint.socket:
        try:
            group = endpoint.socket.group()
            who = f"; its group is {group!r}: ask to be in it, or become root"
        except (OSError, KeyError):
            who = "; ask who runs it, or become root"
    return Refused(f"{_where(endpoint)} may not be opened: permission denied{who}")


def _distrust(endpoint: Endpoint, error: ssl.SSLError) -> ToolError:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    files = "DOCKER_CERT_PATH or the context has ca.pem, cert.pem and key.pem"
    return Unreachable(f"{_where(endpoint)}: TLS failed: {oneline(str(reason))} ({files})")
