"""The client as a library: what a sibling, or anybody's program, may do with it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from gh_releases import Client, ClientOptions, NotFound, Release, Selection
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Refused, TryLater, UsageError


@pytest.fixture
def options(github: GitHub) -> ClientOptions:
    return ClientOptions(api_url=github.api_url, retries=0)


def fill(repo: Repository, count: int) -> list[str]:
    return [repo.add_release(f"v{number}").tag for number in range(count)][::-1]


async def tags(releases: AsyncGenerator[Release]) -> list[str]:
    return [release.tag_name async for release in releases]


def test_one_client_lists_several_repositories_in_turn_and_at_once(
    github: GitHub, repo: Repository, options: ClientOptions
) -> None:
    other = github.add_repository("octo/other")
    mine, theirs = fill(repo, 150), [f"o{number}" for number in range(3)]
    for tag in theirs[::-1]:
        other.add_release(tag)

    async def work() -> list[list[str]]:
        async with Client(options) as client:
            names = ["octo/tool", "octo/other", "octo/tool"]
            in_turn = [await tags(client.releases(name)) for name in names]
            at_once = await asyncio.gather(*(tags(client.releases(name)) for name in names))
            return [*in_turn, *at_once]

    assert asyncio.run(work()) == [mine, theirs, mine] * 2


def test_a_listing_may_be_left_early(
    github: GitHub, repo: Repository, options: ClientOptions
) -> None:
    fill(repo, 250)

    async def first(count: int) -> list[str]:
        found: list[str] = []
        async with Client(options) as client, aclosing(client.releases("octo/tool")) as releases:
            async for release in releases:
                found.append(release.tag_name)
                if len(found) == count:
                    break
        return found

    assert asyncio.run(first(3), debug=True) == ["v249", "v248", "v247"]
    assert len(github.requests) == 1


def test_a_client_serves_again_after_it_was_closed(
    repo: Repository, options: ClientOptions
) -> None:
    expected = fill(repo, 1)

    async def work() -> list[list[str]]:
        client, found = Client(options), []
        for _ in range(2):
            async with client:
                found.append(await tags(client.releases("octo/tool")))
        return found

    assert asyncio.run(work()) == [expected, expected]


def test_a_client_that_is_not_open_says_so(options: ClientOptions) -> None:
    async def closed() -> None:
        client = Client(options)
        async with client:
            pass
        await client.repository("octo/tool")

    for work in (Client(options).repository("octo/tool"), closed()):
        with pytest.raises(RuntimeError, match="the client is not open"):
            asyncio.run(work)


NAMES = ["", "octo", "octo/tool?x=1", "../x/y", "octo/..", "https://github.com/o/r", "o/r/releases"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["repository", "latest", "releases", "pages"])
def test_what_is_no_name_is_asked_of_nobody(
    github: GitHub, options: ClientOptions, method: str, name: str
) -> None:
    async def work() -> None:
        async with Client(options) as client:
            called: Any = getattr(client, method)(name)
            await (called if asyncio.iscoroutine(called) else anext(called))

    with pytest.raises(UsageError, match="is not OWNER/REPO"):
        asyncio.run(work())
    assert github.requests == []


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_asks_for_nothing_is_refused(
    github: GitHub, options: ClientOptions, limit: int
) -> None:
    async def work() -> None:
        async with Client(options) as client:
            await tags(client.releases("octo/tool", limit=limit))

    with pytest.raises(UsageError, match="asks for nothing"):
        asyncio.run(work())
    assert github.requests == []


def test_the_latest_release_is_the_one_that_its_owners_show(
    github: GitHub, repo: Repository, options: ClientOptions
) -> None:
    repo.add_release("v1")
    repo.add_release("v2", prerelease=True)

    async def work() -> list[Release | None]:
        async with Client(options) as client:
            return [await client.latest("octo/tool"), await client.latest("octo/none")]

    found, missing = asyncio.run(work())
    assert (found and found.tag_name, missing) == ("v1", None)
    assert len(github.requests) == 2


def test_the_impatient_wait_for_no_limit(
    github: GitHub, repo: Repository, options: ClientOptions
) -> None:
    repo.add_release("v1")
    github.fault("/latest", faults.throttled(429, retry_after=1, remaining=5))

    async def work() -> None:
        async with Client(options) as client:
            await client.latest("octo/tool", patient=False)

    with pytest.raises(TryLater, match="not waited for"):
        asyncio.run(work())


def test_its_transport_may_be_replaced(options: ClientOptions) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/repos/octo/tool/releases"
        return httpx.Response(200, json=[])

    async def work() -> list[str]:
        async with Client(options, transport=httpx.MockTransport(answer)) as client:
            return await tags(client.releases("octo/tool", wanted=Selection(drafts=False)))

    assert asyncio.run(work()) == []


def test_what_was_used_is_counted(github: GitHub, repo: Repository, options: ClientOptions) -> None:
    fill(repo, 101)

    async def work() -> Any:
        async with Client(options) as client:
            await tags(client.releases("octo/tool"))
            github.fault("/repos/octo/none", faults.bad_gateway_html())
            with pytest.raises(Exception, match="502"):
                await client.repository("octo/none")
            return client.usage

    usage = asyncio.run(work())
    assert (usage.requests, usage.not_modified, usage.capped) == (3, 0, False)
    assert usage.quota.remaining == 4998, "what was last told: the 502 does not tell"
    assert len(usage.request_ids) == 2


def test_without_a_cache_nothing_is_written(
    repo: Repository, options: ClientOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(repo, 1)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    async def work() -> None:
        async with Client(options) as client:
            await tags(client.releases("octo/tool"))

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []


def test_errors_are_told_apart(github: GitHub, repo: Repository, options: ClientOptions) -> None:
    async def work() -> None:
        async with Client(options) as client:
            with pytest.raises(NotFound):
                await client.repository("octo/none")
            github.fault("/repos/", faults.status(403))
            with pytest.raises(Refused):
                await client.repository(repo.full_name)

    asyncio.run(work())
