"""Reading in threads."""

import threading
from collections.abc import Iterator

import pytest

from k8s_toolbox.background import Gathering, alone, heard
from tests.support.waiting import until


def test_items_of_several_iterables_come_each_in_its_order() -> None:
    gathering: Gathering[tuple[int, int]] = Gathering()
    for one in range(5):
        gathering.add([(one, number) for number in range(100)])
    found = list(gathering)
    for one in range(5):
        assert [number for which, number in found if which == one] == list(range(100))


def test_an_error_comes_after_what_came_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    stream = heard(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="no more"):
        next(stream)


def test_a_call_returns_what_it_returns() -> None:
    assert alone(lambda: 42) == 42


def test_the_end_of_one_is_nothing_to_wait_for() -> None:
    gathering: Gathering[int] = Gathering()
    never = threading.Event()

    def silent() -> Iterator[int]:
        never.wait()
        yield from ()

    gathering.add(iter([1]))
    gathering.add(silent())
    stream = iter(gathering)
    assert next(stream) == 1
    until(lambda: not gathering._queue.empty())  # its end
    assert not gathering.ready()
    never.set()


def test_a_thread_whose_items_nobody_takes_ends() -> None:
    before = threading.active_count()
    stream = heard(iter(range(10**9)), ahead=2)
    next(stream)
    stream.close()  # type: ignore[attr-defined] # it is a generator
    until(lambda: threading.active_count() == before)
