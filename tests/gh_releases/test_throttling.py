import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest

from tests.gh_releases.conftest import Run, answering, list_releases
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
        faults.throttled(reset=10**30),
    ],
    ids=lambda fault: fault.name[:40],
)
def test_a_wait_beyond_max_wait_is_not_begun(github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault)
    listing = list_releases(github, clock=lambda: NOW)
    assert isinstance(listing.error, TryLater)
    assert (listing.events, len(github.requests)) == ([], 1)


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
