"""`k8s-toolbox logs` as a user has it: kubectl's bytes, signals, exit codes."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s_toolbox.conftest import Toolbox
from tests.support.commands import argv
from tests.support.kube_api import Answer, Asked, KubeApi
from tests.support.kube_objects import after, pod, running, terminated, waiting
from tests.support.kube_state import NS, now_ns
from tests.support.waiting import until

KUBECTL = Path(sys.executable).with_name("kubectl")


def kubectl(*arguments: object) -> bytes:
    found = KUBECTL if KUBECTL.exists() else shutil.which("kubectl")
    if not found:
        pytest.skip("needs kubectl, the oracle")
    done = subprocess.run([str(found), *map(str, arguments)], capture_output=True, check=True)
    return done.stdout


@pytest.fixture
def written(api: KubeApi) -> KubeApi:
    """A pod whose log has all that makes trouble."""
    api.pods.put(pod("web-0", after(running("app", restarts=1), 1)))
    log = api.log("team-a", "web-0")
    log.write("of the one before")
    log.restart()
    log.write("old", stamp=now_ns() - 3600 * NS)
    log.write("same", "same", "also", stamp=now_ns() - 100 * NS)
    log.write("", b"\xff\xfe\x00", b"\x1b[31mred\x1b[0m\r", "ünï", "  ", "no end")
    log.open_line = True
    return api


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--tail", 0),
        ("--tail", 1),
        ("--tail", 3),
        ("--tail", -1),
        ("--since", "10m"),
        ("--since-time", "2001-01-01T00:00:00Z"),
        ("--timestamps",),
        ("--timestamps", "--tail", 2),
        ("--previous",),
        ("-c", "app"),
    ],
)
@pytest.mark.usefixtures("written")
def test_the_bytes_are_those_of_kubectl(options: tuple[object, ...]) -> None:
    wanted = kubectl("logs", "web-0", *options)
    done = subprocess.run(
        argv("k8s_toolbox", "logs", "web-0", *options), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, wanted, b"")


def test_a_log_that_is_cut_is_read_to_its_end(written: KubeApi, toolbox: Toolbox) -> None:
    whole = toolbox("logs", "web-0", "--tail", 5, "--json").stdout
    cuts = iter([20, 100, 150])
    written.budget = lambda _asked: next(cuts, None)
    done = toolbox("logs", "web-0", "--tail", 5, "--json")
    assert (done.code, done.stdout) == (0, whole)
    assert "reconnecting" in done.stderr


def test_an_empty_log_is_nothing(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    done = toolbox("logs", "web-0")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_lines_of_several_pods_come_in_the_order_of_time(api: KubeApi, toolbox: Toolbox) -> None:
    at = now_ns()
    for number in range(100):
        name = f"web-{number % 3}"
        api.pods.put(pod(name))
        api.log("team-a", name).write(str(number), stamp=at + number)
    done = toolbox("logs", "web-0", "web-1", "web-2", "--no-prefix")
    assert done.stdout == "".join(f"{number}\n" for number in range(100))


def text(body: bytes) -> Callable[[Asked], Answer | None]:
    """Answer for each log with some text."""
    return lambda asked: (200, body, {}) if asked.path.endswith("/log") else None


def test_what_the_node_says_instead_of_lines_is_an_error(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    api.fault = text(b"unable to retrieve container logs for containerd://123")
    done = toolbox("logs", "web-0")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == (
        "k8s-toolbox: app in web-0: unable to retrieve container logs for containerd://123\n"
    )


def test_a_log_without_any_stamps_is_refused_in_few_words(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    api.fault = text(b"<html>\n" * 10_000)
    done = toolbox("logs", "web-0")
    assert (done.code, done.stdout) == (1, "")
    assert "gives its lines no stamps" in done.stderr
    assert done.stderr.count("\n") < 30


def test_a_line_that_never_ends_is_refused(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    api.fault = text(b"x" * (17 << 20))
    done = toolbox("logs", "web-0")
    assert (done.code, done.stdout) == (1, "")
    assert "no end after 16 MiB" in done.stderr


def test_the_rest_of_a_line_that_began_before_since_is_shown(
    api: KubeApi, toolbox: Toolbox
) -> None:
    api.pods.put(pod("web-0"))
    api.fault = text(b"rest of it\n2026-11-22T10:36:58.1Z next\n")
    done = toolbox("logs", "web-0", "--since", "10m")
    assert (done.code, done.stdout) == (0, "rest of it\nnext\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("phase", ["streaming", "waiting", "connecting", "stalled", "selecting"])
def test_a_signal_ends_it_at_once_in_every_phase(
    api: KubeApi, phase: str, number: signal.Signals
) -> None:
    waits = phase == "waiting"
    api.pods.put(pod("web-0", waiting("app", "ContainerCreating") if waits else running("app")))
    never = _silence(api, "" if phase == "connecting" else "/log" if phase == "stalled" else None)
    which = ("-l", "app!=x") if phase == "selecting" else ("web-0",)
    command = argv("k8s_toolbox", "logs", "-f", *which)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ends = {"connecting": "/web-0", "waiting": "/web-0", "selecting": "/pods"}
        until(lambda: any(one.endswith(ends.get(phase, "/log")) for one in api.paths()))
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        took = time.monotonic() - began
    never.set()
    assert process.returncode == 128 + number
    assert out == b""
    word = b"interrupted" if number == signal.SIGINT else b"terminated"
    assert err.splitlines()[-1] == b"k8s-toolbox: " + word
    assert len(err.splitlines()) == (2 if waits and b"waiting" in err else 1)
    assert took < 10  # it would wait for a minute


def _silence(api: KubeApi, ending: str | None) -> threading.Event:
    never = threading.Event()

    def fault(asked: Asked) -> Answer | None:
        if ending is not None and asked.path.endswith(ending):
            never.wait(30)
        return None

    api.fault = fault
    return never


def test_a_reader_that_leaves_ends_it_quietly(api: KubeApi) -> None:
    api.pods.put(pod("web-0"))
    log = api.log("team-a", "web-0")
    log.write(*(f"line {number}" for number in range(20_000)))
    command = argv("k8s_toolbox", "logs", "web-0", "-f")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "which pods?"),
        (("web-0", "-l", "app=web"), 2, "which pods?"),
        (("web-0", "-p", "-f"), 2, "what has ended cannot be followed"),
        (("web-1",), 1, "no pod 'web-1' in team-a; similar: web-"),
        (("web-0", "-c", "side"), 2, "web-0 has no container 'side': app"),
        (("web-0", "--previous"), 1, "it has no previous log"),
        (("web-0", "--grep", "("), 2, "is no regular expression"),
        (("web-0", "--since", "0s"), 2, "is no time at all"),
        (("-l", "no=such"), 0, "no pods with no=such in team-a"),
        (("stuck",), 1, "app in stuck has not started: ImagePullBackOff"),
        (("stuck", "-f"), 1, "app in stuck has not started: ImagePullBackOff"),
        (("web-0", "web-2", "--max-log-requests", "1"), 2, "2 containers are more than 1"),
    ],
)
def test_errors_say_what_to_do(
    api: KubeApi, toolbox: Toolbox, arguments: tuple[str, ...], code: int, said: str
) -> None:
    api.pods.put(pod("web-0"))
    api.pods.put(pod("web-2", terminated("app"), phase="Succeeded"))
    api.pods.put(pod("stuck", waiting("app", "ImagePullBackOff"), phase="Pending"))
    done = toolbox("logs", *arguments)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


def test_a_pod_that_is_missing_among_several_is_said_and_the_others_are_shown(
    api: KubeApi, toolbox: Toolbox
) -> None:
    api.pods.put(pod("web-0"))
    api.log("team-a", "web-0").write("one")
    done = toolbox("logs", "web-0", "web-9")
    assert (done.code, done.stdout) == (1, "[web-0/app] one\n")
    assert done.stderr == "k8s-toolbox: no pod 'web-9' in team-a; similar: web-0\n"


@pytest.mark.parametrize("command", ["pods", "logs"])
def test_what_is_no_pod_is_told_so(api: KubeApi, toolbox: Toolbox, command: str) -> None:
    done = toolbox(command, "deployment/api")
    assert (done.code, done.stdout) == (2, "")
    assert "'deployment/api' is no pod: choose its pods with -l SELECTOR" in done.stderr
    assert api.asked == []
