"""Following one container: over cuts, rotations, restarts and outages."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from k8s_toolbox.background import heard
from k8s_toolbox.cluster import Cluster
from k8s_toolbox.containers import Target
from k8s_toolbox.kubeconfigs import choose
from k8s_toolbox.names import find_pod
from k8s_toolbox.reading import Reading
from k8s_toolbox.wanted import Away, Back, Item, Wanted
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.kube_api import Answer, Asked, Cut, KubeApi, random_budget
from tests.support.kube_objects import after, pod, running, terminated
from tests.support.kube_state import NS, Log, now_ns, status
from tests.support.waiting import until

RATE = 1000


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something while the block runs; what fails in it is raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join()
    if failed:
        raise failed[0]


def end(api: KubeApi, log: Log, name: str = "web-0") -> None:
    """End a container, as a node and the API see it."""
    api.pods.put(pod(name, terminated("app"), phase="Succeeded"))
    log.end()


def restart(api: KubeApi, log: Log, number: int = 1, name: str = "web-0") -> None:
    """End a container and start it anew."""
    log.restart()
    api.pods.put(pod(name, after(running("app", restarts=number), 1)))


def numbers(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


@pytest.fixture
def log(api: KubeApi) -> Log:
    api.pods.put(pod("web-0"))
    return api.log("team-a", "web-0")


def write_at_a_rate(log: Log, over: threading.Event) -> int:
    """Write numbered lines, `RATE` in a second, until it is over; return how many."""
    began, done = time.monotonic(), 0
    while not over.is_set():
        due = int((time.monotonic() - began) * RATE)
        log.write(*(f"line {number}" for number in range(done, due)))
        done = due
        time.sleep(0.005)
    return done


def cut_at_random(api: KubeApi, how: str, times: int) -> None:
    """Cut a log that is followed, each time after it was asked for again."""
    source = random.Random(7)  # noqa: S311 - it decides about cuts
    for number in range(1, times + 1):
        until(lambda number=number: follows(api) == number and api.streaming > 0)  # type: ignore[misc] # it is an int
        time.sleep(source.uniform(0, 0.1))
        if how == "torn":
            api.tear()
        else:
            api.cut(reset=how == "reset")


def follows(api: KubeApi) -> int:
    return sum("follow" in one.query for one in api.asked)


@pytest.mark.parametrize(("how", "cuts"), [("reset", 100), ("closed", 40), ("torn", 40)])
def test_a_log_of_1000_lines_a_second_that_is_cut_at_random_comes_once_and_in_order(
    api: KubeApi, log: Log, toolbox: Toolbox, how: str, cuts: int
) -> None:
    over = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        written = write_at_a_rate(log, over)

    def work() -> None:
        with meanwhile(write):
            try:
                cut_at_random(api, how, cuts)
                until(lambda: follows(api) == cuts + 1)
            finally:
                over.set()
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "--follow")
    assert (done.code, done.stdout) == (0, numbers(written))
    assert follows(api) > cuts
    assert "reconnecting" in done.stderr
    assert "missing" not in done.stderr


def until_it_follows(api: KubeApi) -> None:
    """Return when all that there is was sent to who follows it."""
    log = api.log("team-a", "web-0")
    until(lambda: api.streaming > 0 and log.sent == len(log.lines))


def test_it_goes_on_where_it_was_when_the_server_is_started_again(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0", "line 1")

    def work() -> None:
        until_it_follows(api)
        api.stop()
        cut(api)
        log.write("line 2", "line 3")
        api.start()
        until_it_follows(api)
        log.write("line 4")
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f")
    assert done.stdout == numbers(5)
    assert "reconnecting" in done.stderr
    assert "reconnected, no line is lost" in done.stderr


def cut(api: KubeApi) -> None:
    """Cut all streams, when what they have sent has been read."""
    api.log("team-a", "web-0").sent = -1
    api.cut(reset=False)


def cut_log(api: KubeApi, meantime: Callable[[], None]) -> None:
    """Cut all streams, and let something happen before the log can be asked for again."""
    may_go_on = threading.Event()

    def fault(asked: Asked) -> Answer | None:
        if asked.path.endswith("/log") or asked.path.endswith("/web-0"):
            may_go_on.wait(30)
        return None

    until_it_follows(api)
    api.fault = fault
    cut(api)
    meantime()
    may_go_on.set()


def test_the_rest_of_a_container_that_ends_while_we_are_away_comes(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def meantime() -> None:
        log.write("line 1", "line 2")
        end(api, log)

    with meanwhile(lambda: cut_log(api, meantime)):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(3))


def test_the_rest_of_a_container_that_is_restarted_while_we_are_away_comes(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def meantime() -> None:
        log.write("line 1")
        restart(api, log)
        log.write("of the next one")

    with meanwhile(lambda: cut_log(api, meantime)):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(2))
    assert "missing" not in done.stderr


def test_the_next_container_is_not_taken_for_this_one_where_the_status_lags_behind(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def meantime() -> None:
        log.write("line 1")
        log.restart()
        log.write("of the next one")

    with meanwhile(lambda: cut_log(api, meantime)):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(2))
    assert "missing" not in done.stderr


def test_it_waits_for_a_status_that_lags_behind_the_end_of_the_log(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0", "line 1")
    log.end()

    def work() -> None:
        until(lambda: sum(path.endswith("/log") for path in api.paths()) > 2)
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout, done.stderr) == (0, numbers(2), "")


def test_a_pod_that_is_deleted_while_we_are_away_is_said_to_miss_lines(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")
    with meanwhile(lambda: cut_log(api, lambda: api.pods.delete("team-a", "web-0"))):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(1))
    assert "lines may be missing" in done.stderr


def test_another_pod_of_the_same_name_is_not_taken_for_this_one(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def meantime() -> None:
        api.pods.put(pod("web-0", uid="another"))
        log.write("of another pod")

    with meanwhile(lambda: cut_log(api, meantime)):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(1))
    assert "lines may be missing" in done.stderr


def test_a_deleted_pod_ends_it_quietly_with_a_last_line_that_has_no_end(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0", "bye")
    log.open_line = True
    log.end()
    first = True

    def fault(asked: Asked) -> Answer | None:
        nonlocal first
        if asked.path.endswith("/web-0") and not first:
            api.pods.delete("team-a", "web-0")
        first = False
        return None

    api.fault = fault
    done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout, done.stderr) == (0, "line 0\nbye", "")


def test_a_rotation_that_ends_the_stream_does_not_end_it(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def work() -> None:
        until_it_follows(api)
        log.rotate(then="end")
        log.write("line 1")
        until(lambda: sum(path.endswith("/log") for path in api.paths()) > 1)
        until_it_follows(api)
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(2))
    assert "the log ended before the container did; reconnecting" in done.stderr
    assert "lines may be missing, its log was rotated" in done.stderr


def test_a_rotation_that_the_server_goes_on_over_is_not_told(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")

    def work() -> None:
        until_it_follows(api)
        log.rotate(then="go on")
        log.write("line 1")
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout, done.stderr) == (0, numbers(2), "")


@pytest.mark.parametrize("tail", [0, 1, 3, 50, -1])
def test_a_tail_is_followed_over_a_cut(api: KubeApi, log: Log, toolbox: Toolbox, tail: int) -> None:
    log.write(*(f"line {number}" for number in range(10)))

    def work() -> None:
        until_it_follows(api)
        cut(api)
        until(lambda: sum("follow" in one.query for one in api.asked) > 1)
        log.write("line 10")
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f", "--tail", tail)
    shown = 10 if tail in {-1, 50} else tail
    assert done.stdout == "".join(f"line {one}\n" for one in range(10 - shown, 11))
    assert "missing" not in done.stderr


def test_a_cut_before_anything_was_written_loses_nothing(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    def meantime() -> None:
        log.write("line 0", "line 1")
        end(api, log)

    with meanwhile(lambda: cut_log(api, meantime)):
        done = toolbox("logs", "web-0", "-f", "--tail", 0)
    assert (done.code, done.stdout) == (0, numbers(2))


@pytest.mark.parametrize("seed", range(4))
def test_equal_stamps_are_counted(api: KubeApi, log: Log, toolbox: Toolbox, seed: int) -> None:
    moment = now_ns() - 5 * NS
    for number in range(400):
        log.write(f"line {number}", stamp=moment + number // 50)
    end(api, log)
    budget, cuts = random_budget(seed, 14_000), 0

    def some(asked: Asked) -> int | None:
        nonlocal cuts
        cuts += 1
        return budget(asked) if cuts < 4 else None

    api.budget = some
    done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(400))


def test_equal_stamps_before_the_first_line_of_a_tail_are_not_shown(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write(*(f"line {number}" for number in range(10)), stamp=now_ns())
    end(api, log)
    done = toolbox("logs", "web-0", "-f", "--tail", 3)
    assert done.stdout == "line 7\nline 8\nline 9\n"


@pytest.mark.parametrize("option", ["--since", "--since-time"])
def test_since_is_kept_over_a_cut(api: KubeApi, log: Log, toolbox: Toolbox, option: str) -> None:
    log.write("too old", stamp=now_ns() - 3600 * NS)
    log.write("line 0", stamp=now_ns() - 60 * NS)
    log.write("line 1")
    api.budget = lambda _asked: 45 if len(api.asked) < 3 else None

    def work() -> None:
        until(lambda: sum(path.endswith("/log") for path in api.paths()) > 1)
        end(api, log)

    instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f", option, "10m" if option == "--since" else instant)
    assert (done.code, done.stdout) == (0, numbers(2))


def test_a_refusal_while_we_are_away_that_passes_is_borne(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")
    refused = status(403, "Forbidden", 'pods "web-0" is forbidden: User "us" cannot get')
    left = 3

    def fault(_asked: Asked) -> Answer | None:
        nonlocal left
        left -= 1
        if left >= 0:
            return 403, refused, {}
        end(api, log)
        return None

    def work() -> None:
        until_it_follows(api)
        api.fault = fault
        cut(api)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(1))


@pytest.mark.parametrize("code", [403, 401, 400])
def test_a_refusal_at_the_start_ends_it(
    api: KubeApi, log: Log, toolbox: Toolbox, code: int
) -> None:
    log.write("line 0")
    answer: Answer = code, status(code, "No", "not so"), {}
    api.fault = lambda asked: answer if asked.path.endswith("/log") else None
    done = toolbox("logs", "web-0", "-f")
    assert done.code == (1 if code == 400 else 77)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


def test_a_first_connection_that_breaks_is_tried_again(
    api: KubeApi, log: Log, toolbox: Toolbox
) -> None:
    log.write("line 0")
    end(api, log)
    cuts = 2

    def fault(asked: Asked) -> Answer | None:
        nonlocal cuts
        if asked.path.endswith("/log") and cuts:
            cuts -= 1
            raise Cut
        return None

    api.fault = fault
    done = toolbox("logs", "web-0", "-f")
    assert (done.code, done.stdout) == (0, numbers(1))


def reading_of(api: KubeApi, *, idle: float) -> Reading:
    """Return what reads web-0's log, impatiently."""
    chosen = choose({"KUBECONFIG": str(api.kubeconfig)}, kubeconfig=None, context=None)
    cluster = Cluster(chosen, timeout=0.5)
    found = find_pod(cluster, "team-a", "web-0")
    target = Target("team-a", "web-0", "app")
    return Reading(cluster, target, Wanted(follow=True), found, idle=idle)


def lines_of(items: list[Item]) -> list[bytes]:
    return [record.line for item in items if isinstance(item, list) for record in item]


def test_a_rotation_after_which_the_stream_is_silent_is_found_out(api: KubeApi, log: Log) -> None:
    log.write("line 0")

    def work() -> None:
        until_it_follows(api)
        log.rotate(then="stall")
        log.write("line 1")
        log.sent = -1
        until_it_follows(api)
        end(api, log)

    with meanwhile(work):
        items = list(reading_of(api, idle=0.5))
    assert lines_of(items) == [b"line 0", b"line 1"]
    assert Back(is_broken=True) in items


def test_silence_is_no_outage(api: KubeApi, log: Log) -> None:
    def work() -> None:
        until(lambda: sum(path.endswith("/log") for path in api.paths()) > 3)
        end(api, log)

    with meanwhile(work):
        assert list(reading_of(api, idle=0.1)) == []


def test_a_server_that_begins_to_answer_with_the_first_line_is_waited_for(
    api: KubeApi, log: Log
) -> None:
    left = 3

    def fault(asked: Asked) -> Answer | None:
        nonlocal left
        if asked.path.endswith("/log") and left:
            left -= 1
            threading.Event().wait(0.6)
            raise Cut
        return None

    api.fault = fault
    log.write("line 0")
    reading = reading_of(api, idle=0.2)
    end(api, log)
    assert lines_of(list(reading)) == [b"line 0"]


def test_a_server_that_accepts_and_never_answers_is_said_to_be_away(api: KubeApi, log: Log) -> None:
    log.write("line 0")
    stalled = True

    def fault(_asked: Asked) -> Answer | None:
        if stalled:
            threading.Event().wait(0.8)
            raise Cut
        return None

    items = iter(reading_of(api, idle=0.3))
    assert lines_of([next(items)]) == [b"line 0"]
    api.fault = fault
    away = next(items)
    assert isinstance(away, Away)
    assert "does not answer in time" in away.why
    stalled = False
    log.write("line 1")
    end(api, log)
    assert lines_of(list(items)) == [b"line 1"]


def test_each_log_and_each_reconnect_is_one_record(
    api: KubeApi, log: Log, toolbox: Toolbox, tmp_path: Path
) -> None:
    log.write("line 0")

    def work() -> None:
        until_it_follows(api)
        until(lambda: log.sent == 1)
        api.cut()
        until(lambda: follows(api) == 2)
        log.write("line 1")
        until(lambda: log.sent == 2)
        end(api, log)

    with meanwhile(work):
        done = toolbox("logs", "web-0", "-f", "--log-json", tmp_path / "log")
    assert done.stdout == numbers(2)
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    ours = [one for one in records if one["target"] == "team-a/web-0/app"]
    assert [(one["action"], one["ok"]) for one in ours] == [("reconnect", True), ("log", True)]
    assert (ours[-1]["lines"], ours[-1]["bytes"]) == (2, len(done.stdout))


def test_a_log_that_nobody_reads_any_more_is_left_alone(api: KubeApi, log: Log) -> None:
    log.write("line 0")
    items = heard(reading_of(api, idle=60))
    assert isinstance(next(items), list)
    readers = {one for one in threading.enumerate() if one.name.endswith("(_read)")}
    assert readers
    api.stop()
    next(items)
    items.close()  # type: ignore[attr-defined] # it is a generator
    until(lambda: not any(one.is_alive() for one in readers))
    api.start()
