"""URLs as they may be shown: nothing in them lets somebody in, or steers a terminal."""

import re

from toolroll_shared.output import printable, redact_url

HIDDEN = "..."
NO_URL = "(no http URL)"

_SCHEMES = ("http://", "https://")
_ODD = re.compile(r"[^!-~]|[?#@;\\]")  # all but visible ASCII, and where secrets may be
_AUTHORITY = r"(?:[^:/?#\[\]]*|\[[^/?#\]]*\])(?::[0-9]*)?"
_WITH_A_HOST = re.compile(rf"https?://{_AUTHORITY}(?:[/?].*)?", re.IGNORECASE | re.DOTALL)
_SECRET_NAME = re.compile(
    r"sign|sig$|token|secret|passw|passphrase|(?:^|_)pass(?:_|$)|pwd|^pw$|^pin$|otp|ticket|bearer|"
    r"credential|auth|sess|^sid$|key|code|jwt|hash|hmac|^x-(?:amz|goog|oss|cos|ms)-|^se$|^sp$|^sv$|"
    r"^st$|^policy$",
    re.IGNORECASE,
)
_SIGNATURE_NAME = re.compile(r"signature|^sig$|^x-(?:amz|goog|oss)-", re.IGNORECASE)
_SEPARATOR = re.compile(r"([&;])")
_USER = re.compile(r"(://|//)[^/?#@]*@")
_PARAMETER = re.compile(r";([^=;/]+)=[^;/]*")
LONGEST_VALUE = 64
"""Characters; a longer value in a query is hidden whatever its name: it may be a key."""


def shown_url(url: str) -> str:
    """Return a URL without user and password, fragment, and what may be a secret in its query.

    A value is hidden if its name says so or if it is long; where the URL is signed, all are.
    """
    if url.startswith(_SCHEMES) and not _ODD.search(url):
        return url
    bare = redact_url(url)
    if not _WITH_A_HOST.fullmatch(bare):  # a password that spoils the URL, most likely
        return NO_URL
    if not bare.endswith(f"?{HIDDEN}"):
        return _shown_path(bare)
    query = url.partition("#")[0].partition("?")[2]
    return _shown_path(bare.removesuffix(HIDDEN)) + printable(_shown_query(query))


def _shown_path(url: str) -> str:
    """Return a URL without what may be secret in its path: another URL's user, a parameter."""
    scheme, separator, rest = url.partition("://")
    rest = _USER.sub(rf"\1{HIDDEN}@", rest)
    return scheme + separator + _PARAMETER.sub(_shown_parameter, rest)


def _shown_parameter(match: re.Match[str]) -> str:
    return f";{match[1]}={HIDDEN}" if _SECRET_NAME.search(match[1]) else match[0]


def _shown_query(query: str) -> str:
    parts = _SEPARATOR.split(query)  # fields, and between them what separates them
    signed = any(_SIGNATURE_NAME.search(part.partition("=")[0]) for part in parts)
    return "".join(_shown_field(part, signed=signed) for part in parts)


def _shown_field(field: str, *, signed: bool) -> str:
    from urllib.parse import unquote_plus  # noqa: PLC0415 - most URLs have no query

    name, equals, value = field.partition("=")
    if not equals:
        hidden = len(field) > LONGEST_VALUE or "=" in unquote_plus(field)
        return HIDDEN if hidden else field
    plain = unquote_plus(value)
    nested = any(_SECRET_NAME.search(part.partition("=")[0]) for part in re.split("[?&;]", plain))
    told = (signed, len(value) > LONGEST_VALUE, "=" in plain and nested)
    is_secret = _SECRET_NAME.search(unquote_plus(name)) or _USER.search(plain)
    return f"{name}={HIDDEN if any(told) or is_secret else value}"
