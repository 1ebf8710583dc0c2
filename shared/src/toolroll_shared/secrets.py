"""Secrets that must not be told: those of the environment, and those inside URLs.

It is the last line of defence. Whoever knows a secret keeps it out of messages by itself; what
goes through here loses what nobody thought of.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HIDDEN = "***"

MIN_LENGTH = 8
"""Characters; a shorter value would be found in text that has nothing to do with it."""

_NAMES = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PAT|CREDENTIALS?|API_?KEY|KEY|AUTHORIZATION)$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#\"'<>]*@)?([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?")


class Secrets:
    """Hides secrets in text.

    Args:
        values: the secrets themselves; short ones are none.
    """

    def __init__(self, values: Iterable[str]) -> None:
        known = {value for value in values if len(value) >= MIN_LENGTH}
        forms = {form for value in known for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """Return text without them, and without what URLs in it could tell.

        A secret is found as it is, in base64 (also as a part of something longer), URL-encoded,
        and as JSON and Python write it.
        """
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return without_url_secrets(text)


def secrets_of(environment: Mapping[str, str]) -> Secrets:
    """Return those that an environment holds, as the names of its variables tell."""
    return Secrets(value for name, value in environment.items() if _NAMES.search(name))


def without_url_secrets(text: str) -> str:
    """Return text whose URLs have no user, password, query and fragment."""
    if "://" in text and any(mark in text for mark in "@?#"):
        return _URL.sub(_shown_url, text)
    return text


def _shown_url(found: re.Match[str]) -> str:
    scheme, rest, query = found.groups()
    return f"{scheme}{rest}" + ("?..." if query else "")


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    import json  # noqa: PLC0415 - only where there is a secret, and something to be hidden
    from urllib.parse import quote, quote_plus  # noqa: PLC0415

    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    data = secret.encode(errors="surrogateescape")
    for encode in (quote, quote_plus):
        yield encode(data, safe="")
        yield encode(data)
    yield from _base64_forms(data)


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield the part of a text in base64 that only depends on these bytes, wherever they begin."""
    from base64 import b64encode, urlsafe_b64encode  # noqa: PLC0415

    for before in range(3):
        padded = bytes(before) + data
        skipped = -(-before * 8 // 6)  # letters that depend on what is before
        length = len(padded) * 8 // 6  # letters that depend on nothing behind
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(padded).decode()[skipped:length]
