"""What goes wrong with a daemon, told so that a user knows what to do."""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from http.client import BadStatusLine, IncompleteRead
from socket import gaierror
from typing import TYPE_CHECKING

import requests
from docker.errors import APIError, DockerException
from requests.exceptions import JSONDecodeError
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as SlowAnswer

from toolroll_shared.causes import causes, first_cause
from toolroll_shared.errors import Refused, ToolError, Unreachable, UsageError
from toolroll_shared.output import oneline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .endpoints import Endpoint

NOT_FOUND = 404
CONFLICT = 409
REFUSALS = (401, 403)
TEXT_LIMIT = 300
"""Letters of what a daemon says that are shown."""


UNWELCOME = "it does not take our cert.pem: not there, expired, or signed by another authority"
_NOT_SIGNED = range(18, 22)
"""OpenSSL's X509_V_ERR_ codes for a chain that does not end where it should."""
_TLS_REASONS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS there",
    "KEY_VALUES_MISMATCH": "key.pem is not the key of cert.pem",
    "NO_CERTIFICATE_OR_CRL_FOUND": "ca.pem has no certificate",
}
_ABSENT = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError, gaierror)


class Conflict(ToolError):
    """The daemon will not delete an image now: something uses it."""


class Gone(Unreachable):
    """There is no such image any more; where none was asked for, no such daemon."""


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
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _unreachable(endpoint, error) from error
    except DockerException as error:  # of the SDK's, before it asks anybody
        raise senseless(endpoint, error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _nonsense(endpoint) from error


def answered(endpoint: Endpoint, status: int, message: str) -> ToolError:
    """Return the error that an answer of the daemon means."""
    text, where = oneline(message)[:TEXT_LIMIT], _where(endpoint)
    if status == NOT_FOUND:
        return Gone(f"{where} answers {status}: {text}")
    if status == CONFLICT:
        return Conflict(text)
    if status in REFUSALS:
        return Refused(f"{where} refuses us ({status}): {text}")
    if "HTTP request to an HTTPS server" in text:
        return Unreachable(f"{where} wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH")
    return Answered(f"{where} answers {status}: {text}")


def _where(endpoint: Endpoint) -> str:
    return oneline(f"the daemon at {endpoint.host} ({endpoint.origin})")


def senseless(endpoint: Endpoint, error: Exception) -> UsageError:
    """Return the error for an address that is none, or files for TLS that are not what is said."""
    return UsageError(f"{_where(endpoint)}: {oneline(str(error))}")


def _nonsense(endpoint: Endpoint) -> ToolError:
    return Unreachable(f"{_where(endpoint)} does not answer as Docker's API does")


def _unreachable(endpoint: Endpoint, error: Exception) -> ToolError:
    found, where = causes(error), _where(endpoint)
    if first_cause(found, PermissionError):
        return _forbidden(endpoint)
    if distrust := first_cause(found, ssl.SSLError):
        return _distrust(endpoint, distrust)
    if absent := first_cause(found, *_ABSENT):
        return Unreachable(f"{where} cannot be reached: {absent.strerror}; {_advice(endpoint)}")
    if first_cause(found, TimeoutError, SlowAnswer, requests.Timeout, but=NewConnectionError):
        return Unreachable(f"{where} does not answer in time (see --timeout)")
    if first_cause(found, IncompleteRead):
        return Unreachable(f"{where} went away in the middle of an answer")
    if first_cause(
        found, JSONDecodeError, json.JSONDecodeError, BadStatusLine, but=ConnectionError
    ):
        return _nonsense(endpoint)
    system = first_cause(found, OSError, but=requests.RequestException)
    reason = (system and system.strerror) or str(found[-1])
    if first_cause(found, NewConnectionError):
        return Unreachable(f"{where} cannot be reached: {reason}; {_advice(endpoint)}")
    perhaps = f", or {UNWELCOME}" if endpoint.tls else ""
    return Unreachable(f"{where} went away: {oneline(reason)[:TEXT_LIMIT]}{perhaps}")


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
    reason = str(getattr(error, "verify_message", "") or error.reason or error)
    if "ALERT" in reason or isinstance(error, ssl.SSLEOFError):
        reason = f"{UNWELCOME} ({reason})"
    if getattr(error, "verify_code", 0) in _NOT_SIGNED:
        reason = f"ca.pem is not who signed its certificate ({reason})"
    if "PEM lib" in reason:
        reason = "cert.pem or key.pem is not what its name says"
    reason = oneline(_TLS_REASONS.get(reason, reason)).rstrip(".")
    files = "DOCKER_CERT_PATH or the context has ca.pem, cert.pem and key.pem"
    return Unreachable(f"{_where(endpoint)}: TLS failed: {reason}; {files}")
