"""`tail --cursor`: each run goes on exactly where the last one stopped."""

import bz2
import fcntl
import gzip
import json
import lzma
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from logtools.cursors import resume
from logtools.followed import Following
from logtools.starting import Start
from tests.support.commands import argv
from toolroll_shared.errors import CorruptStore, TryLater, UsageError


class Cron:
    """Runs with one cursor, what they emitted and what they said."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "app.log"
        self.cursor = folder / "cursor"
        self.notes: list[str] = []

    def run(
        self, start: Start | None = None, *, grace: float = 0, flush: Callable[[], object] = bool
    ) -> bytes:
        seen = bytearray()
        resume(
            str(self.log),
            str(self.cursor),
            emit=seen.extend,
            flush=flush,
            say=self.notes.append,
            how=Following(start=start, grace=grace),
        )
        return bytes(seen)

    def add(self, data: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(data)

    def sibling(self, suffix: str) -> Path:
        return self.log.with_name(f"app.log{suffix}")


@pytest.fixture
def cron(tmp_path: Path) -> Cron:
    return Cron(tmp_path)


def test_each_run_emits_what_came_since_the_last_one(cron: Cron) -> None:
    cron.add(b"1\n2\n")
    assert cron.run() == b"1\n2\n"
    assert cron.run() == b""
    cron.add(b"3\n")
    assert cron.run() == b"3\n"
    assert cron.notes == []


def test_the_first_run_can_start_at_the_last_lines(cron: Cron) -> None:
    cron.add(b"1\n2\n3\n")
    assert cron.run(Start(1)) == b"3\n"
    cron.add(b"4\n")
    assert cron.run(Start(1)) == b"4\n"


def test_an_unfinished_line_is_left_for_the_next_run(cron: Cron) -> None:
    cron.add(b"1\nunfin")
    assert cron.run() == b"1\n"
    assert cron.run() == b""
    cron.add(b"ished\n")
    assert cron.run() == b"unfinished\n"


def test_an_unfinished_line_of_a_rotated_file_is_emitted(cron: Cron) -> None:
    cron.add(b"1\nunfinished")
    assert cron.run() == b"1\n"
    cron.log.rename(cron.sibling(".1"))
    cron.add(b"2\n")
    assert cron.run() == b"2\nunfinished\n"
    assert cron.run() == b""


def rename(cron: Cron) -> None:
    for number in range(8, 0, -1):
        if cron.sibling(f".{number}").exists():
            cron.sibling(f".{number}").rename(cron.sibling(f".{number + 1}"))
    cron.log.rename(cron.sibling(".1"))


def copytruncate(cron: Cron) -> None:
    rename(cron)
    shutil.copyfile(cron.sibling(".1"), cron.log.with_name("x"))
    cron.sibling(".1").rename(cron.log)
    cron.log.with_name("x").rename(cron.sibling(".1"))
    os.truncate(cron.log, 0)


def dateext(cron: Cron) -> None:
    day = 20260101 + len(list(cron.log.parent.glob("app.log-*")))
    cron.log.rename(cron.sibling(f"-{day}"))


def date_before_extension(cron: Cron) -> None:
    day = 20260101 + len(list(cron.log.parent.glob("app-*")))
    cron.log.rename(cron.log.with_name(f"app-{day}.log"))


def compress(opened: Callable[..., object], ending: str) -> Callable[[Cron], None]:
    def rotate(cron: Cron) -> None:
        number = 1 + len(list(cron.log.parent.glob("app.log-*")))
        path = cron.sibling(f"-202601{number:02}{ending}")
        with opened(path, "wb") as file:  # type: ignore[attr-defined]
            file.write(cron.log.read_bytes())
        os.utime(path, ns=(cron.log.stat().st_atime_ns, cron.log.stat().st_mtime_ns))
        cron.log.unlink()

    return rotate


ROTATIONS = {
    "rename": rename,
    "copytruncate": copytruncate,
    "dateext": dateext,
    "date before extension": date_before_extension,
    "gzip": compress(gzip.open, ".gz"),
    "bzip2": compress(bz2.open, ".bz2"),
    "xz": compress(lzma.open, ".xz"),
}


@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("size", [1, 1000])
def test_rotations_between_runs_lose_and_repeat_nothing(
    cron: Cron, rotate: Callable[[Cron], None], times: int, size: int
) -> None:
    lines = [b"%d %s\n" % (number, b"x" * size) for number in range(20)]
    seen = b""
    for number, line in enumerate(lines):
        cron.add(line)
        if number % 2:
            seen += cron.run()
        if number % 5 == 4:
            for time in range(times):
                if cron.log.exists():
                    rotate(cron)
                cron.add(b"between %d %d\n" % (number, time))
    seen += cron.run()
    assert sorted(line for line in seen.splitlines(keepends=True) if b"between" not in line) == (
        sorted(lines)
    )
    assert seen.count(b"between") == 4 * times
    assert cron.notes == []


def test_zstandard_is_read_too(cron: Cron) -> None:
    zstd = pytest.importorskip("backports.zstd")
    cron.add(b"1\n")
    assert cron.run() == b"1\n"
    cron.add(b"2\n")
    compress(zstd.open, ".zst")(cron)
    cron.add(b"3\n")
    assert cron.run() == b"2\n3\n"


def test_a_copy_that_is_still_being_written_is_not_read_twice(cron: Cron) -> None:
    cron.add(b"1\n")
    assert cron.run() == b"1\n"
    copytruncate(cron)
    cron.add(b"2\n" * 1000)
    cron.sibling(".1").rename(cron.sibling(".2"))
    cron.sibling(".1").write_bytes(b"2\n" * 500)
    assert cron.run() == b"2\n" * 1000


def test_a_half_written_compressed_file_beside_the_plain_one_does_not_count(cron: Cron) -> None:
    cron.add(b"1\n")
    assert cron.run() == b"1\n"
    cron.add(b"2\n")
    rename(cron)
    cron.sibling(".1.gz").write_bytes(gzip.compress(b"1\n2\n")[:15])
    cron.add(b"3\n")
    assert cron.run() == b"2\n3\n"


def test_a_damaged_generation_is_told(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    rename(cron)
    cron.add(b"2\n")
    rename(cron)
    cron.sibling(".1").unlink()
    cron.sibling(".1.gz").write_bytes(b"no gzip")
    cron.add(b"3\n")
    assert cron.run() == b"3\n"
    assert "app.log.1.gz cannot be read" in cron.notes[0]


def test_a_late_writer_to_the_rotated_file_loses_nothing(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run(grace=100)
    with cron.log.open("ab", buffering=0) as old:
        rename(cron)
        cron.add(b"2\n")
        assert cron.run(grace=100) == b"2\n"
        old.write(b"late\n")
        rename(cron)
        cron.add(b"3\n")
        assert sorted(cron.run(grace=100).split()) == [b"3", b"late"]


def test_a_file_that_is_nowhere_any_more_is_told(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    cron.log.unlink()
    cron.add(b"other\n")
    assert cron.run() == b"other\n"
    assert cron.notes == [
        f"{cron.log}: what was read last is not there any more: lines may be lost"
    ]


def test_a_log_that_is_away_is_told_and_read_when_it_is_back(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    cron.add(b"2\n")
    rename(cron)
    assert cron.run() == b"2\n"
    assert cron.notes == [f"{cron.log}: is not there now"]
    cron.add(b"3\n")
    assert cron.run() == b"3\n"


def test_files_that_are_no_generations_are_left_alone(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    for suffix in (".cursor", ".bak", "_errors.log", ".offset", "-notes"):
        cron.sibling(suffix).write_bytes(b"not a log\n")
    rename(cron)
    cron.add(b"2\n")
    assert cron.run() == b"2\n"


def test_the_cursor_moves_only_after_the_flush(cron: Cron) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    cron.add(b"1\n")
    with pytest.raises(OSError, match="No space"):
        cron.run(flush=full)
    assert cron.run() == b"1\n"


def test_a_second_run_at_once_is_told_to_come_later(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    with cron.cursor.with_name("cursor.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TryLater, match="another run has this cursor"):
            cron.run()


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"\xff", b'{"format": "other"}', b"[" * 100_000, b"null"]
)
def test_a_file_that_is_no_cursor_is_refused(cron: Cron, text: bytes) -> None:
    cron.add(b"1\n")
    cron.cursor.write_bytes(text)
    with pytest.raises(CorruptStore, match="remove it to start from the log's beginning"):
        cron.run()
    assert cron.cursor.read_bytes() == text


def test_a_cursor_with_a_damaged_position_is_refused(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    value = json.loads(cron.cursor.read_text())
    for name in value["reading"][0]:
        damaged = json.loads(cron.cursor.read_text())
        damaged["reading"][0][name] = None
        cron.cursor.with_name("other").write_text(json.dumps(damaged))
        with pytest.raises(CorruptStore):
            resume(
                str(cron.log),
                str(cron.cursor.with_name("other")),
                emit=bool,
                flush=bool,
                say=cron.notes.append,
            )


def test_a_cursor_of_another_log_is_refused(cron: Cron) -> None:
    cron.add(b"1\n")
    cron.run()
    cron.log = cron.log.with_name("other.log")
    cron.add(b"1\n")
    with pytest.raises(UsageError, match="give each log a cursor of its own"):
        cron.run()


def test_a_log_that_cannot_be_read_leaves_no_cursor(cron: Cron) -> None:
    with pytest.raises(UsageError, match="No such file"):
        cron.run()
    assert not cron.cursor.exists()


def test_a_run_that_is_killed_loses_nothing_and_repeats_only_itself(cron: Cron) -> None:
    cron.add(b"".join(b"%d\n" % number for number in range(1000)))
    cron.run()
    more = b"".join(b"%d\n" % number for number in range(1000, 200_000))
    cron.add(more)
    command = argv("tests.logtools.programs", "resume", cron.log, cron.cursor)
    for _ in range(5):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert more.startswith(process.stdout.read(4096))
            process.send_signal(signal.SIGKILL)
    assert cron.run() == more
    assert cron.run() == b""
