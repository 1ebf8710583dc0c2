"""The end of what was written: a bounded number of bytes, as text, without secrets."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

TAIL_BYTES = 4096
"""What a report shows of each stream unless it is told otherwise."""

MARGIN = 64 * 1024
"""Bytes that are kept before a tail, so that a match which begins there is hidden, too."""

HIDDEN = "***"


class Redaction:
    """Hides secrets in text.

    Args:
        secrets: texts to hide wherever they stand; empty ones are none.
        patterns: regular expressions; what they match is hidden.

    Attributes:
        margin: how many bytes before a text have to be looked at, too.
    """

    def __init__(
        self, secrets: Sequence[str] = (), patterns: Sequence[re.Pattern[str]] = ()
    ) -> None:
        self._secrets = {valid_text(form) for secret in secrets for form in _forms(secret)} - {""}
        self._patterns = patterns
        longest = max((len(secret.encode()) for secret in self._secrets), default=0)
        self.margin = longest + (MARGIN if patterns else 0)

    def of(self, text: str, *, start: int = 0) -> str:
        """Return text from a place on, without secrets, also without the end of one."""
        shown: list[str] = []
        for begin, end in sorted(self._places(text)):
            if end > max(start, begin):
                if begin >= start or not shown:
                    shown += [text[start:begin], HIDDEN]
                start = end
        return "".join([*shown, text[start:]])

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where each thing to hide begins and ends; secrets may overlap."""
        for secret in self._secrets:
            begin = text.find(secret)
            while begin >= 0:
                yield begin, begin + len(secret)
                begin = text.find(secret, begin + 1)
        for pattern in self._patterns:
            yield from (match.span() for match in pattern.finditer(text))


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as output may have it: without space around it, or from a terminal."""
    return secret, secret.strip(), secret.replace("\n", "\r\n")


class Tail:
    """Keeps the last bytes of a stream.

    Args:
        limit: how many of them are shown.
        margin: how many more are kept, see `Redaction.margin`.

    Attributes:
        seen: how many bytes came in all.
    """

    def __init__(self, limit: int, *, margin: int = 0) -> None:
        self.seen = 0
        self._limit = limit
        self._room = limit + margin
        self._kept = bytearray()

    def keep(self, block: memoryview) -> None:
        """Take what comes next."""
        self.seen += len(block)
        if len(block) >= self._room:
            self._kept[:] = block[len(block) - self._room :]
            return
        self._kept += block
        if len(self._kept) > 2 * self._room:
            del self._kept[: len(self._kept) - self._room]

    def shown(self, redaction: Redaction) -> tuple[str, int]:
        """Return the tail as text, and how many bytes were before it.

        What is no UTF-8 becomes U+FFFD; a letter that begins before the tail is left out.
        """
        kept = bytes(self._kept)
        cut = max(0, len(kept) - self._limit)
        if self.seen > len(kept) - cut:
            cut += _letters_end(kept[cut : cut + 3])
        before = kept[:cut].decode(errors="replace")
        text = before + kept[cut:].decode(errors="replace")
        return redaction.of(text, start=len(before)), self.seen - len(kept) + cut


def _letters_end(block: bytes) -> int:
    """Return how many bytes at a block's start go on with a letter that began before it."""
    return len(block) - len(block.lstrip(bytes(range(0x80, 0xC0))))


def valid_text(text: str) -> str:
    """Return an argument as text that can be written as UTF-8."""
    return os.fsencode(text).decode(errors="replace")
