"""`--watch` as a process: what it prints while things change, and how it ends."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO

import pytest

from tests.support.commands import argv, environment
from tests.support.kube_api import Answer, Asked, KubeApi
from tests.support.kube_objects import after, ago, event, pod, running, terminated
from tests.support.kube_state import status
from tests.support.waiting import until


class Watch:
    """A command that goes on, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.said: list[str] = []
        pairs = ((process.stdout, self.lines), (process.stderr, self.said))
        self._threads = [threading.Thread(target=self._read, args=pair) for pair in pairs]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))  # noqa: PERF401 - others read it meanwhile

    def rows(self, number: int) -> list[list[str]]:
        """Return all rows once there are as many, or more."""
        until(lambda: len(self.lines) >= number or self.process.poll() is not None)
        return [line.split("\t") for line in self.lines]

    def end(self) -> int:
        """Press Ctrl+C; return the exit code when all is read that was written."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        for thread in self._threads:
            thread.join()
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()


Start = Callable[..., Watch]


@pytest.fixture
def start(api: KubeApi) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(*arguments: str) -> Watch:
            process = subprocess.Popen(
                argv("k8s_toolbox", *arguments),
                env=environment({"KUBECONFIG": str(api.kubeconfig)}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            watch = Watch(process)
            stack.callback(watch.close)
            return watch

        yield begin


def watching(api: KubeApi) -> None:
    until(lambda: api.streaming > 0)


UNREADY = running("app", ready=False)


def test_pods_are_shown_and_then_each_change_that_can_be_seen(api: KubeApi, start: Start) -> None:
    api.pods.put(pod("b", age=400 * 86400))
    same = pod("a")
    api.pods.put(same)
    watch = start("pods", "--watch", "--sort-by=-name")
    watching(api)
    api.pods.put(same)  # nothing to see
    api.pods.put(pod("b", UNREADY))
    api.pods.delete("team-a", "a")
    rows = watch.rows(4)
    assert [row[:3] for row in rows] == [
        ["b", "1/1", "Running"],
        ["a", "1/1", "Running"],
        ["b", "0/1", "Running"],
        ["a", "1/1", "Running (deleted)"],
    ]
    assert watch.end() == 130
    assert len(watch.lines) == 4


@pytest.mark.parametrize("as_status", [True, False])
def test_what_changed_or_vanished_while_nobody_looked_is_shown_once(
    api: KubeApi,
    start: Start,
    as_status: bool,  # noqa: FBT001 - both ways
) -> None:
    api.watch_error_as_status = as_status
    loops = after(running("app", ready=False, restarts=4), 1)
    for name in ("changes", "stays", "vanishes"):
        api.pods.put(pod(name))
    api.pods.put(pod("loops", loops))
    watch = start("pods", "--watch", "--json")
    watching(api)
    with api.changed:  # at one instant, for whoever watches
        api.pods.delete("team-a", "vanishes")
        api.pods.put(pod("changes", UNREADY))
        api.pods.put(pod("comes"))
        api.pods.compact()
    api.cut()
    api.pods.put(pod("last"))
    until(lambda: any('"last"' in line for line in watch.lines))
    documents = [json.loads(line) for line in watch.lines[4:]]
    assert [(one["name"], one["ready"], one["deleted"]) for one in documents] == [
        ("vanishes", "1/1", True),
        ("changes", "0/1", False),
        ("comes", "1/1", False),
        ("last", "1/1", False),
    ]
    assert watch.end() == 130


def test_a_pod_of_the_same_name_is_another_one(api: KubeApi, start: Start) -> None:
    api.pods.put(pod("web-0"))
    watch = start("pods", "-w", "--json", "web-0")
    watching(api)
    api.pods.delete("team-a", "web-0")
    api.pods.put(pod("web-0", uid="2"))
    api.pods.put(pod("web-1"))
    found = [json.loads(row[0])["deleted"] for row in watch.rows(3)]
    assert found == [False, True, False]
    assert api.asked[-1].query["fieldSelector"] == "metadata.name=web-0"


def test_several_names_are_watched_together(api: KubeApi, start: Start) -> None:
    for name in ("a", "b", "c"):
        api.pods.put(pod(name))
    watch = start("pods", "-w", "pod/a", "c")
    watching(api)
    api.pods.put(pod("b", UNREADY))
    api.pods.put(pod("c", UNREADY))
    assert [row[:2] for row in watch.rows(3)] == [["a", "1/1"], ["c", "1/1"], ["c", "0/1"]]


def test_problems_are_watched_until_they_are_over(api: KubeApi, start: Start) -> None:
    api.pods.put(pod("well"))
    api.pods.put(pod("ill", UNREADY))
    api.events.put(
        event("e", "Pod/ill", kind="Warning", reason="Unhealthy", message="no", eventTime=ago(1))
    )
    watch = start("pods", "--watch", "--problems")
    watch.rows(1)
    watching(api)
    api.pods.put(pod("well", labels={"a": "b"}))
    api.pods.put(pod("ill"))
    api.pods.put(pod("well", terminated("app", 7), phase="Failed"))
    found = [(row[0], row[-1].split(" 6")[0]) for row in watch.rows(3)]
    assert found == [
        ("ill", "app is not ready: no"),
        ("ill", ""),
        ("well", "app: exit code 7 (Error)"),
    ]
    assert watch.end() == 130


def test_without_events_problems_are_watched_all_the_same(api: KubeApi, start: Start) -> None:
    refusal: Answer = (403, status(403, "Forbidden", "no events for you"), {})
    api.fault = lambda asked: refusal if asked.path.endswith("/events") else None
    api.pods.put(pod("ill", UNREADY))
    watch = start("pods", "--watch", "--problems")
    watch.rows(1)
    watching(api)
    api.pods.put(pod("also", UNREADY))
    assert [row[0] for row in watch.rows(2)] == ["ill", "also"]
    assert watch.end() == 130
    assert len([path for path in api.paths() if path.endswith("/events")]) == 1
    assert len([line for line in watch.said if "without what events say" in line]) == 1


@pytest.mark.parametrize("command", ["pods", "events"])
def test_nothing_to_show_yet_is_said(api: KubeApi, start: Start, command: str) -> None:
    watch = start(command, "--watch")
    watching(api)
    until(lambda: watch.said == [f"k8s-toolbox: no such {command} yet in team-a"])
    api.pods.put(pod("web-0"))
    api.events.put(event("e"))
    watch.rows(1)
    assert len(watch.lines) == 1


@pytest.mark.parametrize("command", ["pods", "events"])
def test_a_namespace_that_is_not_there_is_not_watched(
    api: KubeApi, start: Start, command: str
) -> None:
    watch = start(command, "--watch", "-n", "team-c")
    assert watch.process.wait(30) == 1
    until(lambda: bool(watch.said))
    assert "there is no namespace 'team-c'" in watch.said[0]
    assert api.asked


def test_events_are_shown_sorted_and_then_as_they_come(api: KubeApi, start: Start) -> None:
    api.events.put(event("a", "Pod/new", lastTimestamp=ago(10)))
    api.events.put(event("b", "Pod/old", lastTimestamp=ago(100), count=1))
    watch = start("events", "--watch", "--json", "--types", "normal")
    watching(api)
    api.events.put(event("b", "Pod/old", lastTimestamp=ago(1), count=2))
    api.events.put(event("w", "Pod/bad", kind="Warning", lastTimestamp=ago(1)))
    watch.rows(3)
    with api.changed:
        api.events.delete("team-a", "a")
        api.events.put(event("c", "Pod/missed", lastTimestamp=ago(1)))
        api.events.compact()
    api.cut()
    api.events.put(event("d", "Pod/last", lastTimestamp=ago(0)))
    until(lambda: any("Pod/last" in line for line in watch.lines))
    found = [(one["object"], one["count"]) for one in map(json.loads, watch.lines)]
    assert found == [
        ("Pod/old", 1),
        ("Pod/new", 1),
        ("Pod/old", 2),
        ("Pod/missed", 1),
        ("Pod/last", 1),
    ]
    assert watch.end() == 130


def test_a_cut_is_said_once_however_often_it_is_tried_again(api: KubeApi, start: Start) -> None:
    api.pods.put(pod("a"))
    watch = start("pods", "-w")
    watching(api)
    busy: Answer = (500, status(500, "InternalError", "etcd is away"), {})
    api.fault = lambda _: busy
    api.cut()
    asked = len(api.asked)
    until(lambda: len(api.asked) > asked + 3)
    api.fault = lambda _: None
    api.pods.put(pod("b"))
    assert [row[0] for row in watch.rows(2)] == ["a", "b"]
    assert watch.end() == 130
    assert len([line for line in watch.said if "etcd is away" in line]) == 1
    *cuts, last = watch.said
    assert all(line.endswith("; going on") for line in cuts)
    assert last == "k8s-toolbox: interrupted"


PHASES = ["connecting", "listing", "between pages", "watching", "waiting to try again"]


@pytest.mark.parametrize("command", ["pods", "events"])
@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_ends_it_at_once_in_every_phase(
    api: KubeApi, start: Start, command: str, phase: str
) -> None:
    hanging, release = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Answer | None:
        watches = "watch" in asked.query
        if phase == "watching" or (watches and phase != "waiting to try again"):
            return None
        if phase == "waiting to try again":
            hanging.set()
            return (500, status(500, "InternalError", "away"), {}) if watches else None
        if phase == "between pages" and "continue" not in asked.query:
            page = {"metadata": {"continue": "1.1", "resourceVersion": "1"}, "items": []}
            return 200, json.dumps(page).encode(), {}
        hanging.set()
        release.wait(60)
        return None

    api.pods.put(pod("a"))
    api.events.put(event("a"))
    api.fault = hang
    watch = start(command, "--watch")
    if phase == "watching":
        watching(api)
    elif phase == "waiting to try again":
        until(lambda: len(api.asked) > 4)
    else:
        hanging.wait(30)
    try:
        assert watch.end() == 130
    finally:
        release.set()


def test_a_reader_that_leaves_ends_it_with_the_next_row(api: KubeApi) -> None:
    api.pods.put(pod("a"))
    command = " ".join(argv("k8s_toolbox", "pods", "-w"))
    environ = environment({"KUBECONFIG": str(api.kubeconfig)})
    shell = subprocess.Popen(
        ["/bin/sh", "-c", f"{command} | head -1"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with shell:
        watching(api)
        numbers = iter(range(10_000))

        def has_ended() -> bool:
            api.pods.put(pod(f"b-{next(numbers)}"))
            return shell.poll() is not None

        until(has_ended)
        assert shell.stdout is not None
        assert shell.stderr is not None
        assert shell.stdout.read().startswith("a\t")
        assert shell.stderr.read() == ""
