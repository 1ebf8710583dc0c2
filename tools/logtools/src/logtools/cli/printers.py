"""How `logtools grep` prints what it selects: lines, counts, names or records."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod

from logtools.matching import count_selected, selected_lines, selected_text
from toolroll_shared.errors import UsageError
from toolroll_shared.output import is_terminal

from .printing import emitter, name_bytes, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from logtools.lines import Piece
    from logtools.matching import Line, Search
    from logtools.rows import Rows


_ROWS_AT_ONCE = 200  # lines; writing each would take as long as finding it


class Printer(ABC):
    """Prints what is selected of one input after the other.

    Args:
        search: what is searched for.
        arguments: those of the command.
        named: each line begins with its input's name.
    """

    def __init__(
        self, search: Search, arguments: argparse.Namespace, *, named: bool = False
    ) -> None:
        self.search = search
        self.arguments = arguments
        self.named = named
        self.emit = emitter(raw=True, flush=arguments.line_buffered)

    @abstractmethod
    def show(self, pieces: Iterator[Piece], name: str) -> bool:
        """Print what is selected of an input, and tell whether there is something.

        Raises:
            UsageError: the input cannot be read.
        """

    def finish(self) -> None:  # noqa: B027 - most print nothing there
        """Print what comes after the last input."""

    def lines(self, pieces: Iterator[Piece]) -> Iterator[Line]:
        """Yield the selected lines and those around them."""
        both = self.arguments.context or 0
        before, after = self.arguments.before_context, self.arguments.after_context
        return selected_lines(
            pieces,
            self.search,
            before=both if before is None else before,
            after=both if after is None else after,
        )


class Names(Printer):
    """Prints names of files that have selected lines, or none; or nothing."""

    def show(self, pieces: Iterator[Piece], name: str) -> bool:
        """As a `Printer`."""
        found = count_selected(pieces, self.search) > 0
        wanted = self.arguments
        if (wanted.files_with_matches and found) or (wanted.files_without_match and not found):
            self.emit(name_bytes(name) + b"\n")
        return found


class Counts(Printer):
    """Prints how many lines are selected."""

    def show(self, pieces: Iterator[Piece], name: str) -> bool:
        """As a `Printer`."""
        number = count_selected(pieces, self.search)
        prefix = name_bytes(name) + b":" if self.named else b""
        self.emit(prefix + b"%d\n" % number)
        return number > 0


class Records(Printer):
    """Prints JSON records: one document of them, or one a line."""

    _separator = "[\n"

    def show(self, pieces: Iterator[Piece], name: str) -> bool:
        """As a `Printer`."""
        import json

        from logtools.rows import record

        found = False
        for line in self.lines(pieces):
            found = found or line.selected
            text = json.dumps(record(line, name, self.search.needle))
            if self.arguments.json:
                text, self._separator = self._separator + text, ",\n"
            self.emit(text.encode() + b"\n" * self.arguments.ndjson)
        return found

    def finish(self) -> None:
        """As a `Printer`."""
        if self.arguments.json:
            self.emit(b"[]\n" if self._separator == "[\n" else b"\n]\n")


class Lines(Printer):
    """Prints the lines, in many ways; those that need no way at all are copied."""

    def __init__(self, search: Search, arguments: argparse.Namespace, *, named: bool) -> None:
        super().__init__(search, arguments, named=named)
        terminal = is_terminal(sys.stdout)
        self._colored = arguments.color == "always" or (
            arguments.color == "auto" and terminal and not os.environ.get("NO_COLOR")
        )
        self._safe = safe if terminal and not arguments.raw else bytes
        self._maker: Rows | None = None
        self._at_once = 1 if arguments.line_buffered else _ROWS_AT_ONCE
        self._around = bool(
            arguments.context or arguments.before_context or arguments.after_context
        )

    def show(self, pieces: Iterator[Piece], name: str) -> bool:
        """As a `Printer`."""
        wanted = self.arguments
        if wanted.only_matching or wanted.line_number or wanted.max_count is not None:
            return self._rows(pieces, name)
        if self._colored or self._around or self.named or self._safe is safe:
            return self._rows(pieces, name)
        found = False
        for text in selected_text(pieces, self.search):
            self.emit(text)
            found = True
        return found

    def _rows(self, pieces: Iterator[Piece], name: str) -> bool:
        if self._maker is None:
            self._maker = self._rows_maker()
        self._maker.begin()
        shown, found = name_bytes(name) if self.named else None, False
        rows: list[bytes] = []
        try:
            for line in self.lines(pieces):
                found = found or line.selected
                rows += self._maker.rows(line, shown)
                if len(rows) >= self._at_once:
                    self.emit(b"".join(rows))
                    rows.clear()
        except UsageError:  # what was found before is shown all the same
            self.emit(b"".join(rows))
            raise
        self.emit(b"".join(rows))
        return found

    def _rows_maker(self) -> Rows:
        from logtools.rows import Rows

        return Rows(
            self.search,
            numbers=self.arguments.line_number,
            only_matching=self.arguments.only_matching,
            colored=self._colored,
            separated=self._around,
            safe=self._safe,
        )
