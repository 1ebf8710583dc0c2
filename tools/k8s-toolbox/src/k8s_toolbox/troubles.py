"""What goes wrong with a cluster, told so that a user knows what to do."""

from __future__ import annotations

import json
import shlex
import ssl
from contextlib import suppress
from http import HTTPStatus
from socket import gaierror
from typing import TYPE_CHECKING, NamedTuple

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from toolroll_shared.causes import causes, first_cause
from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable, UsageError
from toolroll_shared.output import oneline
from toolroll_shared.secrets import Secrets

if TYPE_CHECKING:
    from .kubeconfigs import Chosen
    from .queries import Query

TEXT_LIMIT = 500
"""Letters of what a server says that are shown."""

_NOT_SIGNED = range(18, 22)
"""OpenSSL's X509_V_ERR_ codes for a chain that does not end where it should."""


class Gone(ToolError):
    """There is no such object (404)."""


class Expired(ToolError):
    """What was asked for is too old for the server: a page's token, or a version (410)."""


class Unauthorized(Refused):
    """The server does not know us (401)."""


class Unwilling(ToolError):
    """The server cannot make sense of the question, or not yet answer it (400, 422).

    Attributes:
        said: in its own words.
    """

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.said = said


class Busy(TryLater):
    """The server is busy (429), or fails at the moment (5xx).

    Attributes:
        after: seconds that it asks to wait, if it does.
    """

    def __init__(self, message: str, *, after: float | None) -> None:
        super().__init__(message)
        self.after = after


class Answer(NamedTuple):
    """A server's answer that is not what was asked for.

    Attributes:
        status: of HTTP.
        body: a Status object, or some proxy's page.
        after: seconds to wait that it asks for.
        secrets: that were sent, and may be quoted there.
    """

    status: int
    body: bytes
    after: float | None = None
    secrets: Secrets = Secrets(())


def answered(chosen: Chosen, server: str, query: Query, answer: Answer) -> ToolError:
    """Return the error that an answer means."""
    said = _said(answer)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return Unauthorized(_unauthorized(chosen, server))
        case HTTPStatus.FORBIDDEN:
            return Refused(_forbidden(chosen, query, said))
        case HTTPStatus.NOT_FOUND if _is_status(answer):
            return Gone(f"{query.what}: {said}")
        case HTTPStatus.GONE:
            return Expired(f"{query.what}: {said}")
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return _not_understood(query, said)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Busy(f"{_where(chosen, server)} is busy (429): {said}", after=answer.after)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            text = f"{_where(chosen, server)} fails at the moment ({status}): {said}"
            return Busy(text, after=answer.after)
    return Unreachable(
        f"{_where(chosen, server)} answers {answer.status} to {query.what}: {said}; "
        "is it an API server?"
    )


def _unauthorized(chosen: Chosen, server: str) -> str:
    where = f"{_where(chosen, server)} does not take our credentials (401)"
    if chosen.user and server.startswith("http:"):
        return f"{where}: none are sent where others can read along; use https"
    if not chosen.user:
        return f"{where}: the context has no user"
    return f"{where}: the token or certificate is wrong or has expired; log in again"


def _not_understood(query: Query, said: str) -> ToolError:
    message = f"{query.what}: {said}"
    if query.verb == "get":  # of a log: its container is not there yet
        return Unwilling(message, said=said)
    return UsageError(message)  # a selector that makes no sense


def _said(answer: Answer) -> str:
    """Return the message of a Status, or the start of what is none."""
    text = answer.body.decode(errors="replace")
    with suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return oneline(answer.secrets.taken_from(text))[:TEXT_LIMIT] or _phrase(answer.status)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _is_status(answer: Answer) -> bool:
    """Tell whether an API server says so itself, and not what stands where one is thought to be."""
    with suppress(ValueError, KeyError, TypeError):
        return bool(json.loads(answer.body)["kind"] == "Status")
    return False


def _forbidden(chosen: Chosen, query: Query, said: str) -> str:
    user = said.partition('User "')[2].partition('"')[0]
    where = ["--kubeconfig", chosen.file] if chosen.file else []
    where += ["--context", chosen.context] if chosen.context else []
    return (
        f"{user or 'this user'} may not {query.what} (403): {said}; "
        f"to check: {shlex.join(['kubectl', *where, 'auth', 'can-i'])} {query.can_i}"
    )


def told(chosen: Chosen, server: str, error: BaseException) -> ToolError:
    """Return the error for what went wrong on the way to the server, or back."""
    if isinstance(error, ToolError):
        return error
    found, where = causes(error), _where(chosen, server)
    if distrust := first_cause(found, ssl.SSLError):
        return _distrust(where, distrust)
    for kinds, text in _TROUBLES:
        if trouble := first_cause(found, *kinds):
            reason = oneline(getattr(trouble, "strerror", None) or _last(found))[:TEXT_LIMIT]
            advice = oneline(f"does it run there? {chosen.origin} says where to look")
            return Unreachable(f"{where} {text.format(reason=reason, advice=advice)}")
    return Unreachable(f"{where} does not answer as an API server does: {_last(found)}")


_TROUBLES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((SSLError,), "TLS failed: {reason}"),
    ((gaierror,), "cannot be reached: {reason}; {advice}"),
    ((ProxyError,), "cannot be reached through the proxy: {reason}"),
    ((NewConnectionError,), "cannot be reached: {reason}; {advice}"),
    ((ConnectTimeoutError,), "cannot be reached: no connection in time; {advice}"),
    ((ReadTimeoutError, TimeoutError), "does not answer in time (see --timeout)"),
    ((ConnectionError,), "went away: {reason}"),
    ((ProtocolError,), "went away in the middle of an answer"),
    ((HTTPError, OSError), "went away: {reason}"),
)
"""What can go wrong, the most telling first; to urllib3 a refused connection is a timeout, too."""


def _where(chosen: Chosen, server: str) -> str:
    context = f"context {chosen.context}" if chosen.context else chosen.origin
    return oneline(f"the API server {server} ({context})")


def _last(found: list[BaseException]) -> str:
    """Return the innermost reason, the system's own words where it has some."""
    system = next((one for one in found if isinstance(one, OSError) and one.strerror), None)
    return oneline((system and system.strerror) or str(found[-1]))[:TEXT_LIMIT]


def _distrust(where: str, error: ssl.SSLError) -> ToolError:
    reason = str(getattr(error, "verify_message", "") or error.reason or error)
    if getattr(error, "verify_code", 0) in _NOT_SIGNED:
        reason = f"{reason}: the kubeconfig's certificate-authority did not sign its certificate"
    elif error.reason == "WRONG_VERSION_NUMBER":
        reason = "it does not speak TLS there"
    elif "ALERT" in str(error.reason):
        reason = f"{error.reason}: it does not take the kubeconfig's client certificate"
    elif "KEY_VALUES_MISMATCH" in str(error.reason):
        return UsageError(f"{where}: client-key is not the key of client-certificate")
    elif "PEM" in reason or "NO_CERTIFICATE_OR_CRL_FOUND" in reason:
        return UsageError(f"{where}: a certificate or key of the kubeconfig is not PEM")
    return Unreachable(f"{where}: TLS failed: {oneline(reason).rstrip('.')}")
