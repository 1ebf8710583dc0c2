"""An export as a process: its streams, signals and memory."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.artifact_index.tables import FORMS, Export, add, make
from tests.support.commands import argv, environment
from tests.support.terminal import shown_on_a_terminal
from tests.support.waiting import until_it_waits_for_a_reader, until_something_is_in
from tests.toolroll_shared.programs import nobody_reads

PATIENCE_S = 30  # for a process to end; never reached when all is well
KIB_IN_10_MB = 10_000_000 // 1024

forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(scope="session")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes databases of so many assets, and keeps them."""
    folder = tmp_path_factory.mktemp("sized")

    def database(rows: int) -> Path:
        path = folder / f"{rows}.sqlite"
        if not path.exists():
            make(path, rows=rows)
        return path

    return database


def command(db: Path, *arguments: object) -> list[str]:
    return argv("artifact_index", "export", "--db", db, *arguments)


def start(db: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(command(db, *arguments), stdout=pipe, stderr=pipe, env=environment({}))


@forms
def test_stdout_gets_what_a_file_gets_and_no_summary(export: Export, db: Path, form: str) -> None:
    make(db, rows=10)
    add(db, ["\u00fc\r\n\0\U0001f680"])
    target = db.with_name("export")
    assert export(f"--{form}", target).code == 0
    ascii_only = environment({"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    done = subprocess.run(
        command(db, f"--{form}", "-"), capture_output=True, env=ascii_only, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == target.read_bytes()


@forms
def test_a_reader_who_has_seen_enough_is_no_error(sized: Callable[[int], Path], form: str) -> None:
    with start(sized(10_000), f"--{form}", "-") as process:
        assert process.stdout
        assert len(process.stdout.read(1000)) == 1000
        process.stdout.close()
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stderr) == (0, b"")


@forms
@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_reader_who_was_never_there_is_no_error(
    sized: Callable[[int], Path], form: str, rows: int
) -> None:
    with nobody_reads() as pipe:
        done = subprocess.run(
            command(sized(rows), f"--{form}", "-"),
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@forms
@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_full_disk_behind_stdout_is_an_error(
    sized: Callable[[int], Path], form: str, rows: int
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(sized(rows), f"--{form}", "-"), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"artifact-index: stdout: No space left on device\n"


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")],
)
@forms
def test_an_interrupted_export_keeps_the_old_file_and_leaves_nothing_beside_it(
    sized: Callable[[int], Path], tmp_path: Path, form: str, number: int, code: int, said: bytes
) -> None:
    target = tmp_path / "export"
    target.write_text("old")
    with start(sized(200_000), f"--{form}", target) as process:
        until_something_is_in(tmp_path, ".toolroll-*.new")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr) == (code, b"", b"artifact-index: %s\n" % said)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@forms
def test_an_export_to_stdout_is_interrupted_while_nobody_reads(
    sized: Callable[[int], Path], form: str
) -> None:
    with start(sized(200_000), f"--{form}", "-") as process:
        until_it_waits_for_a_reader(process.pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stderr) == (130, b"artifact-index: interrupted\n")


@forms
def test_what_is_shown_on_a_terminal_cannot_steer_it(db: Path, form: str) -> None:
    make(db)
    add(db, ["\x1b]0;owned\x07\x9b31m\u202e\x00\x08"])
    code, shown = shown_on_a_terminal(command(db, f"--{form}", "-"))
    assert re.findall(r"[^\x20-\x7e\r\n]", shown) == []
    assert "\r" not in shown.replace("\r\n", "")
    if form == "parquet":
        why = "Parquet is nothing for a terminal: redirect stdout, or name a file"
        assert (code, shown) == (2, f"artifact-index: {why}\r\n")
    else:
        assert (code, shown.count("\n")) == (0, 2 if form == "csv" else 1)
        assert r"owned\x07\x9b31m\u202e" in shown.replace("u0007", "x07")  # JSON's own escape


def test_the_summary_on_a_terminal_cannot_steer_it(db: Path) -> None:
    make(db)
    target = db.with_name("\x1b]0;owned\x07")
    for arguments in (["--csv", target], ["--csv", target / "x"]):
        _, shown = shown_on_a_terminal(command(db, *arguments))
        assert "\x1b" not in shown
        assert r"\x1b]0;owned\x07" in shown


PEAK = """
import sys
from pathlib import Path
from artifact_index.cli import main
assert main(sys.argv[1:]) == 0
[line] = [one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one]
print(line.split()[1])
"""


def peak_kib(db: Path, form: str) -> int:
    """The most memory that an export had, in KiB."""
    arguments = ["export", "--db", str(db), f"--{form}", os.devnull]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has VmHWM")
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_memory_does_not_grow_with_the_rows(sized: Callable[[int], Path], form: str) -> None:
    few, many = (peak_kib(sized(rows), form) for rows in (10_000, 200_000))
    assert many - few < KIB_IN_10_MB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has VmHWM")
def test_memory_of_parquet_does_not_grow_with_the_row_groups(
    sized: Callable[[int], Path],
) -> None:
    """One row group and twenty; the allocator of pyarrow keeps what it had."""
    few, many = (peak_kib(sized(rows), "parquet") for rows in (10_000, 200_000))
    assert many - few < 3 * KIB_IN_10_MB
