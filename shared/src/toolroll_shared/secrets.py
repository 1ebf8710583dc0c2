"""Secrets that must not be told: those of the environment, and those inside URLs.

It is the last line of defence. Whoever knows a secret keeps it out of messages by itself; what
goes through here loses what nobody thought of.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "***"

MIN_LENGTH = 8
"""Characters; a shorter value would be found in text that has nothing to do with it."""

MIN_LETTERS = 3
"""Different characters; less is a placeholder, such as a row of stars or zeros."""

_NAMES = re.compile(
    r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|AUTHORIZATION|COOKIE|SSHPASS|"
    r"(API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)_?KEY)S?(_?[0-9]+|_BASE)?$|_(PAT|PWD|PASS)$",
    re.IGNORECASE,
)
_VAGUE_NAMES = re.compile(r"(^|_)(KEY|AUTH|PAT|PASS)$", re.IGNORECASE)
_DIGIT_AND_LETTER = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])", re.DOTALL)

_RUN = r"[^\s\"'<>\\]*+"
_URL = re.compile(
    rf"(:(?:\\*+/){{2}}|\bhttps?:/(?![/\\]))({_RUN}(?:\\++(?![\"']){_RUN})*)", re.IGNORECASE
)  # a path that was made of a URL has one slash; `)*+` loses its way in Python before 3.11.5
_AUTHORITY = re.compile(r"[^/?#\\]*+")
_HOST = re.compile(r"(?:[^:\[\]]*+|\[[^\]]*+\])(?::[0-9]*+)?")
_QUERY = re.compile(r"[?#]")
_END_OF_CLAUSE = re.compile(r"[:;,)\]]+\Z")


class Secrets:
    """Hides secrets in text.

    Args:
        values: the secrets themselves; short ones are none.
    """

    def __init__(self, values: Iterable[str]) -> None:
        known = {value for value in values if _is_secret(value)}
        forms = {form for value in known for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._in_json = {_in_json(form) for form in forms}

    def are_in_json(self, text: str) -> bool:
        """Tell whether a JSON text (in ASCII) may have something to hide; it is quick to say no."""
        for form in self._in_json:  # any() would take twice as long
            if form in text:
                return True
        return _has_url_secrets(text)

    def hidden(self, text: str) -> str:
        """Return text without them, and without what URLs in it could tell.

        A secret is found as it is, in base64 (also as a part of something longer), URL-encoded,
        and as JSON and Python write it.
        """
        before = None
        while before != text:  # what is left may be one, too; each time it gets shorter
            before = text
            text = without_url_secrets(self.taken_from(text))
        return text

    def taken_from(self, text: str) -> str:
        """Return text without them; URLs are left alone."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    def taken_from_bytes(self, data: bytearray) -> bytearray:
        """Return bytes without them; URLs are left alone."""
        for form in self._forms:
            if (found := form.encode(errors="replace")) in data:
                data = data.replace(found, HIDDEN.encode())
        return data


def secrets_of(environment: Mapping[str, str]) -> Secrets:
    """Return those that an environment holds, as the names of its variables tell.

    A value that names a file is none. So is a word for a vague name, such as SORT_KEY=updated_at.
    Who logs in by a URL, at a proxy or elsewhere, has a password there.
    """
    return Secrets(_secrets_in(environment))


def _secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if len(value) < MIN_LENGTH:
            continue
        if _is_secret_name(name, value) and not _is_file(value):
            yield value
            yield value.strip()  # as a header has it
        if "@" in value and ("://" in value or name.lower().endswith("_proxy")):
            yield from login_in(value)


def _is_secret_name(name: str, value: str) -> bool:
    if _NAMES.search(name):
        return True
    return bool(_VAGUE_NAMES.search(name)) and bool(_DIGIT_AND_LETTER.match(value))


def _is_file(value: str) -> bool:
    return value.startswith("/") and "\0" not in value and os.path.exists(value)  # noqa: PTH110 - pathlib costs


def login_in(url: str) -> Iterator[str]:
    """Yield the secrets in what a URL has before its host.

    A user without a password is a token, but for ssh.
    """
    from urllib.parse import unquote  # noqa: PLC0415 - only where there is one

    scheme, _, rest = url.rpartition("://")
    login = rest[: _end_of_login(rest)].removesuffix("@")
    user, colon, password = login.partition(":")
    if colon or scheme.lower() != "ssh":
        for text in (password or user, login):
            yield text
            yield unquote(text)


def _is_secret(value: str) -> bool:
    return len(value) >= MIN_LENGTH and len(set(value)) >= MIN_LETTERS


def without_url_secrets(text: str) -> str:
    """Return text whose URLs have no user, password, query and fragment."""
    return _URL.sub(_shown_url, text) if _has_url_secrets(text) else text


def _has_url_secrets(text: str) -> bool:
    if "@" in text or "?" in text or "#" in text:
        return ":/" in text or ":\\" in text
    return False


def _shown_url(found: re.Match[str]) -> str:
    start, rest = found.groups()
    rest = rest[_end_of_login(rest) :]
    query = _QUERY.search(rest)
    if query is None:
        return f"{start}{rest}"
    end = _END_OF_CLAUSE.search(rest)  # in a message, the text goes on behind a URL
    return f"{start}{rest[: query.start()]}?...{end[0] if end else ''}"


def _end_of_login(rest: str) -> int:
    """Return where user and password end, behind the `://`; 0 where there are none.

    People forget to encode what is in their passwords. What cannot be a host and a port goes up
    to the last `@`; behind a user that is one, only a path's `@` is looked at, not a query's.
    """
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index] # it matches always
    if "@" in authority:
        query = _QUERY.search(rest)
        return rest.rfind("@", 0, query.start() if query else None) + 1
    return 0 if _HOST.fullmatch(authority) else rest.rfind("@") + 1


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    from json import dumps  # noqa: PLC0415 - only where there is a secret
    from urllib.parse import quote, quote_plus  # noqa: PLC0415

    yield secret
    yield _in_json(secret)
    yield dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    data = secret.encode(errors="surrogatepass" if _is_odd(secret) else "surrogateescape")
    for encode in (quote, quote_plus):
        for safe in ("", "/"):
            text = encode(data, safe=safe)
            yield text
            yield re.sub("%..", lambda found: found[0].lower(), text)
    yield from _base64_forms(data)


def _in_json(text: str) -> str:
    from json import dumps  # noqa: PLC0415 - only where there is a secret

    return dumps(text)[1:-1]


def _is_odd(text: str) -> bool:
    """Tell whether a text has letters that no bytes stand for; an environment has none."""
    return any("\ud800" <= letter < "\udc80" or "\udcff" < letter <= "\udfff" for letter in text)


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield the part of a text in base64 that only depends on these bytes, wherever they begin."""
    from base64 import b64encode, urlsafe_b64encode  # noqa: PLC0415

    for before in range(3):
        padded = bytes(before) + data
        skipped = -(-before * 8 // 6)  # letters that depend on what is before
        length = len(padded) * 8 // 6  # letters that depend on nothing behind
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(padded).decode()[skipped:length]
