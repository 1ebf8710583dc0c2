"""URLs: which ones can be requested, where a redirect leads, and to whom secrets may go.

A URL is requested as it was given. Only what no server could take is quoted, and only a host
name beyond ASCII is translated (IDNA).
"""

import re
from typing import NamedTuple

from .jobs import FetchError

_URL = re.compile(
    r"(https?)://"
    r"(?:[!-.0->A-\[\]-~]*@)?"  # user and password: neither /, ?, @ nor a backslash
    r"([a-z0-9._-]+|\[[0-9a-f:.]+(?:%25[a-z0-9._~-]+)?\])"
    r"(?::([0-9]{1,5})?)?"
    r"(?:[/?#][!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
_AUTHORITY = re.compile(r"(https?://)([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
"""Everything visible in ASCII: a URL may use it already as it should."""


class Target(NamedTuple):
    """A URL that can be requested."""

    url: str
    origin: str
    """Scheme, host and port in one normal form: whom its secrets belong to."""


def target(url: str) -> Target:
    """Return a URL as it will be requested.

    Raises:
        FetchError: it is not http or https, or names no host.
    """
    match = _URL.fullmatch(url) or _URL.fullmatch(_in_ascii(url))
    if match is None:
        raise FetchError("url", "not an http or https URL")
    scheme, host, port = match.groups()
    number = int(port) if port else _DEFAULT_PORTS[scheme.lower()]
    if not 0 < number <= _MAX_PORT:
        raise FetchError("url", "not an http or https URL")
    return Target(match[0], f"{scheme}://{host}:{number}".lower())


def without_user(url: str) -> str:
    """Return a URL without user and password."""
    scheme, authority, rest = _parts(url)
    return scheme + authority.rpartition("@")[2] + rest


def redirected(here: Target, location: str) -> Target:
    """Return where a redirect leads.

    Raises:
        FetchError: it leads to no http or https URL, or from https back to http.
    """
    from urllib.parse import urljoin, urlsplit  # noqa: PLC0415 - most runs follow no redirect

    try:
        joined = urljoin(without_user(here.url), _in_ascii(location))
        scheme = urlsplit(joined).scheme
        if _AUTHORITY.match(location):
            joined = location  # to the letter: it may be signed
    except (ValueError, FetchError):
        raise FetchError("redirect", "a redirect to no URL") from None
    if scheme not in _DEFAULT_PORTS:
        raise FetchError("redirect", "a redirect away from http: not followed")
    if here.origin.startswith("https:") and scheme != "https":
        raise FetchError("redirect", "a redirect from https to http: not followed")
    try:
        there = target(joined)
    except FetchError:
        raise FetchError("redirect", "a redirect to no URL") from None
    if there.origin != here.origin:
        return there
    return there._replace(url=_with_user_of(here.url, there.url))


def _with_user_of(url: str, other: str) -> str:
    """Return the other URL with the user and password of the first, unless it has its own."""
    user, at, _host = _parts(url)[1].rpartition("@")
    scheme, authority, rest = _parts(other)
    return other if "@" in authority else scheme + user + at + authority + rest


def _in_ascii(url: str) -> str:
    """Return a URL with its host in IDNA, and quoted where it has to be.

    Raises:
        FetchError: that cannot be done.
    """
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    from urllib.parse import quote  # noqa: PLC0415 - rare

    if not all(character.isprintable() for character in url):
        raise FetchError("url", "not an http or https URL")
    scheme, authority, rest = _parts(url)
    user, at, host = authority.rpartition("@")
    return scheme + quote(user, safe=_KEPT) + at + _idna(host) + quote(rest, safe=_KEPT)


def _idna(host: str) -> str:
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - rare

    name, colon, port = host.partition(":")
    try:
        return idna.encode(name, uts46=True).decode("ascii") + colon + port
    except idna.IDNAError:
        raise FetchError("url", "a host name that is none") from None


def _parts(url: str) -> tuple[str, str, str]:
    """Return a URL's scheme, authority and rest; a relative one is all rest."""
    match = _AUTHORITY.match(url)
    return (match[1], match[2], match[3]) if match else ("", "", url)
