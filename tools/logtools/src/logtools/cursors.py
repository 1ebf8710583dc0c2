"""`tail --cursor FILE`: each run goes on exactly where the last one stopped, for cron.

What was emitted is remembered only after it was flushed: a run that is killed is repeated, from
where the one before it stopped, and loses nothing.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

from toolroll_shared.errors import CorruptStore, TryLater, UsageError
from toolroll_shared.files import AtomicFile

from .followed import Following
from .looks import Unsettled
from .portable import lock
from .positions import position_from_json
from .reading import reader_at
from .rotation import reopened
from .starting import Start, start_offset
from .trails import Trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .lasting import Emit
    from .positions import Position
    from .reading import Reader
    from .trails import Say

FORMAT = "logtools-cursor"
VERSION = 1

MAX_CURSOR_BYTES = 1024 * 1024
"""Of a cursor: some hundred bytes for each generation; what is larger is no cursor."""

FROM_THE_BEGINNING = Start(1, from_start=True)


def resume(
    path: str,
    cursor: str,
    *,
    emit: Emit,
    flush: Callable[[], object],
    say: Say,
    how: Following | None = None,
) -> None:
    """Emit the whole lines that came to a log since the last run, and remember where they end.

    An unfinished last line waits for a later run, unless its file was rotated away and was
    silent for `how.grace` seconds.

    Args:
        path: the log.
        cursor: where it is remembered; beside it, `.lock` is added to the name.
        emit: takes whole lines, or parts of them in order.
        flush: called before the cursor is written; only if it returns, the lines count as seen.
        say: takes what a user should know, above all where lines may be lost.
        how: `start` is where the first run starts (None: at the beginning of the log);
            `max_line_bytes` and `grace` are as in following.

    Raises:
        UsageError: the cursor is another log's, or the log cannot be read.
        CorruptStore: the cursor is none, or one of a later version.
        TryLater: another run has the cursor, or files are renamed all the time.
        OSError: the cursor cannot be written; or whatever `emit` and `flush` raise.
    """
    how = how or Following()
    log, place = os.path.abspath(path), Path(cursor).resolve()
    with _locked(place):
        last = _load(place, log)
        trail = Trail(path, emit=emit, say=lambda text: say(f"{path}: {text}"))
        trail.max_line_bytes = how.max_line_bytes
        try:
            there = _open(trail, last, how.start or FROM_THE_BEGINNING)
            _emit(trail, there, how.grace)
            flush()
            _save(place, log, trail)
        finally:
            trail.close()


def _open(trail: Trail, last: Memory | None, start: Start) -> tuple[int, int] | None:
    """Open all that is to be read; return which file the log is now, or None if there is none."""
    try:
        if last is None:
            trail.begin_with(_log_at(trail, start))
        else:
            _reopen(trail, last)
        return _look(trail)
    except Unsettled:
        raise TryLater(f"{trail.path}: its files are renamed all the time") from None
    except OSError as error:
        raise UsageError(f"{trail.path}: {error.strerror}") from error


def _look(trail: Trail) -> tuple[int, int] | None:
    try:
        status = trail.look()
    except FileNotFoundError:
        trail.say("is not there now")
        trail.extend()
        return None
    return status.st_dev, status.st_ino


def _log_at(trail: Trail, start: Start) -> Reader | None:
    return reader_at(trail.path, lambda descriptor: start_offset(descriptor, start))


def _reopen(trail: Trail, last: Memory) -> None:
    marks = [last.mark] if last.mark else []
    readers = reopened(trail.path, [*marks, *last.reading])
    if marks:
        trail.mark = readers.pop(0)
    found = list(zip(last.reading, readers, strict=True))
    for _, reader in found:
        if reader is not None:
            trail.add(reader)
    known = [(position, reader) for position, reader in found if position.proof_length]
    if not all(reader for _, reader in known):
        trail.say("what was read last is not there any more: lines may be lost")
    trail.is_adrift = last.is_adrift or bool(known and known[-1][1] is None)
    trail.after_mark = _empty_before_newest(found)


def _empty_before_newest(found: list[tuple[Position, Reader | None]]) -> list[Reader]:
    """Return the files that were empty and came between the mark and the newest one."""
    empty: list[Reader] = []
    for position, reader in reversed(found[:-1]):
        if position.proof_length:
            break
        if reader is not None:
            empty.insert(0, reader)
    return empty


def _emit(trail: Trail, there: tuple[int, int] | None, grace: float) -> None:
    """Emit what was there when it was opened: a fast writer would keep us for ever."""
    for reader in trail.reading:
        reader.limit = None if reader.is_copy else reader.status().st_size
    while trail.sweep():
        pass
    trail.finish(lambda reader: reader.identity != there and _is_done(reader, grace))


def _is_done(reader: Reader, grace: float) -> bool:
    """Whether nothing more is to come of a generation that was rotated away."""
    if reader.is_copy:
        return True
    status = reader.status()
    return reader.offset >= status.st_size and time.time() - status.st_mtime >= grace


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other runs away from a cursor. The lock's file stays, so that all lock the same."""
    beside = place.with_name(place.name + ".lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(f"{beside}: {error.strerror}") from error
    try:
        try:
            lock(descriptor)
        except BlockingIOError:
            raise TryLater(f"{place}: another run has this cursor") from None
        yield
    finally:
        os.close(descriptor)


class Memory:
    """What the last run knew; see `Trail`, whose fields have the same names."""

    def __init__(self, reading: list[Position], mark: Position | None, *, is_adrift: bool) -> None:
        self.reading = reading
        self.mark = mark
        self.is_adrift = is_adrift


def _load(place: Path, log: str) -> Memory | None:
    """Return what the last run knew; None when there was none."""
    try:
        with place.open("rb") as file:
            text = file.read(MAX_CURSOR_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}") from error
    try:
        owner, memory = _parse(text)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptStore(
            f"{place}: not a cursor of this version: {error}; "
            "remove it to start from the log's beginning"
        ) from error
    if owner != log:
        raise UsageError(f"{place}: belongs to {owner}: give each log a cursor of its own")
    return memory


def _parse(text: bytes) -> tuple[str, Memory]:
    value = json.loads(text)
    if value["format"] != FORMAT or value["version"] != VERSION:
        raise ValueError("it is another program's or version's")
    reading = [position_from_json(one) for one in value["reading"]]
    mark = None if value["mark"] is None else position_from_json(value["mark"])
    return str(value["log"]), Memory(reading, mark, is_adrift=value["is_adrift"] is True)


def _save(place: Path, log: str, trail: Trail) -> None:
    value = {
        "format": FORMAT,
        "version": VERSION,
        "log": log,
        "is_adrift": trail.is_adrift,
        "mark": trail.mark.position().as_json() if trail.mark else None,
        "reading": [reader.position().as_json() for reader in trail.reading],
    }
    with AtomicFile(place, temporary=place.with_name(place.name + ".tmp")) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
        file.commit()
