"""URLs as they may be shown: nothing in them lets somebody in, or steers a terminal."""

import re

from toolroll_shared.output import printable, redact_url

HIDDEN = "..."
NO_URL = "(no http URL)"

_SCHEMES = ("http://", "https://")
_ODD = re.compile(r"[^!-~]|[?#@\\]")  # all but visible ASCII, and where secrets may be
_AUTHORITY = r"(?:[^:/?#\[\]]*|\[[^/?#\]]*\])(?::[0-9]*)?"
_WITH_A_HOST = re.compile(rf"https?://{_AUTHORITY}(?:[/?].*)?", re.IGNORECASE | re.DOTALL)
_SECRET_NAME = re.compile(
    r"sign|sig$|token|secret|pass$|passw|passphrase|pwd|credential|auth|session|key|code|jwt|"
    r"hash|hmac|^x-(?:amz|goog|oss|cos|ms)-|^se$|^sp$|^sv$|^st$|^policy$",
    re.IGNORECASE,
)
_SIGNATURE_NAME = re.compile(r"signature|^sig$|^x-(?:amz|goog|oss)-", re.IGNORECASE)
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
        return bare
    query = url.partition("#")[0].partition("?")[2]
    return bare.removesuffix(HIDDEN) + printable(_shown_query(query))


def _shown_query(query: str) -> str:
    fields = [field.partition("=") for field in query.split("&")]
    signed = any(_SIGNATURE_NAME.search(name) for name, _, _ in fields)
    return "&".join(
        f"{name}{equals}{value if _is_harmless(name, value, signed=signed) else HIDDEN}"
        if equals
        else (name if len(name) <= LONGEST_VALUE else HIDDEN)
        for name, equals, value in fields
    )


def _is_harmless(name: str, value: str, *, signed: bool) -> bool:
    from urllib.parse import unquote_plus  # noqa: PLC0415 - most URLs have no query

    secret = signed or len(value) > LONGEST_VALUE or _SECRET_NAME.search(unquote_plus(name))
    return not secret
