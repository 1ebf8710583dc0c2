import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gh_releases.conftest import TOKEN, Run, answering, list_releases
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit, Unreachable
from toolroll_shared.retry import Backoff, Transient, retrying

PASSING = [
    faults.status(500),
    faults.bad_gateway_html(),
    faults.status(503),
    faults.status(504),
    faults.cut_before_headers(),
    faults.cut_body(after=0),
    faults.cut_body(after=100),
    faults.wrong_length(delta=7),
    faults.truncated_json(),
    faults.not_json(),
]
SILENT = [
    faults.stall_headers(),
    faults.stall_body(after=100),
    faults.slow_body(chunk=1, delay=0.02),
]
names = pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)


@pytest.fixture(autouse=True)
def one_release(repo: Repository) -> None:
    repo.add_release("v1")


@names
def test_after_a_passing_failure_it_tries_again(github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault)
    listing = list_releases(github, random=lambda: 0.5)
    assert (listing.tags, listing.error, len(github.requests)) == (["v1"], None, 2)
    assert listing.waits == [0.25]
    assert listing.said[0].endswith("; trying again in 0.2 s")


def test_bytes_beyond_the_announced_length_cost_one_connection_more(github: GitHub) -> None:
    github.fault("/releases", faults.wrong_length(delta=-7))
    listing = list_releases(github)
    assert (listing.tags, listing.error, len(github.requests)) == (["v1"], None, 2)
    assert len(listing.waits) in {1, 2}, "the rest may be taken for the next answer"


@names
def test_after_the_last_try_it_gives_up(github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault, times=3)
    listing = list_releases(github, retries=2)
    assert isinstance(listing.error, Unreachable)
    assert str(listing.error).endswith("(after 3 tries)")
    assert (len(github.requests), len(listing.waits), listing.tags) == (3, 2, [])


@names
def test_giving_up_is_one_clear_line_and_69(gh_releases: Run, github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault)
    ran = gh_releases("--retries", 0)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.UNREACHABLE, "", 1)
    assert ran.stderr.startswith(f"gh-releases: {github.api_url}/repos/octo/tool/releases?...: ")
    assert ran.stderr.endswith("(on the only try)\n")


@pytest.mark.parametrize("fault", SILENT, ids=lambda fault: fault.name)
def test_silence_is_a_passing_failure_too(github: GitHub, fault: Fault) -> None:
    github.fault("/releases", fault)
    listing = list_releases(github, timeout=0.2)
    assert (listing.tags, listing.error, len(github.requests)) == (["v1"], None, 2)
    assert "no answer within 0.2 s; trying again" in listing.said[0]


def test_a_server_that_stays_silent_is_given_up(github: GitHub) -> None:
    github.fault("/releases", faults.stall_headers(), times=2)
    listing = list_releases(github, timeout=0.1, retries=1)
    assert str(listing.error).endswith(": no answer within 0.1 s (after 2 tries)")


def test_a_server_that_is_not_there_is_given_up() -> None:
    with GitHub() as gone:
        pass
    listing = list_releases(gone, retries=3)
    assert isinstance(listing.error, Unreachable)
    assert "connection failed: " in str(listing.error)
    assert len(listing.waits) == 3


def test_a_later_page_has_tries_of_its_own(github: GitHub, repo: Repository) -> None:
    for number in range(2, 102):
        repo.add_release(f"v{number}")
    for page in ("*per_page=100", "*page=2"):
        github.fault(page, faults.status(502), times=2)
    listing = list_releases(github, retries=2)
    assert (len(listing.tags), listing.error, len(github.requests)) == (101, None, 6)


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_waits_are_a_random_part_of_a_doubling_and_capped_ceiling(
    github: GitHub, luck: float
) -> None:
    github.fault("/releases", faults.status(503), times=8)
    listing = list_releases(github, retries=8, random=lambda: luck)
    ceilings = [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert listing.waits == [luck * ceiling for ceiling in ceilings]
    assert listing.error is None


def test_each_wait_is_said_before_it_begins(github: GitHub) -> None:
    github.fault("/releases", faults.status(500), times=2)
    kinds = [type(event) for event in list_releases(github).events]
    assert kinds == [str, float, str, float]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_wait_is_never_below_retry_after(github: GitHub, status: int) -> None:
    github.fault("/releases", answering({}, status, retry_after="7"))
    listing = list_releases(github, random=lambda: 0.0)
    assert (listing.waits, listing.tags) == ([7.0], ["v1"])


@given(
    number=st.integers(1, 1000),
    after=st.none() | st.floats(0, 1e6),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_any_wait_lies_between_what_was_asked_for_and_the_ceiling(
    number: int, after: float | None, luck: float
) -> None:
    backoff = Backoff(first=0.5, cap=30)
    wait = backoff.wait(number, after=after, random=lambda: luck)
    asked = after or 0.0
    assert asked <= wait <= max(asked, min(30, 0.5 * 2.0 ** (number - 1)))


def test_no_wait_is_begun_that_would_end_after_the_total_deadline() -> None:
    waits: list[float] = []

    async def fail() -> None:
        raise Transient("not now", after=4)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    backoff = Backoff(tries=100, total=10)
    with pytest.raises(Transient, match="not now"):
        asyncio.run(retrying(fail, backoff=backoff, clock=lambda: sum(waits), sleep=sleep))
    assert waits == [4, 4]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 422, 451, 501])
def test_what_another_try_cannot_help_is_not_tried_again(github: GitHub, status: int) -> None:
    github.fault("/releases", faults.status(status))
    listing = list_releases(github)
    assert listing.error is not None
    assert (listing.waits, len(github.requests)) == ([], 1)


PLACES = st.sampled_from(["*per_page=100", "*page=2", "*page=3", "*/assets*", "*"])
LIMITS = [
    faults.throttled(retry_after=3),
    faults.throttled(429, retry_after=0, remaining=7),
    faults.throttled(secondary=True),
]


@pytest.fixture(scope="module")
def large() -> Iterator[tuple[GitHub, list[str]]]:
    """Two pages and a half of releases, one of them with two and a half pages of assets."""
    github = GitHub(token=TOKEN)
    repo = github.add_repository("octo/tool")
    tags = [repo.add_release(f"v{number}").tag for number in range(250)]
    for number in range(250):
        next(iter(repo.releases.values())).add_asset(f"a{number}", b"")
    github.start()
    yield github, tags[::-1]
    github.close()


@settings(max_examples=25, deadline=None)
@given(
    script=st.lists(st.tuples(PLACES, st.sampled_from(PASSING + LIMITS)), max_size=5),
    token=st.none() | st.just(TOKEN),
    runs=st.integers(1, 2),
)
def test_no_run_of_faults_loses_or_repeats_a_release_or_an_asset(
    large: tuple[GitHub, list[str]],
    script: list[tuple[str, Fault]],
    token: str | None,
    runs: int,
) -> None:
    github, tags = large
    for where, fault in script:
        github.fault(where, fault)
    with TemporaryDirectory() as folder:
        for _ in range(runs):  # the second one with the pages of the first
            listing = list_releases(
                github, retries=len(script), max_wait=1e9, token=token, cache=Path(folder, "kept")
            )
            assert (listing.tags, listing.error) == (tags, None)
            names = [asset.name for asset in listing.releases[-1].assets]
            assert names == [f"a{number}" for number in range(250)]
    github.forget_requests()
