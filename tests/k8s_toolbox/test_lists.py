"""Lists page by page, and watches that are cut, expire, end, or make no sense."""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import pytest

from k8s_toolbox.cluster import Cluster
from k8s_toolbox.kubeconfigs import choose
from k8s_toolbox.lists import PAGE_SIZE, Changed, Lists, Lost, Snapshot
from k8s_toolbox.models import Pod
from k8s_toolbox.outages import GIVE_UP_S
from k8s_toolbox.queries import Query
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.kube_api import Answer, Asked, Cut, KubeApi
from tests.support.kube_objects import Object, pod
from tests.support.kube_state import status
from tests.support.waiting import until

QUERY = Query("list", "pods", "team-a")
Item = Snapshot[Pod] | Changed[Pod] | Lost


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lists(api: KubeApi, clock: Clock) -> Lists[Pod]:
    return lists_of(api.kubeconfig, clock)


def lists_of(kubeconfig: Path, clock: Clock) -> Lists[Pod]:
    chosen = choose({}, kubeconfig=str(kubeconfig), context=None)
    return Lists(Cluster(chosen, sleep=clock.sleep), Pod, clock=clock, sleep=clock.sleep)


def many(api: KubeApi, number: int) -> list[str]:
    names = [f"p-{one:04}" for one in range(number)]
    for name in names:
        api.pods.put(pod(name))
    return names


def names_of(pods: list[Pod]) -> list[str]:
    return [one.metadata.name for one in pods]


def is_watch(asked: Asked) -> bool:
    return "watch" in asked.query


def told(items: Iterator[Item], number: int) -> list[str]:
    """Return the next items that a user sees, as text."""
    found = []
    for item in items:
        if isinstance(item, Snapshot):
            found.append(" ".join(names_of(item.objects)))
        elif isinstance(item, Changed):
            found.append(f"{item.kind} {item.object.metadata.name}")
        if len(found) == number:
            break
    return found


def test_a_long_list_is_read_in_pages(api: KubeApi, lists: Lists[Pod]) -> None:
    names = many(api, 2 * PAGE_SIZE + 1)
    pods, version = lists.all(QUERY)
    assert names_of(pods) == names
    assert version == str(api.pods.version)
    assert [one.query["limit"] for one in api.asked] == [str(PAGE_SIZE)] * 3
    assert ["continue" in one.query for one in api.asked] == [False, True, True]


def test_a_list_that_ends_with_a_full_page_is_whole(api: KubeApi, lists: Lists[Pod]) -> None:
    names = many(api, PAGE_SIZE)
    assert names_of(lists.all(QUERY)[0]) == names
    assert len(api.asked) == 1


def test_a_page_that_has_expired_begins_the_list_anew(api: KubeApi, lists: Lists[Pod]) -> None:
    names = many(api, PAGE_SIZE + 1)

    def expire_once(asked: Asked) -> Answer | None:
        if "continue" in asked.query and not api.pages_expire_before:
            api.pods.delete("team-a", "p-0000")
            api.pages_expire_before = api.pods.version
        return None

    api.fault = expire_once
    assert names_of(lists.all(QUERY)[0]) == names[1:]


def test_a_list_whose_pages_always_expire_is_an_error(api: KubeApi, toolbox: Toolbox) -> None:
    many(api, PAGE_SIZE + 1)
    gone: Answer = (410, status(410, "Expired", "too old"), {})
    api.fault = lambda asked: gone if "continue" in asked.query else None
    done = toolbox("pods")
    assert (done.code, done.stdout) == (69, "")
    assert "expired 5 times" in done.stderr


@pytest.mark.parametrize("items", ["null", "[]"])
def test_no_items_are_an_empty_list(api: KubeApi, lists: Lists[Pod], items: str) -> None:
    body = f'{{"kind":"PodList","metadata":{{"resourceVersion":"7"}},"items":{items}}}'
    api.fault = lambda _: (200, body.encode(), {})
    assert lists.all(QUERY) == ([], "7")


def test_an_object_without_a_status_is_shown(api: KubeApi, toolbox: Toolbox) -> None:
    thing = pod("p")
    del thing["status"]
    api.pods.put(thing)
    assert toolbox("pods").stdout.split("\t")[:3] == ["p", "0/1", ""]
    assert toolbox("pods", "--problems").stdout.endswith("\tUnknown: not ready\n")


@pytest.mark.parametrize(
    "body", ["", "<html>", '{"items":[]}', '{"metadata":{},"items":[1]}', "[]"]
)
def test_what_is_no_list_is_told_in_one_line(api: KubeApi, toolbox: Toolbox, body: str) -> None:
    api.fault = lambda _: (200, body.encode(), {"Content-Type": "text/html"})
    done = toolbox("pods")
    assert done.code == 69
    assert done.stderr.startswith("k8s-toolbox: list pods in team-a: the answer is not one of")
    assert done.stderr.count("\n") == 1


def test_a_watch_tells_the_list_and_then_each_change(api: KubeApi, lists: Lists[Pod]) -> None:
    api.pods.put(pod("a"))
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 1) == ["a"]
        api.pods.put(pod("b"))
        api.pods.put(pod("a", phase="Failed"))
        api.pods.delete("team-a", "b")
        assert told(items, 3) == ["ADDED b", "MODIFIED a", "DELETED b"]


def test_a_bookmark_is_where_the_next_watch_begins(api: KubeApi, lists: Lists[Pod]) -> None:
    version = api.pods.put(pod("a", namespace="team-b"))["metadata"]["resourceVersion"]
    with closing(lists.watched(QUERY)) as items:
        told(items, 1)
        beyond = api.pods.version + 3
        api.fault = one_watch(bookmark(beyond))
        api.pods.version = beyond
        api.pods.put(pod("b"))
        assert told(items, 1) == ["ADDED b"]
    watches = [one for one in api.asked if is_watch(one)]
    assert [one.query["resourceVersion"] for one in watches] == [version, str(beyond)]
    assert all(one.query["allowWatchBookmarks"] == "true" for one in watches)


def bookmark(version: int) -> bytes:
    thing = {"kind": "Pod", "metadata": {"resourceVersion": str(version)}}
    return json.dumps({"type": "BOOKMARK", "object": thing}).encode() + b"\n"


class one_watch:  # noqa: N801 - reads as a function
    """A fault: watches get these bodies, one each; then the real thing."""

    def __init__(self, *bodies: bytes, code: int = 200) -> None:
        self.bodies = list(bodies)
        self.code = code

    def __call__(self, asked: Asked) -> Answer | None:
        if not is_watch(asked) or not self.bodies:
            return None
        return self.code, self.bodies.pop(0), {}


GONE = status(410, "Expired", "too old resource version: 1")


@pytest.mark.parametrize(
    ("code", "body"), [(410, GONE), (200, b'{"type":"ERROR","object":%s}\n' % GONE)]
)
def test_a_version_that_has_expired_means_a_new_list(
    api: KubeApi, lists: Lists[Pod], code: int, body: bytes
) -> None:
    api.pods.put(pod("a"))
    api.fault = one_watch(body, code=code)
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 1) == ["a"]
        api.pods.put(pod("b"))
        assert told(items, 1) == ["a b"]
        api.pods.put(pod("c"))
        assert told(items, 1) == ["ADDED c"]


def test_versions_that_always_expire_keep_no_server_busy(
    api: KubeApi, lists: Lists[Pod], clock: Clock
) -> None:
    api.pods.put(pod("a"))
    api.fault = lambda asked: (410, GONE, {}) if is_watch(asked) else None
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 25) == ["a"] * 25
    assert len(clock.slept) == 23
    assert sum(clock.slept[6:]) > 15  # 5 s at most, half of it on average


@pytest.mark.parametrize("reset", [True, False])
def test_a_watch_that_is_cut_goes_on_where_it_was(
    api: KubeApi,
    lists: Lists[Pod],
    reset: bool,  # noqa: FBT001 - both ways
) -> None:
    api.pods.put(pod("a"))
    with closing(lists.watched(QUERY)) as items:
        told(items, 1)
        for number in range(5):
            api.pods.put(pod(f"b-{number}"))
            assert told(items, 1) == [f"ADDED b-{number}"]
            api.cut(reset=reset)
    assert len([one for one in api.asked if not is_watch(one)]) == 1


def test_a_change_that_is_cut_in_the_middle_is_told_once(api: KubeApi, lists: Lists[Pod]) -> None:
    api.pods.put(pod("a"))
    with closing(lists.watched(QUERY)) as items:
        told(items, 1)
        thing = api.pods.put(pod("b"))
        line = json.dumps({"type": "ADDED", "object": thing}).encode()
        api.fault = one_watch(line[:50], line)
        assert told(items, 1) == ["ADDED b"]
        api.pods.put(pod("c"))
        assert told(items, 1) == ["ADDED c"]


def test_a_server_that_ends_each_watch_at_once_is_not_kept_busy_nor_given_up(
    api: KubeApi, lists: Lists[Pod], clock: Clock
) -> None:
    watches = count()

    def end_at_once(asked: Asked) -> Answer | None:
        if not is_watch(asked):
            return None
        if next(watches) == 300:
            api.fault = lambda _: None
            api.pods.put(pod("late"))
        return 200, b"", {}

    api.fault = end_at_once
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 2) == ["", "ADDED late"]
    assert clock.now > 1.5 * GIVE_UP_S  # 5 s at most, half of it on average


def test_quiet_watches_that_end_in_their_time_are_no_trouble(
    api: KubeApi, lists: Lists[Pod], clock: Clock
) -> None:
    def end_in_time(asked: Asked) -> Answer | None:
        if not is_watch(asked):
            return None
        clock.now += float(asked.query["timeoutSeconds"])
        if clock.now > 10 * GIVE_UP_S:
            api.fault = lambda _: None
            api.pods.put(pod("late"))
        return 200, b"", {}

    api.fault = end_in_time
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 2) == ["", "ADDED late"]
    assert clock.slept == []


JUNK = [
    b"<html>\n",
    b'{"type":"ADDED"}\n',
    b'{"type":"ADDED","object":{}}\n',
    b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"9999"},"spec":7}}\n',
    b'{"type":"ERROR","object":7}\n',
    b'{"type":"ERROR","object":{"code":500,"message":"etcd is gone"}}\n',
    b"\n\n",
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_a_watch_loses_nothing(api: KubeApi, lists: Lists[Pod], junk: bytes) -> None:
    api.pods.put(pod("a"))
    api.fault = one_watch(junk)
    with closing(lists.watched(QUERY)) as items:
        told(items, 1)
        api.pods.put(pod("b"))
        assert told(items, 1) == ["ADDED b"]


def test_a_server_that_is_away_for_a_while_is_waited_for(
    api: KubeApi, lists: Lists[Pod], clock: Clock
) -> None:
    def away(asked: Asked) -> Answer | None:
        if not is_watch(asked):
            return None
        if clock.now > 0.9 * GIVE_UP_S:
            api.fault = lambda _: None
            api.pods.put(pod("late"))
        raise Cut

    api.fault = away
    with closing(lists.watched(QUERY)) as items:
        assert told(items, 2) == ["", "ADDED late"]


def test_a_server_that_stays_away_is_given_up(
    api: KubeApi, toolbox: Toolbox, lists: Lists[Pod], clock: Clock
) -> None:
    assert toolbox("pods").code == 0

    def away(asked: Asked) -> Answer | None:
        if is_watch(asked):
            raise Cut
        return None

    api.fault = away
    items = lists.watched(QUERY)
    with pytest.raises(Exception, match="went away"):
        list(items)
    assert GIVE_UP_S < clock.now < GIVE_UP_S + 10


def test_a_list_that_fails_after_the_first_one_is_tried_again(
    api: KubeApi, lists: Lists[Pod]
) -> None:
    lists_asked = count()

    def fail_second_list(asked: Asked) -> Answer | None:
        if is_watch(asked):
            return None
        if next(lists_asked) in range(1, 4):
            raise Cut
        return None

    api.pods.put(pod("a"))
    with closing(lists.watched(QUERY)) as items:
        told(items, 1)
        api.fault = fail_second_list
        api.fault(Asked("GET", "", {}, {}))  # the first list was before
        api.pods.compact()
        assert [type(item) for item in islice(items, 3)] == [Lost, Lost, Lost]
        assert told(items, 1) == ["a"]


def test_the_first_list_has_to_work(api: KubeApi, lists: Lists[Pod]) -> None:
    def cut(_: Asked) -> Answer | None:
        raise Cut

    api.fault = cut
    with pytest.raises(Exception, match="went away"):
        next(lists.watched(QUERY))


def test_a_watch_that_we_may_not_have_is_an_error(
    api: KubeApi, lists: Lists[Pod], clock: Clock
) -> None:
    refusal = status(403, "Forbidden", 'User "us" cannot watch pods')
    api.fault = lambda asked: (403, refusal, {}) if is_watch(asked) else None
    with pytest.raises(Exception, match="watch pods in team-a"):
        list(lists.watched(QUERY))
    assert clock.now < 60


def test_nothing_streams_when_a_watch_is_closed(api: KubeApi, lists: Lists[Pod]) -> None:
    items = lists.watched(QUERY)
    told(items, 1)
    api.pods.put(pod("a"))
    told(items, 1)
    items.close()

    def has_ended() -> bool:
        api.bookmark()  # a server notices when it writes
        return api.streaming == 0

    until(has_ended)


def test_objects_are_a_type_of_pod(api: KubeApi, lists: Lists[Pod]) -> None:
    thing: Object = pod("a")
    api.pods.put(thing)
    [found], _ = lists.all(QUERY)
    assert found.metadata.uid == thing["metadata"]["uid"]
