"""What is wanted of a log, and what is told of it."""

from __future__ import annotations

from typing import NamedTuple

from .records import Record


class Wanted(NamedTuple):
    """Which part of a log.

    Attributes:
        tail: so many lines from its end; None for all.
        since_seconds: not older than so many seconds, by the node's clock.
        since_time: not older than this instant, in RFC 3339.
        previous: of the container before its last restart.
        follow: go on with what comes.
    """

    tail: int | None = None
    since_seconds: int | None = None
    since_time: str | None = None
    previous: bool = False
    follow: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it begins with the log's first line."""
        return (self.tail, self.since_seconds, self.since_time) == (None, None, None)

    def parameters(self) -> dict[str, object]:
        """Return the parameters of a URL that ask for it."""
        return {
            "tailLines": self.tail,
            "sinceSeconds": self.since_seconds,
            "sinceTime": self.since_time,
            "previous": "true" if self.previous else None,
            "follow": "true" if self.follow else None,
        }


class Away(NamedTuple):
    """The connection is lost; reading goes on when there is one again."""

    why: str


class Back(NamedTuple):
    """Reading goes on.

    Attributes:
        is_broken: lines may be missing, for the log was rotated, or its pod has gone meanwhile.
    """

    is_broken: bool


class Said(NamedTuple):
    """What a node has to say about the log, instead of lines."""

    text: str


Item = list[Record] | Away | Back | Said
