"""The headers that say who we are, and whom we act for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from urllib3 import HTTPHeaderDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Entry = Mapping[str, Any]

_NAME_LETTERS = "!#$&'*+-.^_`|~"
"""That may stand in a header's name, besides letters and digits (RFC 9110) and but for `%`."""


def identity(user: Entry, *, login: str | None = None) -> HTTPHeaderDict:
    """Return the headers.

    Args:
        user: of a kubeconfig, with credentials as they are now.
        login: `user:password` of the server's URL, where the user has none.

    Raises:
        ValueError: something cannot be sent; the message does not say what is secret.
    """
    headers = HTTPHeaderDict()
    for name, value in (*_authorization(user, login), *_impersonation(user)):
        headers.add(name, _sendable(name, value))
    return headers


def secrets_sent(user: Entry, *, login: str | None = None) -> list[str]:
    """Return what is secret in the headers of `identity`, alone and as it is sent."""
    name, password = user.get("username") or "", user.get("password") or ""
    logins = [text for text in (login, password and f"{name}:{password}") if text]
    passwords = [text.partition(":")[2] for text in logins]
    return [*filter(None, [user.get("token")]), *logins, *passwords]


def basic(login: str) -> str:
    """Return `user:password` as a header has it."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def _authorization(user: Entry, login: str | None) -> Iterator[tuple[str, str]]:
    if token := user.get("token"):
        yield "Authorization", f"Bearer {token}"
        return
    if user.get("username") or user.get("password"):
        login = f"{user.get('username') or ''}:{user.get('password') or ''}"
    if login:
        yield "Authorization", basic(login)


def _impersonation(user: Entry) -> Iterator[tuple[str, str]]:
    more = [key for key in ("as-uid", "as-groups", "as-user-extra") if user.get(key)]
    if more and not user.get("as"):
        raise ValueError(f"the user has {more[0]}, but no `as`: nobody is to be acted for")
    for key, name in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if value := user.get(key):
            yield name, value
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", group
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values or ():
            yield f"Impersonate-Extra-{quote(key, safe=_NAME_LETTERS)}", value


def _sendable(name: str, value: str) -> str:
    """Return a value as http.client wants it: each byte of its UTF-8 a letter."""
    if not value.isprintable():
        raise ValueError(f"the user's {name} header would have letters that cannot be sent")
    return value.encode(errors="surrogateescape").decode("latin-1")
