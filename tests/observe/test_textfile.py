"""The file for node_exporter: exact over runs, whole at any time, and no trouble of the command."""

import os
import random
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from observe.samples import parsed
from tests.observe.commands import observe, observing, series, sh
from tests.support.commands import argv
from tests.support.prometheus import node_exporter, promtool

RUNS = 'toolroll_runs_total{outcome="ok",tool="job"}'
RECORD = (
    '{"ts":"2026-01-01T00:00:00Z","level":"info","tool":"t","action":"a","target":"x",'
    '"duration_ms":1,"ok":true,"request_id":"r","bytes":3}'
)
RECORDS = f"""for i in 1 2 3 4 5 6 7 8 9 10; do echo '{RECORD}'; done >>"$TOOLROLL_LOG" """


def test_fifty_runs_at_a_time_are_counted_exactly(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    command = argv("observe", "--textfile", path, "--name", "job", *sh(RECORDS))
    slots = threading.Semaphore(10)
    codes = []

    def one() -> None:
        with slots:
            codes.append(subprocess.run(command, check=False, timeout=100).returncode)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = series(path.read_text())
    assert codes == [0] * 50
    assert counted[RUNS] == 50
    assert counted['toolroll_actions_total{action="a",outcome="ok",tool="t"}'] == 500
    assert counted['toolroll_bytes_total{action="a",tool="t"}'] == 1500
    assert counted['toolroll_action_size_bytes_bucket{action="a",le="100",tool="t"}'] == 500
    assert {one.name for one in tmp_path.iterdir()} == {".x.prom.lock", "x.prom"}


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path, chance = tmp_path / "x.prom", random.Random(20)  # noqa: S311
    for number in range(15):
        pause = chance.uniform(0.1, 0.8)
        with observing("--textfile", path, "--name", "job", *sh(RECORDS)) as process:
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                process.kill()
        if path.exists():
            assert parsed(path.read_text()), number
    before = series(path.read_text()).get(RUNS, 0.0) if path.exists() else 0.0
    assert observe("--textfile", path, "--name", "job", "--", "true").notes == ""
    assert series(path.read_text())[RUNS] == before + 1


def _file(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


TROUBLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign": (_file(b"node_load1 3\n"), "not written by observe: node_load1 is not ours"),
    "text": (_file(b"hello, world {{{\n"), "not written by observe"),
    "binary": (_file(bytes(range(256)) * 100), "not written by observe"),
    "huge": (_file(b"#" * (17 << 20)), "is too large to be ours"),
    "torn": (_file(b'toolroll_runs_total{outcome="ok",to'), "not written by observe"),
    "no number": (_file(b"toolroll_invalid_lines_total NaN\n"), "cannot be nan"),
    "negative": (_file(b"toolroll_invalid_lines_total -1\n"), "cannot be -1"),
    "endless": (_file(b"toolroll_invalid_lines_total +Inf\n"), "cannot be inf"),
    "folder": (Path.mkdir, "Is a directory"),
    "pipe": (os.mkfifo, "is no file"),
    "loop": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "device": (lambda path: path.symlink_to("/dev/zero"), ""),
    "no folder": (lambda path: path.symlink_to("/no/such/x.prom"), "No such file or directory"),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_what_cannot_be_added_to_is_said_and_left_alone(kind: str, tmp_path: Path) -> None:
    make, why = TROUBLES[kind]
    path = tmp_path / "x.prom"
    make(path)
    before = path.lstat()
    done = observe("--textfile", path, *sh("echo text; exit 3"), timeout=30)
    assert (done.code, done.stdout) == (3, b"text\n")
    assert done.notes.startswith("observe: the metrics are not delivered: ")
    assert why in done.notes
    assert done.notes.count("\n") == 1
    after = path.lstat()
    assert (before.st_ino, before.st_size, before.st_mode) == (
        after.st_ino,
        after.st_size,
        after.st_mode,
    )


def test_a_link_is_followed(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.prom"
    real.parent.mkdir()
    (tmp_path / "x.prom").symlink_to(real)
    for _ in range(2):
        assert observe("--textfile", tmp_path / "x.prom", "--", "true").notes == ""
    assert (tmp_path / "x.prom").is_symlink()
    assert series(real.read_text())['toolroll_runs_total{outcome="ok",tool="true"}'] == 2


@pytest.mark.parametrize("name", ["x", "x.txt", "x.prom.bak", ".prom", "", "x.prom/"])
def test_a_name_that_node_exporter_does_not_read_is_refused(name: str, tmp_path: Path) -> None:
    done = observe("--textfile", name, *sh("echo began"), cwd=tmp_path)
    assert (done.code, done.stdout) == (2, b"") if name != "x.prom/" else done.code in {0, 2}


@pytest.mark.parametrize("size", [0, 5, 512])
def test_a_full_disk_loses_the_metrics_and_nothing_else(size: int, tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    assert observe("--textfile", path, "--", "true").notes == ""
    before = path.read_bytes()
    script = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, "
        f"({size}, {size})); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = argv("observe", "--textfile", path, *sh("exit 3"))
    done = subprocess.run(
        [sys.executable, "-ISc", script, *command], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert done.stderr.endswith(b"observe: the metrics are not delivered: File too large\n")
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {".x.prom.lock", "x.prom"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_node_exporter_may_read_the_file_whatever_the_umask_is(umask: int, tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    for _ in range(2):
        done = observe("--textfile", path, *sh("umask"), umask=umask)
        assert (done.stdout, done.notes) == (f"{umask:04o}\n".encode(), "")
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_who_waits_for_the_lock_is_not_held_up_by_a_dead_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    with observing("--textfile", path, *sh("echo begun; exec sleep 600")) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert observe("--textfile", path, "--", "true").notes == ""
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert series(path.read_text())['toolroll_runs_total{outcome="killed",tool="sh"}'] == 1


def test_node_exporter_reads_the_files_of_several_commands_without_an_error(tmp_path: Path) -> None:
    for command in ("true", "false", "true"):
        done = observe("--textfile", tmp_path / f"{command}.prom", "--", command)
        assert done.notes == ""
    observe("--textfile", tmp_path / "true.prom", *sh(RECORDS + "; echo x >>$TOOLROLL_LOG"))
    checked = promtool("check", "metrics", stdin=(tmp_path / "true.prom").read_text())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    with node_exporter(tmp_path) as server:
        found = series(server.get("/metrics"))
        assert "level=error" not in server.log()
    assert found["node_textfile_scrape_error"] == 0
    assert found['toolroll_runs_total{outcome="ok",tool="true"}'] == 2
    assert found['toolroll_runs_total{outcome="failed",tool="false"}'] == 1
    assert found['toolroll_invalid_lines_total{tool="sh"}'] == 1


def test_a_second_file_with_the_same_series_is_named_as_node_exporter_would(tmp_path: Path) -> None:
    (tmp_path / "strange.prom").write_text("node_load1 3\n")
    os.mkfifo(tmp_path / "pipe.prom")
    (tmp_path / "mixed.prom").write_text("node_load2 3\n")
    assert observe("--textfile", tmp_path / "a.prom", "--", "true").notes == ""
    done = observe("--textfile", tmp_path / "b.prom", "--", "true")
    assert done.notes == (
        f"observe: {tmp_path / 'a.prom'}: has series that b.prom has, too: "
        "node_exporter drops one of them\n"
    )
    (tmp_path / "pipe.prom").unlink()
    with node_exporter(tmp_path) as server:
        server.get("/metrics")
        assert "was collected before with the same name and label values" in server.log()
