"""The first start of a single file: what can go wrong does, with the real file."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.packing.shelf import BARE, Shelf
from tests.support.waiting import until_something_is_in

TIMEOUT_S = 60
STARTS = 8


def started(file: Path) -> "subprocess.Popen[str]":
    """Start a file that will say its version."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*BARE, file, "--version"], stdout=pipe, stderr=pipe, text=True)


def version(file: Path, *before: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Let a file say its version."""
    return subprocess.run(
        [*before, *BARE, file, "--version"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def unpacked(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".cache/toolroll").glob("*"))


def temporary(home: Path) -> list[Path]:
    return list((home.parent / "temporary").iterdir())


def test_first_starts_at_once_share_one_folder_and_leave_nothing_else(
    shelf: Shelf, home: Path
) -> None:
    file = shelf.file("wc-lite")
    with ExitStack() as stack:
        processes = [stack.enter_context(started(file)) for _ in range(STARTS)]
        for process in processes:
            stack.callback(process.kill)
        answers = {process.communicate(timeout=TIMEOUT_S) for process in processes}
    assert len(answers) == 1
    assert "wc-lite" in answers.pop()[0]
    assert [name.rpartition("-")[0] for name in unpacked(home)] == ["text-utils"]


def test_commands_of_one_tool_are_unpacked_once(shelf: Shelf, home: Path) -> None:
    for command in ("wc-lite", "contains", "normalize"):
        assert version(shelf.file(command)).returncode == 0
    assert len(unpacked(home)) == 1


def test_a_killed_first_start_is_made_good_and_swept_away_later(shelf: Shelf, home: Path) -> None:
    file = shelf.file("k8s-toolbox")  # the largest: there is time to be killed
    with started(file) as process:
        try:
            until_something_is_in(home / ".cache/toolroll", "unpacking-*/*/*")
        finally:
            process.kill()
    (left,) = (home / ".cache/toolroll").iterdir()
    small = shelf.file("proc-run")
    assert version(small).stdout.startswith("proc-run ")
    assert left.name in unpacked(home), "it may still be at work, for all we know"
    os.utime(left, (time.time() - 2 * 24 * 3600,) * 2)
    assert version(shelf.file("wc-lite")).stdout.startswith("wc-lite ")
    assert left.name not in unpacked(home)


def test_an_interrupted_first_start_leaves_nothing(shelf: Shelf, home: Path) -> None:
    with started(shelf.file("k8s-toolbox")) as process:
        try:
            until_something_is_in(home / ".cache/toolroll", "unpacking-*/*/*")
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=TIMEOUT_S)[1]
        finally:
            process.kill()
    assert (process.returncode, said) == (130, "k8s-toolbox: interrupted\n")
    assert unpacked(home) == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("where", ["/proc/none", "relative", ""])
def test_without_a_home_a_temporary_folder_serves_and_goes(shelf: Shelf, where: str) -> None:
    done = version(shelf.file("proc-run"), HOME=where)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("proc-run ")


def test_what_was_temporary_is_gone_after_the_run(shelf: Shelf, home: Path) -> None:
    done = version(shelf.file("wc-lite"), HOME="")
    assert (done.returncode, done.stderr) == (0, "")
    assert temporary(home) == []
    assert unpacked(home) == []


def test_a_full_disk_is_told_in_one_line_and_nothing_stays(shelf: Shelf, home: Path) -> None:
    full = ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash"]
    done = version(shelf.file("wc-lite"), *full)
    assert done.returncode == 2
    assert done.stderr.startswith("wc-lite: there is no place to unpack into: ")
    assert done.stderr.count("\n") == 1
    assert (unpacked(home), temporary(home)) == ([], [])


@pytest.mark.skipif(os.name != "posix", reason="needs owners of files")
def test_a_folder_that_others_may_write_is_not_believed(shelf: Shelf, home: Path) -> None:
    file = shelf.file("wc-lite")
    version(file)
    (folder,) = (home / ".cache/toolroll").iterdir()
    module = folder / "text_utils/wc_lite/cli.py"
    module.write_text("raise SystemExit('somebody else was here')\n")
    assert "somebody else" in version(file).stderr, "our own is believed"
    folder.chmod(0o777)
    done = version(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wc-lite ")
    assert temporary(home) == []


def test_a_damaged_file_says_so(shelf: Shelf, home: Path, tmp_path: Path) -> None:
    content = bytearray(shelf.file("wc-lite").read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged = tmp_path / "wc-lite.pyz"
    damaged.write_bytes(content)
    done = version(damaged)
    assert done.returncode == 2
    assert "damaged" in done.stderr
    assert done.stderr.count("\n") == 1
    assert unpacked(home) == []


def test_ours_comes_before_what_the_environment_would_have_loaded(
    shelf: Shelf, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "text_utils").mkdir()
    (tmp_path / "text_utils/__init__.py").write_text("raise SystemExit('another one')\n")
    command = [sys.executable, str(shelf.file("wc-lite")), "--version"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("wc-lite ")
    assert len(unpacked(home)) == 1
