"""What `observe serve` remembers, and what happens where it cannot."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.observe.logs import record
from tests.observe.servers import append, serving, started
from tests.support.commands import argv, run
from tests.support.nginx import free_port
from tests.support.waiting import until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.json"
    append(path, record())
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "serve.json"


def test_nothing_is_beside_the_state_but_its_lock_also_after_a_kill(log: Path, state: Path) -> None:
    for _ in range(2):
        with serving(log, state=state) as serve:
            assert serve.counted() == 1
            serve.end(signal.SIGKILL)
    with serving(log, state=state) as serve:
        serve.end()
    assert sorted(path.name for path in log.parent.iterdir()) == [
        "app.json",
        "serve.json",
        "serve.json.lock",
    ]


@pytest.mark.parametrize("name", ["serve.json.d", ".serve.json.cursors"])
def test_somebody_elses_folder_is_left_alone(name: str, log: Path, state: Path) -> None:
    theirs = log.parent / name / "theirs"
    theirs.parent.mkdir()
    theirs.write_text("precious")
    command = argv("observe", "serve", "--log", log, "--state", state, "--listen", "127.0.0.1:0")
    if name.startswith("."):
        done = run("observe", *command[3:])
        assert done.code == 2
        assert done.stderr == f"observe: --state {state}: {theirs.parent}: File exists\n"
    else:
        with started(command) as serve:
            serve.end()
    assert theirs.read_text() == "precious"


def test_a_link_where_its_folder_would_be_is_not_followed(log: Path, state: Path) -> None:
    theirs = log.parent / "theirs"
    theirs.mkdir()
    (theirs / "0").write_text("precious")
    (log.parent / ".serve.json.cursors").symlink_to(theirs)
    done = run("observe", "serve", "--log", log, "--state", state, "--listen", "127.0.0.1:0")
    assert done.code == 2
    assert (theirs / "0").read_text() == "precious"


VALID = {"format": "observe-state", "version": 1, "cursors": {}, "metrics": ""}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ("{}", "it has no 'format'"),
        ("[" * 100_000, "maximum recursion"),
        (json.dumps({**VALID, "version": 2}), "it is another program's or version's"),
        (json.dumps({**VALID, "format": "logtools-cursor"}), "it is another program's"),
        (json.dumps({**VALID, "metrics": "up 1\n"}), "up is not ours"),
        (json.dumps({**VALID, "metrics": "toolroll_actions_total{"}), ""),
        (json.dumps({**VALID, "cursors": []}), "'list' object has no attribute"),
    ],
)
def test_a_state_that_is_none_is_refused_and_stays(
    text: str, why: str, log: Path, state: Path
) -> None:
    state.write_text(text)
    done = run("observe", "serve", "--log", log, "--state", state, "--listen", "127.0.0.1:0")
    assert (done.code, done.stdout) == (65, "")
    assert f"{state}: not a state of this version: {why}" in done.stderr
    assert done.stderr.endswith("; remove it to count from the logs' beginnings\n")
    assert state.read_text() == text


def test_a_cursor_that_is_none_is_told_by_health_and_nothing_counts_twice(
    log: Path, state: Path
) -> None:
    state.write_text(json.dumps({**VALID, "cursors": {str(log): "broken"}}))
    with serving(log, state=state) as serve:
        assert serve.counted() == 0
        status, found = serve.health()
    assert status == 503
    assert "not a cursor of this version" in found["reason"]


def test_a_folder_is_no_state(log: Path, tmp_path: Path) -> None:
    done = run("observe", "serve", "--log", log, "--state", tmp_path, "--listen", "127.0.0.1:0")
    assert (done.code, done.stderr) == (2, f"observe: --state {tmp_path}: Is a directory\n")


def test_the_second_one_with_a_state_has_to_try_later(log: Path, state: Path) -> None:
    with serving(log, state=state) as serve:
        done = run("observe", "serve", "--log", log, "--state", state, "--listen", "127.0.0.1:0")
        assert done.code == 75
        assert done.stderr == f"observe: {state}.lock: another observe has it\n"
        assert serve.counted() == 1


def test_the_folder_of_a_state_is_made(log: Path, tmp_path: Path) -> None:
    state = tmp_path / "a" / "b" / "serve.json"
    with serving(log, state=state) as serve:
        assert serve.counted() == 1
    assert state.exists()


def _counted(log: Path, port: int, **settings: str) -> float:
    command = argv("observe", "serve", "--log", log, "--listen", f"127.0.0.1:{port}")
    with started(command, settings=settings) as serve:
        return serve.counted()


def test_without_a_state_it_is_kept_at_home_for_each_address(log: Path, tmp_path: Path) -> None:
    port = free_port()
    home = {"XDG_STATE_HOME": "", "HOME": str(tmp_path)}
    assert _counted(log, port, **home) == 1
    more = log.with_name("more.json")
    append(more, record())
    command = argv("observe", "serve", "--log", log, more, "--listen", f"127.0.0.1:{port}")
    with started(command, settings=home) as serve:
        assert serve.counted() == 2, "one log more does not count the others again"
    assert len(list((tmp_path / ".local/state/toolroll/observe").glob("serve-*.json"))) == 1


def test_without_a_home_it_asks_for_a_state(log: Path) -> None:
    done = run("observe", "serve", "--log", log, HOME="", XDG_STATE_HOME="")
    assert (done.code, done.stderr) == (
        2,
        "observe: --state: where? There is no HOME with room for it\n",
    )


def test_while_the_disk_is_full_nothing_new_counts_and_then_all_does(
    log: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        with serving(log, state=disk / "serve.json") as serve:
            assert serve.counted() == 1
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file:
                until(lambda: _is_full(file.write))
            append(log, record(), record())
            assert serve.counted() == 1
            status, found = serve.health()
            assert (status, "No space left on device" in found["reason"]) == (503, True)
            filler.unlink()
            assert serve.counted() == 3
            assert serve.health()[0] == 200
        with serving(log, state=disk / "serve.json") as serve:
            assert serve.counted() == 3
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _is_full(write: Callable[[bytes], object]) -> bool:
    try:
        write(b"x" * 512)
    except OSError:
        return True
    return False
