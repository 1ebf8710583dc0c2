"""A log that is written by processes of its own and rotated in every way there is."""

import fcntl
import gzip
import os
import random
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.commands import argv
from tests.support.waiting import until

KEPT = 12
"""Generations; more than a test's reader ever is behind."""


class Rotated:
    """A log under load.

    Args:
        folder: where it is, as app.log.
        writers: how many processes write it.
        seed: of what is done to it when.
        until_seen: returns when the reader has seen so many lines.
    """

    def __init__(
        self, folder: Path, *, writers: int, seed: int, until_seen: Callable[[int], None]
    ) -> None:
        self.folder = folder
        self.log = folder / "app.log"
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.done: Counter[str] = Counter()
        self._until_seen = until_seen
        self._writers = writers
        self._processes: list[subprocess.Popen[bytes]] = []
        self._epoch = 0
        self._marks = [0]
        self._kinds = [
            self.rename_and_create,
            self.rename,
            self.rename_twice,
            self.copytruncate,
            self.copytruncate_twice,
            self.truncate,
            self.delete_and_create,
            self.compress,
        ]

    @contextmanager
    def under_load(self) -> Iterator[None]:
        (self.folder / "lock").touch()
        (self.folder / "counts").write_bytes(bytes(8 * self._writers))
        self.log.touch()
        self._new_epoch()
        for number in range(self._writers):
            command = argv("tests.logtools.programs", "write", self.folder, number)
            self._processes.append(subprocess.Popen(command))
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        (self.folder / "stop").touch()
        for process in self._processes:
            assert process.wait(timeout=30) == 0
        self._processes = []

    @property
    def counts(self) -> tuple[int, ...]:
        """How many lines each writer has written."""
        data = (self.folder / "counts").read_bytes()
        return struct.unpack(f"{self._writers}q", data)

    def rotate(self) -> None:
        """Do one of the things that happen to logs, when there is something new in it.

        The reader may be behind, but not by more generations than are kept.
        """
        before = self._marks[-1]
        until(lambda: sum(self.counts) > before)
        self._until_seen(self._marks[max(len(self._marks) - KEPT // 3, 0)])
        self._marks.append(sum(self.counts))
        kind = self.chance.choice(self._kinds)
        kind()
        self.done[kind.__name__] += 1

    @contextmanager
    def _alone(self, *, seen: bool = False) -> Iterator[None]:
        """Keep the writers from writing, at the end of a line."""
        with (self.folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if seen:
                self._until_seen(sum(self.counts))
            yield

    def _new_epoch(self) -> None:
        self._epoch += 1
        (self.folder / "epoch.new").write_text(str(self._epoch))
        (self.folder / "epoch.new").replace(self.folder / "epoch")

    def _shift(self) -> None:
        for number in range(KEPT, 0, -1):
            for ending in ("", ".gz"):
                old = self.folder / f"app.log.{number}{ending}"
                if old.exists():
                    old.rename(self.folder / f"app.log.{number + 1}{ending}")
        for ending in ("", ".gz"):
            (self.folder / f"app.log.{KEPT + 1}{ending}").unlink(missing_ok=True)

    def rename(self) -> None:
        """As logrotate's nocreate: a writer makes the new file, when it notices."""
        if self.log.exists():
            self._shift()
            self.log.rename(self.folder / "app.log.1")

    def rename_and_create(self) -> None:
        self.rename()
        self.log.touch()

    def rename_twice(self) -> None:
        self.rename_and_create()
        self._new_epoch()  # a line or two may come into the middle one
        self.rename_and_create()

    def copytruncate(self) -> None:
        with self._alone():
            self._copytruncate()

    def copytruncate_twice(self) -> None:
        self.copytruncate()
        self.copytruncate()

    def _copytruncate(self) -> None:
        if self.log.exists():
            self._shift()
            shutil.copyfile(self.log, self.folder / "app.log.1")
            os.truncate(self.log, 0)

    def truncate(self) -> None:
        with self._alone(seen=True):
            if self.log.exists():
                os.truncate(self.log, 0)

    def delete_and_create(self) -> None:
        with self._alone(seen=True):
            self.log.unlink(missing_ok=True)
            self.log.touch()
            self._new_epoch()

    def compress(self) -> None:
        """As gzip does: beside the file, which is removed when all is written."""
        with self._alone():
            self._new_epoch()  # nobody writes to old files any more
        for number in range(1, KEPT + 1):
            plain = self.folder / f"app.log.{number}"
            if plain.exists():
                with gzip.open(f"{plain}.gz", "wb", compresslevel=1) as packed:
                    packed.write(plain.read_bytes())
                status = plain.stat()
                os.utime(f"{plain}.gz", ns=(status.st_atime_ns, status.st_mtime_ns))
                plain.unlink()

    def check(self, seen: bytes) -> None:
        """Compare every line written with every line seen."""
        lines = seen.split(b"\n")
        assert lines.pop() == b""
        numbers = [tuple(map(int, line.split(b" ")[:2])) for line in lines]
        expected = {(one, at) for one, count in enumerate(self.counts) for at in range(count)}
        assert sorted(set(numbers) - expected) == [], "never written"
        assert sorted(expected - set(numbers)) == [], f"lost; done: {self.done}"
        assert [one for one, times in Counter(numbers).items() if times > 1] == [], "seen twice"
