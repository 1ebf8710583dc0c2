"""Arguments that several of the commands have: inputs, numbers of lines, periods."""

from __future__ import annotations

import argparse
import re
from contextlib import contextmanager

from logtools.cutting import MAX_LINE_BYTES
from logtools.packing import PACKED
from toolroll_shared.cli import byte_size
from toolroll_shared.errors import UsageError
from toolroll_shared.streams import STDIN, opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from toolroll_shared.streams import Input

_COUNT = r"([+-]?)([0-9]{1,18})"


class Count:
    """How many lines or bytes, and from where.

    Attributes:
        sign: `+`, `-` or nothing, as it was given.
        number: how many.
    """

    def __init__(self, sign: str, number: int) -> None:
        self.sign = sign
        self.number = number


def count_of(text: str) -> Count:
    """Argument type: a number such as `10`, `+10` or `-10`."""
    match = re.fullmatch(_COUNT, text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines, such as 10")
    return Count(match[1], int(match[2]))


def bytes_of(text: str) -> Count:
    """Argument type: a number of bytes such as `500K` or `+10`."""
    sign = text[:1] if text[:1] in {"+", "-"} else ""
    return Count(sign, byte_size(text[len(sign) :]))


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the inputs."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or - for standard input")


def add_headers(parser: argparse.ArgumentParser) -> None:
    """Add whether files get headers."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-q", "--quiet", action="store_true", help="print no headers, which several files get"
    )
    group.add_argument("-v", "--verbose", action="store_true", help="print them for one file, too")


def add_raw(parser: argparse.ArgumentParser) -> None:
    """Add how text is shown on a terminal."""
    parser.add_argument(
        "--raw",
        action="store_true",
        help="on a terminal, print escape sequences as they are; elsewhere all bytes are",
    )


def add_longest(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where long lines are cut."""
    parser.add_argument(
        "--max-line-bytes",
        type=_size,
        default=MAX_LINE_BYTES,
        metavar="SIZE",
        help=f"cut longer lines{what}, with a mark (default: {MAX_LINE_BYTES >> 20}Mi)",
    )


def _size(text: str) -> int:
    size = byte_size(text)
    if not size:
        raise argparse.ArgumentTypeError("a line of no bytes is none")
    return size


def add_period(parser: argparse.ArgumentParser) -> None:
    """Add the options about when lines were written; `reading` heeds them."""
    group = parser.add_argument_group("by time, of lines that begin with one")
    group.add_argument(
        "--since",
        metavar="TIME",
        help="only lines of this time or later: an ISO 8601 date or instant, or a duration "
        "such as 15m for that long ago",
    )
    group.add_argument("--until", metavar="TIME", help="only lines of this time or earlier")
    group.add_argument(
        "--local-time", action="store_true", help="times without a zone are local, not UTC"
    )
    group.add_argument(
        "--time-field", metavar="NAME", help="the field of JSON lines that holds the time"
    )


@contextmanager
def reading(name: str, arguments: argparse.Namespace) -> Iterator[Input]:
    """Open an input: decompressed if it is compressed, and with the lines of the period only.

    Raises:
        UsageError: it cannot be read.
    """
    with opened(name) as file:
        source = file
        if name.endswith(PACKED):
            from logtools.compressed import decompressed

            source = decompressed(file)
        if arguments.since is None and arguments.until is None:
            yield source
        else:
            yield _within_period(source, arguments)


def _within_period(source: Input, arguments: argparse.Namespace) -> Input:
    import os
    from datetime import UTC, datetime

    from logtools.period import Period, within
    from logtools.stamps import Stamps

    now = datetime.now(UTC)
    changed = datetime.fromtimestamp(os.fstat(source.descriptor).st_mtime, UTC)
    local = arguments.local_time
    period = Period(
        _moment(arguments.since, now, local=local), _moment(arguments.until, now, local=local)
    )
    stamps = Stamps(now=min(now, changed), local=local, field=arguments.time_field)
    return within(source, period, stamps)


def _moment(text: str | None, now: datetime, *, local: bool) -> datetime | None:
    from datetime import datetime, timedelta

    from toolroll_shared.cli import duration, instant

    if text is None:
        return None
    try:
        return now - timedelta(seconds=duration(text))
    except (argparse.ArgumentTypeError, OverflowError):
        pass
    try:
        naive = datetime.fromisoformat(text) if local else None
        return naive.astimezone() if naive and naive.tzinfo is None else instant(text)
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise UsageError(
            f"{text!r} is neither a time, such as 2026-05-01T12:00:00Z, nor a duration, such as 15m"
        ) from error


def names_of(arguments: argparse.Namespace) -> list[str]:
    """Return the inputs' names."""
    return arguments.files or [STDIN]
