"""Signals, kill -9, a second image-pruner, and who reads our output, in the middle of the work."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.commands import Finished, argv, environment
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.journals import records_in
from tests.support.socket_proxy import Proxy
from tests.support.waiting import until_it_ends_by, until_it_waits_in_poll

PROMPTLY_S = 5
BASE = layer("base", 20_000)
SELECTED = ("--older-than", "365")


def old(number: int, *tags: str) -> Made:
    """An old image with a layer of its own; the lower the number, the sooner it is deleted."""
    layers = (BASE, layer(f"top{number}", 1000 + number))
    return Made(tags or (f"app:{number}",), layers, f"2020-01-{number:02}T00:00:00Z")


class Held:
    """A request that a proxy holds back until it is told to go on."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.goes_on = threading.Event()

    def __call__(self) -> None:
        self.came.set()
        self.goes_on.wait()


def begin(*options: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    command = argv("image_pruner", "--yes", *SELECTED, *options)
    return subprocess.Popen(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment({})
    )


def end(command: "subprocess.Popen[str]") -> Finished:
    stdout, stderr = command.communicate(timeout=60)
    return Finished(code=command.returncode, stdout=stdout or "", stderr=stderr)


SIGNALS = pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)


@SIGNALS
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_signal_lets_the_image_in_hand_be_finished_and_tells_what_was_done(
    engine: Engine, proxy: Proxy, number: int, code: int, word: str, options: list[str]
) -> None:
    ids = engine.load(*(old(number) for number in range(1, 5)))
    held = Held()
    proxy.before("DELETE", f"/images/{ids[1]}", held)
    command = begin(*options)
    assert held.came.wait(30)
    command.send_signal(number)
    until_it_waits_in_poll(command.pid)
    assert command.poll() is None, "it did not wait for the daemon's answer"
    held.goes_on.set()
    done = end(command)
    assert done.code == code
    assert engine.ids() == {*ids[2:]}
    assert "deleted 2 of 4 images (4 planned): predicted" in done.stderr
    assert "not tried: 2 images\n" in done.stderr
    assert done.stderr.endswith(f"image-pruner: {word}\n")
    if options:
        assert done.json["deleted"] == ids[:2]
        assert done.json["freed_bytes"] == 1001 + 1002
        assert [one["rule"] for one in done.json["images"]].count("stopped") == 2


@SIGNALS
def test_a_signal_between_tags_of_an_image_leaves_none_half_done(
    engine: Engine, proxy: Proxy, number: int, code: int, word: str
) -> None:
    del word
    engine.load(old(1, "app:1", "app:2", "app:3"), old(2, "web:2"))
    held = Held()
    proxy.before("DELETE", "/images/app:", held)
    command = begin()
    assert held.came.wait(30)
    command.send_signal(number)
    until_it_waits_in_poll(command.pid)
    held.goes_on.set()
    assert end(command).code == code
    assert engine.tags() == {"web:2"}


@SIGNALS
def test_a_second_signal_ends_at_once(
    engine: Engine, proxy: Proxy, number: int, code: int, word: str
) -> None:
    ids = engine.load(old(1), old(2))
    held = Held()
    proxy.before("DELETE", f"/images/{ids[0]}", held)
    command = begin()
    assert held.came.wait(30)
    command.send_signal(number)
    until_it_waits_in_poll(command.pid)
    until_it_ends_by(number, command)
    _, stderr = command.communicate(timeout=PROMPTLY_S)
    held.goes_on.set()
    assert command.returncode == code
    assert stderr.endswith(f"image-pruner: {word}\n")
    assert ids[1] in engine.ids()


@SIGNALS
def test_a_signal_while_the_daemon_measures_does_not_hide_what_was_done(
    engine: Engine, proxy: Proxy, number: int, code: int, word: str
) -> None:
    ids = engine.load(old(1), old(2))
    held = Held()
    proxy.before("DELETE", f"/images/{ids[1]}", lambda: proxy.before("GET", "/system/df", held))
    command = begin("--json")
    assert held.came.wait(30)
    command.send_signal(number)
    done = end(command)
    held.goes_on.set()
    assert done.code == code
    assert set(done.json["deleted"]) == {*ids}
    assert done.json["freed_bytes"] is None
    assert "deleted 2 of 2 images" in done.stderr
    assert done.stderr.endswith(f"image-pruner: {word}\n")


@pytest.mark.parametrize("moment", range(1, 21))
def test_a_signal_at_any_moment_is_heard_and_nothing_is_told_wrongly(
    engine: Engine, proxy: Proxy, moment: int
) -> None:
    """A moment is a request: the signal comes before it is passed on."""
    ids = engine.load(old(1), old(2, "app:2", "web:2"), old(3))
    number, code = [(signal.SIGINT, 130), (signal.SIGTERM, 143)][moment % 2]
    count, lock = [0], threading.Lock()
    begun: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def strike() -> None:
        with lock:
            count[0] += 1
            mine = count[0] == moment
        if mine:
            assert started.wait(30)
            begun[0].send_signal(number)

    for method in ("GET", "DELETE"):
        proxy.before(method, "", strike, once=False)
    begun.append(begin("--json"))
    started.set()
    done = end(begun[0])
    gone = {*ids} - engine.ids()
    if count[0] < moment:  # it was done before that
        assert done.code == 0
        assert gone == {*ids}
        return
    assert done.code == code, done.stderr
    assert done.stderr.endswith(("interrupted\n", "terminated\n"))
    assert {*done.json["deleted"]} == gone if done.stdout else not gone
    assert engine.tags() & {"app:2", "web:2"} in ({"app:2", "web:2"}, set())


def test_after_a_kill_in_the_middle_a_second_run_goes_on(engine: Engine, proxy: Proxy) -> None:
    ids = engine.load(*(old(number) for number in range(1, 5)))
    held = Held()
    proxy.before("DELETE", f"/images/{ids[2]}", held)
    command = begin()
    assert held.came.wait(30)
    command.kill()
    assert end(command).code == -signal.SIGKILL
    held.goes_on.set()
    again = end(begin("--json"))
    assert again.code == 0
    assert {ids[3]} <= {*again.json["deleted"]} <= {*ids[2:]}
    assert engine.ids() == set()


@pytest.mark.parametrize("_again", range(3))
def test_two_at_once_end_well_and_count_each_image_once(
    engine: Engine, proxy: Proxy, _again: int
) -> None:
    images = [old(number, f"app:{number}", f"web:{number}") for number in range(1, 13)]
    ids = engine.load(*images)
    both = threading.Barrier(2, timeout=30)
    for _ in range(2):
        proxy.before("DELETE", "/images/", lambda: (both.wait(), None)[1])
    first, second = (end(one) for one in (begin("--json"), begin("--json")))
    for done in (first, second):
        assert done.code == 0, done.stderr
        assert done.json["failed"] == []
    deleted = first.json["deleted"] + second.json["deleted"]
    assert len(deleted) == len({*deleted})
    assert {*deleted} <= {*ids}  # of one that both delete at once, a busy dockerd may tell neither
    assert len(deleted) >= len(ids) - 2
    assert engine.ids() == set()


def test_who_closes_its_output_does_not_stop_it(engine: Engine, proxy: Proxy) -> None:
    engine.load(*(old(number) for number in range(1, 4)))
    reader, writer = os.pipe()
    os.close(reader)
    command = begin(stdout=writer)
    os.close(writer)
    done = end(command)
    assert done.code == 0, done.stderr
    assert engine.ids() == set()
    assert "deleted 3 of 3 images" in done.stderr
    assert len(proxy.paths("DELETE")) == 3


def test_head_does_not_stop_it(engine: Engine) -> None:
    engine.load(*(old(number) for number in range(1, 4)))
    command = begin()
    assert command.stdout
    shown = subprocess.run(["head", "-1"], stdin=command.stdout, capture_output=True, check=True)
    assert shown.stdout.count(b"\n") == 1
    assert end(command).code == 0
    assert engine.ids() == set()


@pytest.fixture
def full() -> Path:
    path = Path("/dev/full")
    if not path.exists():
        pytest.skip("needs /dev/full")
    return path


def test_where_the_plan_cannot_be_shown_nothing_is_deleted(
    engine: Engine, proxy: Proxy, full: Path
) -> None:
    ids = engine.load(old(1))
    with full.open("wb") as output:
        done = end(begin(stdout=output.fileno()))
    assert done.code == 1
    assert done.stderr == "image-pruner: stdout: No space left on device\n"
    assert proxy.writes == []
    assert engine.ids() == {*ids}


def test_where_the_document_cannot_be_written_it_is_told_what_was_done(
    engine: Engine, full: Path
) -> None:
    engine.load(old(1))
    with full.open("wb") as output:
        done = end(begin("--json", stdout=output.fileno()))
    assert done.code == 1
    assert "deleted 1 of 1 image" in done.stderr
    assert done.stderr.endswith("image-pruner: stdout: No space left on device\n")


def test_the_log_has_a_record_for_each_image_also_after_a_signal(
    engine: Engine, proxy: Proxy, tmp_path: Path
) -> None:
    ids = engine.load(*(old(number) for number in range(1, 4)))
    held = Held()
    proxy.before("DELETE", f"/images/{ids[0]}", held)
    command = begin("--log-json", str(tmp_path / "log"))
    assert held.came.wait(30)
    command.send_signal(signal.SIGINT)
    until_it_waits_in_poll(command.pid)
    held.goes_on.set()
    assert end(command).code == 130
    *records, run = records_in((tmp_path / "log").read_text())
    done = [(one["action"], one["ok"]) for one in records]
    assert done == [("plan", True), ("delete", True), ("measure", True)]
    assert records[1]["id"] == ids[0]
    assert (run["outcome"], run["exit_code"]) == ("interrupted", 130)
