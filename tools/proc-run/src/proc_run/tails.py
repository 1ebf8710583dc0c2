"""The end of what was written: a bounded number of bytes, as text, without secrets."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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
        literals = {valid_text(form) for secret in secrets for form in (secret, secret.strip())}
        longest_first = sorted(filter(None, literals), key=len, reverse=True)
        self._patterns = list(patterns)
        if longest_first:
            self._patterns.append(re.compile("|".join(map(re.escape, longest_first))))
        longest = max((len(secret.encode()) for secret in longest_first), default=0)
        self.margin = longest + (MARGIN if patterns else 0)

    def of(self, text: str, *, start: int = 0) -> str:
        """Return text from a place on, without secrets, also without the end of one."""
        shown = []
        for begin, end in sorted(
            match.span() for pattern in self._patterns for match in pattern.finditer(text)
        ):
            if end > max(start, begin):
                shown += [text[start:begin], HIDDEN]
                start = end
        return "".join([*shown, text[start:]])


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
