"""Interrupting a run at random points: promptly, with a summary, and nothing transferred twice."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from release_mirror.parts import WORTH_KEEPING, part_path
from tests.release_mirror.ordeal import REPOSITORY, Inspector, Point, Weather, World, asset_id
from tests.release_mirror.test_kill import LOADED
from tests.support.forks import Nursery, nursery
from tests.support.github import GitHub, Recorded

PROMPTLY_S = 2.0
PATIENCE_S = 60
SIGNALS = int(os.environ.get("TOOLROLL_SIGNALS", "10"))
SEED = int(os.environ.get("TOOLROLL_SEED", "1"))
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's pidfd")


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A stand-in that is not told in advance how often a fault will be met."""
    with GitHub() as server:
        yield server
        server._script._lines.clear()


@pytest.fixture
def forks() -> Iterator[Nursery]:
    with nursery(LOADED) as found:
        yield found


def ranges(requests: list[Recorded]) -> dict[int | None, int]:
    """Where the requests to the asset host started, by asset; each asset was asked for once."""
    found = {}
    for one in requests:
        key = asset_id(one.path)
        assert key not in found, "asked for twice in one run"
        found[key] = int(one.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    return found


def test_an_interrupted_run_ends_soon_and_the_next_one_transfers_only_the_rest(
    github: GitHub,
    forks: Nursery,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    world = World.on(github, SEED)
    release = github._site.by_name[REPOSITORY].add_release("large")
    for number in range(8):
        asset = release.add_asset(f"large-{number}", os.urandom(3_000_000), digest=bool(number % 2))
        world.assets[f"{REPOSITORY}/large/{asset.name}"] = asset
    weather, chance = Weather(world, SEED), random.Random(SEED)  # noqa: S311 - to be repeated
    github.fault("/", weather.fault, times=10**9)
    number_of_mirrors = signals = kept = 0
    slowest = 0.0
    while signals < SIGNALS:
        number_of_mirrors += 1
        dest = tmp_path / str(number_of_mirrors)
        inspector, code, whole = Inspector(world, dest, tmp_path), -1, set[str]()
        parts: dict[int, int] = {}
        while code:
            number = chance.choice([signal.SIGINT, signal.SIGTERM])
            command = [REPOSITORY, "--dest", dest, "--api-url", github.api_url]
            run = forks.start(
                tmp_path / "output", [*command, "--concurrency", chance.choice([1, 8])]
            )
            weather.begin(run, _point(chance), number)
            code = run.wait(PATIENCE_S)
            text = run.output.read_text()
            assert code in {0, CODES[number]}, text
            if code:
                signals += 1
                assert weather.struck_at is not None
                slowest = max(slowest, time.monotonic() - weather.struck_at)
                assert f"{REPOSITORY}: " in text, "there is a summary"
                assert "run it again to go on" in text
            starts = ranges(github.requests_to("asset"))
            for key, size in parts.items():
                assert starts.get(key, size) == size, "went on where it was"
            kept += len(parts.keys() & starts.keys())
            github.forget_requests()
            whole = inspector.check()
            parts = {key: size for key, size in parts.items() if key not in starts} | _parts(
                world, dest
            )
            assert not {world.assets[place].id for place in whole} & parts.keys()
        assert whole == set(world.assets)
        assert not [path for path in inspector.tree() if ".toolroll-" in path]
    assert slowest < PROMPTLY_S
    assert kept >= SIGNALS // 10, "or this test shows nothing"
    record_property("signals", signals)
    record_property("slowest_end_s", round(slowest, 3))
    record_property("gone_on_with", kept)


def _point(chance: random.Random) -> Point:
    if chance.random() < 0.5:
        return Point(requests=chance.randint(1, 80))
    return Point(bytes=chance.randint(1, 12_000_000))


def _parts(world: World, dest: Path) -> dict[int, int]:
    """How much is kept of each asset."""
    sizes = {}
    for place, asset in world.assets.items():
        part = part_path(dest / place)
        if asset.size > WORTH_KEEPING and part.exists() and part.stat().st_size:
            sizes[asset.id] = part.stat().st_size
    return sizes
