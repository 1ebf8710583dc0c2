import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolroll_shared.retry import Backoff, Transient, retry_after_seconds, retrying

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
FAR_AWAY = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds() + 23 * 3600


class Story:
    """A clock that only sleeping moves, and everything that happened in order."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[Any] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.told.append(seconds)
        self.now += seconds

    def before_wait(self, failure: Transient, seconds: float) -> None:
        self.told.append((str(failure), seconds))

    def tell(
        self, *outcomes: Exception | str, backoff: Backoff | None = None, jitter: float = 1.0
    ) -> str:
        """Try until an outcome is no failure; the last outcome repeats itself."""
        left = list(outcomes)

        async def attempt() -> str:
            self.told.append("try")
            outcome = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return asyncio.run(
            retrying(
                attempt,
                backoff=backoff or Backoff(),
                before_wait=self.before_wait,
                clock=self.clock,
                sleep=self.sleep,
                random=lambda: jitter,
            )
        )

    @property
    def waits(self) -> list[float]:
        return [one for one in self.told if isinstance(one, float)]


@pytest.fixture
def story() -> Story:
    return Story()


def test_success_the_first_time_waits_for_nothing(story: Story) -> None:
    assert story.tell("fine") == "fine"
    assert story.told == ["try"]


def test_each_wait_is_announced_and_then_waited_for(story: Story) -> None:
    assert story.tell(Transient("busy"), "fine", backoff=Backoff(first=2.0)) == "fine"
    assert story.told == ["try", ("busy", 2.0), 2.0, "try"]


@pytest.mark.parametrize(
    ("jitter", "waits"),
    [
        (1.0, [1.0, 2.0, 4.0, 5.0, 5.0]),
        (0.5, [0.5, 1.0, 2.0, 2.5, 2.5]),
        (0.0, [0.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_waits_double_up_to_the_cap_under_full_jitter(
    story: Story, jitter: float, waits: list[float]
) -> None:
    with pytest.raises(Transient):
        story.tell(Transient("busy"), backoff=Backoff(tries=6, first=1.0, cap=5.0), jitter=jitter)
    assert story.waits == waits


@given(
    number=st.integers(1, 5000),
    jitter=st.floats(0, 1, exclude_max=True),
    after=st.none() | st.floats(0, 1e6),
)
def test_a_wait_lies_between_what_was_asked_for_and_the_cap(
    number: int, jitter: float, after: float | None
) -> None:
    seconds = Backoff(first=0.5, cap=30.0).wait(number, after=after, random=lambda: jitter)
    assert (after or 0.0) <= seconds <= max(30.0, after or 0.0)


@pytest.mark.parametrize(("jitter", "wait"), [(0.0, 7.0), (1.0, 7.0)])
def test_retry_after_is_a_floor_also_above_the_cap(
    story: Story, jitter: float, wait: float
) -> None:
    busy = Transient("busy", after=7.0)
    story.tell(busy, "fine", backoff=Backoff(first=1.0, cap=2.0), jitter=jitter)
    assert story.waits == [wait]


def test_a_retry_after_that_is_shorter_than_the_wait_does_not_shorten_it(story: Story) -> None:
    story.tell(Transient("busy", after=0.1), "fine", backoff=Backoff(first=4.0))
    assert story.waits == [4.0]


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_the_last_failure_is_raised_when_the_tries_are_used_up(story: Story, tries: int) -> None:
    with pytest.raises(Transient, match=r"^busy$"):
        story.tell(Transient("busy"), backoff=Backoff(tries=tries), jitter=0.0)
    assert story.told.count("try") == tries


def test_no_wait_begins_that_would_end_after_the_deadline(story: Story) -> None:
    with pytest.raises(Transient):
        story.tell(Transient("busy"), backoff=Backoff(tries=99, first=8.0, cap=8.0, total=20.0))
    assert story.waits == [8.0, 8.0]
    assert story.told.count("try") == 3


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(story: Story) -> None:
    with pytest.raises(Transient):
        story.tell(Transient("busy", after=301.0), backoff=Backoff(total=300.0))
    assert story.told == ["try"]


def test_only_what_is_transient_is_tried_again(story: Story) -> None:
    with pytest.raises(LookupError, match="gone"):
        story.tell(Transient("busy"), LookupError("gone"), "fine")
    assert story.told.count("try") == 2


def test_a_cancellation_ends_the_wait_and_the_tries() -> None:
    tries = []

    async def attempt() -> None:
        tries.append(1)
        raise Transient("busy")

    async def run() -> None:
        waiting = asyncio.Event()

        async def sleep(_seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(retrying(attempt, backoff=Backoff(), sleep=sleep))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert len(tries) == 1


def test_an_attempt_may_be_any_callable_that_returns_an_awaitable() -> None:
    async def one() -> int:
        return 1

    attempt: Callable[[], Awaitable[int]] = lambda: one()  # noqa: E731, PLW0108 - that is the point

    async def run() -> int:
        return await retrying(attempt, backoff=Backoff())

    assert asyncio.run(run()) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Wed, 01 May 2024 14:01:00 +0200", 60.0),
        ("Wed, 01 May 2024 12:01:00 -0000", 60.0),
        ("Wednesday, 01-May-24 12:01:00 GMT", 60.0),
        ("Wed May  1 12:01:00 2024", 60.0),
        *(
            (text, None)
            for text in ("", " ", "soon", "-5", "+5", "1.5", "1e3", "0x10", "², ٣", "٣")
        ),
        ("Wed, 99 May 2024 12:00:00 GMT", None),
        ("Wed, 01 May 2024 12:00:00 +9999", None),
        ("Wed, 01 May 99999 12:00:00 GMT", None),
        ("Wed, 01 May 99999999999 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", FAR_AWAY),
    ],
    ids=ascii,
)
def test_retry_after_holds_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


def test_a_huge_retry_after_is_a_huge_number() -> None:
    seconds = retry_after_seconds("9" * 400, now=NOW)
    assert seconds is not None
    assert seconds > 1e300


@given(st.text())
def test_any_header_says_something_or_nothing(value: str) -> None:
    seconds = retry_after_seconds(value, now=NOW)
    assert seconds is None or seconds >= 0
