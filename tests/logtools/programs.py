"""Processes for the tests of `logtools tail`: one that writes a log, and one that tails it."""

import fcntl
import os
import random
import struct
import sys
import time
from pathlib import Path

from logtools.cursors import resume
from logtools.followed import Following
from logtools.following import follow
from logtools.lasting import tail_bytes, tail_lines
from logtools.starting import Start
from logtools.watching import Watcher
from toolroll_shared.cli import run
from toolroll_shared.output import note

REOPEN = 0.1  # how probably a writer looks, before a line, whether its log was rotated
SPLIT = 0.1  # how probably it writes a line in two parts


def write_log(folder: Path, number: int) -> int:
    """Write lines to folder/app.log until folder/stop exists, and count them.

    The lock is held shared for each line, so that who holds it alone meets whole lines only.
    A new number in folder/epoch makes the writer reopen its log at once; a rotation, by and by.
    """
    log, chance = folder / "app.log", random.Random(number)  # noqa: S311 - no secret
    lock = os.open(folder / "lock", os.O_RDWR)
    counts = os.open(folder / "counts", os.O_RDWR)
    epoch, file, written = b"", -1, 0
    while not (folder / "stop").exists():
        alone = chance.random() < SPLIT
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        now = (folder / "epoch").read_bytes()
        if now != epoch or (chance.random() < REOPEN and is_rotated(file, log)):
            if file >= 0:
                os.close(file)
            epoch, file = now, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        line = b"%d %d %s\n" % (number, written, b"x" * chance.randrange(200))
        if alone:
            os.write(file, line[:7])
            time.sleep(0.001)
            os.write(file, line[7:])
        else:
            os.write(file, line)
        written += 1
        os.pwrite(counts, struct.pack("q", written), number * 8)
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(chance.random() * 0.002)
    return 0


def is_rotated(file: int, log: Path) -> bool:
    try:
        return not os.path.samestat(os.fstat(file), log.stat())
    except FileNotFoundError:
        return True


def emit(piece: "bytes | bytearray | memoryview") -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(1, rest) :]


def say(message: str) -> None:
    note("tail", message)


def main() -> int:
    """Do what the first argument says."""
    what, *arguments = sys.argv[1:]
    if what == "write":
        return write_log(Path(arguments[0]), int(arguments[1]))
    if what == "follow":
        watcher = Watcher(output=1, say=say, inotify="poll" not in os.environ.get("HOW", ""))
        start = Start(int(arguments[0]))
        how = Following(start=start, grace=float(os.environ.get("GRACE", "1")))
        how.pid = int(os.environ["PID"]) if "PID" in os.environ else None
        follow(arguments[1:], emit=emit, say=say, how=how, watcher=watcher)
    elif what == "resume":
        resume(arguments[0], arguments[1], emit=emit, flush=lambda: None, say=say)
    elif what == "lines":
        tail_lines(0, int(arguments[0]), emit=emit)
    elif what == "bytes":
        tail_bytes(0, int(arguments[0]), emit=emit)
    return 0


if __name__ == "__main__":
    sys.exit(run("tail", lambda _journal: main()))
