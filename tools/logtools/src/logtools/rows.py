"""Selected lines as text, the way grep prints them, and as JSON records."""

from __future__ import annotations

from .cutting import mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from toolroll_shared.search import Needle

    from .matching import Line, Search

_MATCH, _NAME, _NUMBER, _SIGN = (b"\x1b[%dm" % one for one in (31, 35, 32, 36))
_BOLD = b"\x1b[1m"
_PLAIN = b"\x1b[0m"


class Rows:
    """Makes rows of the selected lines of one input after the other.

    Args:
        search: what selected them.
        numbers: each begins with its number.
        only_matching: only what fits the needle, on rows of their own.
        colored: with colours for a terminal.
        separated: `--` stands between lines that do not follow each other.
        safe: makes text harmless where it is shown.
    """

    def __init__(
        self,
        search: Search,
        *,
        numbers: bool = False,
        only_matching: bool = False,
        colored: bool = False,
        separated: bool = False,
        safe: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._needle = search.needle
        self._invert = search.invert
        self._numbers = numbers
        self._only_matching = only_matching
        self._colored = colored
        self._separated = separated
        self._safe = safe
        self._last: tuple[bytes | None, int] | None = None

    def rows(self, line: Line, name: bytes | None) -> Iterator[bytes]:
        """Yield what to print for a line, and before it.

        Args:
            line: the next line.
            name: its input's name, if that is to stand before it.
        """
        if self._only_matching:
            if line.selected and not self._invert:
                for start, end in self._needle.matches(line.text):
                    yield self._prefix(line, name) + self._marked(line.text[start:end]) + b"\n"
            return
        if self._separated:
            if self._last is not None and self._last != (name, line.number - 1):
                yield self._painted(b"--", _SIGN) + b"\n"
            self._last = name, line.number
        text = self._text(line)
        yield self._prefix(line, name) + text + mark(line.cut) + b"\n"

    def begin(self) -> None:
        """Know that the next line is of another input."""
        if self._last is not None:
            self._last = None, -1

    def _text(self, line: Line) -> bytes:
        if not self._colored or line.selected == self._invert:
            return self._safe(line.text)
        parts, at = [], 0
        for start, end in self._needle.matches(line.text):
            parts += [self._safe(line.text[at:start]), self._marked(line.text[start:end])]
            at = end
        return b"".join(parts) + self._safe(line.text[at:])

    def _prefix(self, line: Line, name: bytes | None) -> bytes:
        sign = self._painted(b":" if line.selected else b"-", _SIGN)
        parts = [] if name is None else [self._painted(name, _NAME), sign]
        if self._numbers:
            parts += [self._painted(b"%d" % line.number, _NUMBER), sign]
        return b"".join(parts)

    def _marked(self, text: bytes) -> bytes:
        safe = self._safe(text)
        return _BOLD + _MATCH + safe + _PLAIN if self._colored else safe

    def _painted(self, text: bytes, color: bytes) -> bytes:
        return color + text + _PLAIN if self._colored else text


def record(line: Line, name: str, needle: Needle) -> dict[str, Any]:
    """Return a line as a JSON record; bytes that are not UTF-8 are in `base64`, too."""
    fields: dict[str, Any] = {
        "file": name,
        "line": line.number,
        "offset": line.offset,
        "selected": line.selected,
        "text": line.text.decode("utf-8", "replace"),
        "matches": [list(span) for span in needle.matches(line.text)],
    }
    if line.cut:
        fields["cut_bytes"] = line.cut
    try:
        line.text.decode()
    except UnicodeDecodeError:
        from base64 import b64encode

        fields["base64"] = b64encode(line.text).decode()
    return fields
