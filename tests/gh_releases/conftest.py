"""gh-releases under test: the client with waits that take no time, the command in-process."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gh_releases import Client, ClientOptions, Release, Selection
from gh_releases.cli import main
from tests.support.commands import Finished, call
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_http import Response
from toolroll_shared.errors import ToolError

EVERYTHING = Selection()
TOKEN = "t0ken-s3cret"  # the one that the stand-in knows


@dataclass(kw_only=True)
class Listing:
    """What a client yielded, and what it said and how long it slept, in order."""

    releases: list[Release] = field(default_factory=list)
    events: list[str | float] = field(default_factory=list)
    error: ToolError | None = None

    @property
    def tags(self) -> list[str]:
        return [release.tag_name for release in self.releases]

    @property
    def waits(self) -> list[float]:
        return [event for event in self.events if isinstance(event, float)]

    @property
    def said(self) -> list[str]:
        return [event for event in self.events if isinstance(event, str)]


@dataclass(frozen=True, kw_only=True)
class Ran(Finished):
    """What a run of the command left behind."""

    @property
    def tags(self) -> list[str]:
        """The first column of the table."""
        return [line.partition("\t")[0] for line in self.stdout.splitlines()]

    @property
    def records(self) -> list[Any]:
        """The records of --ndjson."""
        return [json.loads(line) for line in self.stdout.splitlines()]


Run = Callable[..., Ran]


def list_releases(
    github: GitHub,
    *,
    name: str = "octo/tool",
    clock: Callable[[], float] = time.time,
    random: Callable[[], float] = lambda: 0.5,
    on_sleep: Callable[[float], None] = lambda _seconds: None,
    wanted: Callable[[Release], bool] = EVERYTHING,
    limit: int | None = None,
    **options: Any,
) -> Listing:
    """List with the client; sleeping is recorded and takes no time."""
    listing = Listing()

    async def sleep(seconds: float) -> None:
        listing.events.append(float(seconds))
        on_sleep(seconds)

    async def collect() -> None:
        client = Client(
            ClientOptions(api_url=github.api_url, **options),
            notify=listing.events.append,
            clock=clock,
            monotonic=lambda: sum(listing.waits),
            sleep=sleep,
            random=random,
        )
        async with client:
            async for release in client.releases(name, wanted=wanted, limit=limit):
                listing.releases.append(release)

    try:
        asyncio.run(collect())
    except ToolError as error:
        listing.error = error
    return listing


def answering(body: object, status: int = 200, **headers: str) -> Fault:
    """A fault that answers this instead: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = Response(status, {"content-type": "application/json", **named}, content)
    return Fault(f"answering {status}", answer=lambda _request, _response: response)


def adding(**headers: str) -> Fault:
    """A fault that adds these headers to the usual answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(f"adding {named}", answer=lambda _request, usual: usual.with_headers(named))


def linked(url: str) -> Fault:
    """A fault that names this address as the next page."""
    return adding(link=f'<{url}>; rel="next"')


@pytest.fixture
def gh_releases(github: GitHub, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs gh-releases octo/tool on the stand-in, in-process."""

    def run(*arguments: object, repository: str = "octo/tool") -> Ran:
        return call(Ran, main, capsys, repository, "--api-url", github.api_url, *arguments)

    return run
