"""What is due, and in what order."""

import math

import pytest

from proc_run.agenda import Agenda


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def done() -> list[str]:
    return []


def test_an_act_is_done_once_when_it_is_due(clock: Clock, done: list[str]) -> None:
    agenda = Agenda(clock)

    def act() -> None:
        done.append("act")

    agenda.plan(act, 5)
    assert act in agenda
    assert agenda.seconds == 5
    clock.now += 4.9
    agenda.do_what_is_due()
    assert done == []
    clock.now += 0.2
    agenda.do_what_is_due()
    agenda.do_what_is_due()
    assert done == ["act"]
    assert act not in agenda
    assert agenda.seconds == math.inf


def test_planning_again_puts_off_and_none_is_never(clock: Clock, done: list[str]) -> None:
    agenda = Agenda(clock)

    def act() -> None:
        done.append("act")

    agenda.plan(act, 1)
    agenda.plan(act, 10)
    clock.now += 5
    agenda.do_what_is_due()
    agenda.plan(act, None)
    clock.now += 50
    agenda.do_what_is_due()
    assert done == []


def test_earlier_acts_come_first_and_may_cancel_later_ones(clock: Clock, done: list[str]) -> None:
    agenda = Agenda(clock)

    def first() -> None:
        done.append("first")
        agenda.cancel(second)
        agenda.plan(third, 10)

    def second() -> None:
        done.append("second")

    def third() -> None:
        done.append("third")

    agenda.plan(third, 3)
    agenda.plan(second, 2)
    agenda.plan(first, 1)
    clock.now += 20
    agenda.do_what_is_due()
    assert done == ["first"]
    clock.now += 10
    agenda.do_what_is_due()
    assert done == ["first", "third"]
