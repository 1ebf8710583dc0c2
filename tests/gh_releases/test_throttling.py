import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest

from tests.gh_releases.conftest import TOKEN, Run, answering, list_releases
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit, Refused, TryLater

NOW = 1_700_000_000  # 2023-11-14T22:13:20Z
SECONDARY = {"message": "You have exceeded a secondary rate limit."}


@pytest.fixture(autouse=True)
def one_release(repo: Repository) -> None:
    repo.add_release("v1")


@pytest.mark.parametrize(
    ("fault", "wait", "limit"),
    [
        (faults.throttled(403, retry_after=7, remaining=9), 7, "requested"),
        (faults.throttled(429, retry_after=7, remaining=9), 7, "requested"),
        (faults.throttled(429, retry_after=formatdate(NOW + 42, usegmt=True)), 42, "primary"),
        (faults.throttled(403, retry_after=7, reset=NOW + 500), 7, "primary"),
        (faults.throttled(403, retry_after=7, secondary=True), 7, "secondary"),
        (faults.throttled(429, retry_after=7, secondary=True), 7, "secondary"),
        (faults.throttled(403, reset=NOW + 30), 31, "primary"),
        (faults.throttled(429, reset=NOW + 30), 31, "primary"),
        (faults.throttled(403, reset=NOW - 30), 1, "primary"),
        (faults.throttled(403, secondary=True), 60, "secondary"),
        (faults.throttled(429, secondary=True), 60, "secondary"),
        (faults.throttled(429, remaining=5), 60, "secondary"),
        (faults.throttled(429, retry_after="soon", remaining=5), 60, "secondary"),
        (faults.throttled(403, retry_after="soon", reset=NOW + 30), 31, "primary"),
        (faults.throttled(429, retry_after=-5, remaining=5), 60, "secondary"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_a_limit_is_named_and_waited_for(
    github: GitHub, fault: Fault, wait: float, limit: str
) -> None:
    github.fault("/releases", fault)
    listing = list_releases(github, clock=lambda: NOW)
    assert (listing.tags, listing.error, len(github.requests)) == (["v1"], None, 2)
    message, slept = listing.events
    assert isinstance(message, str), "the message comes before the wait"
    assert message.startswith(f"{limit} rate limit met (")
    assert f": waiting {wait} s" in message
    assert slept == wait


def test_the_message_says_what_is_left_and_when_it_resets(github: GitHub) -> None:
    github.fault("/releases", faults.throttled(reset=NOW + 30))
    assert list_releases(github, clock=lambda: NOW, token=TOKEN).said == [
        "primary rate limit met (0/5000 left, resets 22:13:50Z in 30s): waiting 31 s"
    ]


def test_without_a_token_the_message_says_what_would_help(github: GitHub) -> None:
    github.fault("/releases", faults.throttled(reset=NOW + 30))
    [message] = list_releases(github, clock=lambda: NOW).said
    assert message.endswith(": waiting 31 s; set GH_TOKEN for a higher limit")


def test_a_secondary_limit_without_a_time_doubles(github: GitHub) -> None:
    github.fault("/releases", faults.throttled(secondary=True), times=3)
    listing = list_releases(github)
    assert (listing.waits, listing.tags) == ([60, 120, 240], ["v1"])


@pytest.mark.parametrize("skew", [-86_400, 0, 86_400])
def test_the_servers_clock_decides_not_ours(github: GitHub, skew: int) -> None:
    there = NOW + skew
    limits = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(there + 30)}
    date = formatdate(there, usegmt=True)
    github.fault("/releases", answering({}, 403, date=date, **limits))
    assert list_releases(github, clock=lambda: NOW).waits == [31]


def test_the_quota_is_waited_for_until_it_resets() -> None:
    now = [float(NOW)]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    with GitHub(quota=1, clock=lambda: now[0]) as github:
        repo = github.add_repository("octo/tool")
        for number in range(150):
            repo.add_release(f"v{number}")
        listing = list_releases(github, clock=time.time, on_sleep=pass_time, max_wait=4000.0)
    assert (len(listing.tags), listing.error) == (150, None)
    assert listing.waits == [3601]


def test_a_403_that_is_a_permission_is_not_tried_again(github: GitHub, gh_releases: Run) -> None:
    github.fault("/releases", faults.status(403), times=2)
    listing = list_releases(github)
    assert isinstance(listing.error, Refused)
    assert (listing.events, len(github.requests)) == ([], 1)
    ran = gh_releases()
    assert (ran.code, ran.stdout) == (Exit.REFUSED, "")
    assert ran.stderr == "gh-releases: octo/tool: the API refuses: 403: Forbidden\n"


@pytest.mark.parametrize(
    "fault",
    [
        faults.throttled(retry_after=901),
        faults.throttled(retry_after="9" * 400),
        faults.throttled(reset=NOW + 900),
        faults.throttled(reset=10**30),
    ],
    ids=lambda fault: fault.name[:40],
)
def test_a_wait_beyond_max_wait_is_not_begun(github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault)
    listing = list_releases(github, clock=lambda: NOW)
    assert isinstance(listing.error, TryLater)
    assert (listing.events, len(github.requests)) == ([], 1)


def test_all_waits_together_count_against_max_wait(github: GitHub) -> None:
    github.fault("/releases", faults.throttled(retry_after=40), times=3)
    listing = list_releases(github, max_wait=100.0)
    assert isinstance(listing.error, TryLater)
    assert (listing.waits, len(github.requests)) == ([40, 40], 3)


def test_giving_up_on_a_limit_is_one_line_and_75(github: GitHub, gh_releases: Run) -> None:
    github.fault("/releases", faults.throttled(retry_after=100))
    ran = gh_releases("--max-wait", "90s")
    assert (ran.code, ran.stdout) == (Exit.TRY_LATER, "")
    assert re.fullmatch(
        r"gh-releases: primary rate limit met \(0/5000 left, resets \d\d:\d\d:\d\dZ in \d+m; "
        r"Retry-After 100 s\): waiting 100 s more would pass the 90 s of --max-wait; "
        r"set GH_TOKEN for a higher limit\n",
        ran.stderr,
    )


@contextmanager
def tireless() -> Iterator[GitHub]:
    """A stand-in that does not mind if some of its faults meet no request."""
    github = GitHub()
    github.start()
    try:
        github.add_repository("octo/tool")
        yield github
    finally:
        github.close()


@pytest.mark.parametrize(
    "retry_after", ["0", formatdate(0, usegmt=True)], ids=["no time", "a time in the past"]
)
def test_a_limit_that_asks_for_no_wait_does_not_make_it_ask_without_end(retry_after: str) -> None:
    with tireless() as github:
        github.fault("/releases", faults.throttled(429, retry_after=retry_after), times=200)
        list_releases(github, max_wait=50.0)
        assert len(github.requests) <= 100


@pytest.mark.parametrize(
    "headers",
    [
        {"date": "nonsense"},
        {"date": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"},
        {"date": "Mon, 01 Jan 0100 00:00:00 -0000"},
        {"retry_after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"},
        {"retry_after": "Mon, 01 Jan 2024 00:00:00 +9999"},
        {"retry_after": "1e9"},
        {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "tomorrow"},
        {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9" * 5000},
        {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "\u00b2"},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_nonsense_in_the_headers_is_no_bug(github: GitHub, headers: dict[str, str]) -> None:
    github.fault("/releases", answering(SECONDARY, 403, **headers))
    listing = list_releases(github)
    assert listing.tags == ["v1"] or isinstance(listing.error, TryLater)
