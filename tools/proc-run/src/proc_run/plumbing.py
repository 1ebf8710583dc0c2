"""How the command's streams reach ours: by themselves, or through us."""

from __future__ import annotations

import os

from .tails import TAIL_BYTES, Redaction, Tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .sinks import Sink
    from .streams import Stream
    from .terminals import Feed, Terminal

STDIN, STDOUT, STDERR = 0, 1, 2
_NAMES = {STDOUT: "stdout", STDERR: "stderr"}


class Connection:
    """The streams of one start of the command.

    Args:
        given: the command's descriptors that are not ours, by their numbers.
        streams: what we read of it; none where it has our own streams.
        terminal: its terminal, if we made one.
        feed: what passes our input on to that.
    """

    def __init__(
        self,
        given: Mapping[int, int],
        streams: list[Stream],
        *,
        terminal: Terminal | None = None,
        feed: Feed | None = None,
    ) -> None:
        self.given = given
        self.streams = streams
        self.terminal = terminal
        self._feed = feed

    def begin(self) -> None:
        """The command has its ends: ours of them are closed, so that theirs can be seen.

        But a terminal that nobody has open would be hung up, and the command with it, which may
        close its own and go on: that one is kept until the command has ended.
        """
        if self.terminal is None:
            for descriptor in self.given.values():
                os.close(descriptor)

    def command_ended(self) -> None:
        """Who has the terminal open now is who still writes to it."""
        if self.terminal:
            self.terminal.release()

    @property
    def input_waits_for(self) -> tuple[int, int] | None:
        """The descriptor, and poll()'s event, with which input goes on to a terminal."""
        is_open = self._feed and self.streams[0].is_open  # it closes the terminal
        return self._feed.waits_for if self._feed and is_open else None

    def feed_it(self) -> None:
        """Pass input on to the terminal."""
        if self._feed:
            self._feed.step()

    def resize(self) -> None:
        """Our terminal has another size."""
        if self.terminal and self.streams[0].is_open:
            self.terminal.resize()

    def begin_again(self) -> None:
        """Our terminal was somebody else's for a while."""
        if self.terminal:
            self.terminal.begin()
            self.resize()

    def end(self) -> None:
        """Close what is left."""
        for stream in self.streams:
            stream.close()
        if self.terminal:
            self.terminal.release()
            self.terminal.restore()


class Plumbing:
    """Makes the streams of each start of the command.

    Args:
        sinks: where the command's stdout and stderr go, by their numbers; none: they are ours.
        tail_bytes: how much of each stream's end is kept.
        redaction: what will be hidden in it.
        is_reported: whether somebody reads the report, though nobody may read the streams.
        makes_terminal: whether the command gets a terminal, which has one output only.
    """

    def __init__(
        self,
        sinks: Mapping[int, Sink] | None = None,
        *,
        tail_bytes: int = TAIL_BYTES,
        redaction: Redaction | None = None,
        is_reported: bool = False,
        makes_terminal: bool = False,
    ) -> None:
        self._sinks = sinks or {}
        self._tail_bytes = tail_bytes
        self._margin = (redaction or Redaction()).margin
        self._is_reported = is_reported
        self._makes_terminal = makes_terminal

    def connect(self) -> Connection:
        """Make the streams.

        Raises:
            OSError: there are no descriptors left.
        """
        if self._makes_terminal:
            return self._terminal()
        if not self._sinks:
            return Connection({}, [])
        from .streams import wide_pipe

        given, streams = {}, []
        for number, sink in self._sinks.items():
            source, given[number] = wide_pipe()
            streams.append(self._stream(number, source, sink))
        return Connection(given, streams)

    def _stream(self, number: int, source: int, sink: Sink) -> Stream:
        from .streams import Stream

        tail = Tail(self._tail_bytes, margin=self._margin)
        name = _NAMES[number]
        return Stream(name, source, sink, tail, is_read_anyway=self._is_reported)

    def _terminal(self) -> Connection:
        from .terminals import Feed, Terminal

        terminal = Terminal(STDIN, STDOUT)
        stream = self._stream(STDOUT, terminal.master, self._sinks[STDOUT])
        given = dict.fromkeys((STDIN, STDOUT, STDERR), terminal.slave)
        terminal.begin()
        feed = Feed(STDIN, terminal.master)
        return Connection(given, [stream], terminal=terminal, feed=feed)
