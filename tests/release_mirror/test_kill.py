"""Killing a run, again and again: nothing wrong, nothing lost, nothing fetched twice.

In the suite about a hundred kills; TOOLROLL_KILLS=1000 in the environment makes it a longer ordeal,
TOOLROLL_SEED=7 another one.
"""

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.release_mirror.ordeal import (
    REPOSITORY,
    Inspector,
    Point,
    Weather,
    World,
    asset_id,
)
from tests.support.commands import argv
from tests.support.forks import Nursery, nursery
from tests.support.github import GitHub

PATIENCE_S = 60  # never reached when all is well
KILLS = int(os.environ.get("TOOLROLL_KILLS", "100"))
SEED = int(os.environ.get("TOOLROLL_SEED", "1"))
LOADED = [
    "release_mirror.cli",
    "release_mirror.mirror",
    "release_mirror.render",
    "multi_fetch.engine",
    "httpcore",
    "anyio._backends._asyncio",
    "h11",
    "tenacity",
    "certifi",
    "encodings.idna",
    "_strptime",
]

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's pidfd")


@dataclass
class Ordeal:
    """A world, its weather, and runs that die in it.

    Attributes:
        kills: runs that died so far.
        deaths: how many of the requests of an undisturbed run each of them had made.
    """

    github: GitHub
    world: World
    weather: Weather
    nursery: Nursery
    folder: Path
    chance: random.Random
    kills: int = 0
    deaths: list[int] = field(default_factory=list)

    def arguments(self, dest: Path, *, calm: bool = False) -> list[object]:
        """The command line of a run."""
        argv = [REPOSITORY, "--dest", dest, "--api-url", self.github.api_url]
        if not calm:
            argv += ["--retries", self.chance.choice([0, 0, 0, 0, 0, 0, 0, 1])]
            argv += ["--concurrency", self.chance.choice([1, 3, 8, 8, 20])]
        return argv

    def run(self, dest: Path, point: Point, *, calm: bool = False) -> int:
        """Run until that point, or to the end; return the exit code."""
        self.weather.badness = 0.0 if calm else self.chance.choice([0.0, 0.1, 0.3])
        self.weather.throttling = self.chance.choice([0.0] * 9 + [0.1])  # each costs a second
        run = self.nursery.start(self.folder / "output", self.arguments(dest, calm=calm))
        self.weather.begin(run, point)
        if point.seconds is not None and not run.ends_within(point.seconds):
            run.send(signal.SIGKILL)
        code = run.wait(PATIENCE_S)
        assert code in {0, 1, 69, 75, -signal.SIGKILL}, run.output.read_text()
        self.kills += code == -signal.SIGKILL
        self.deaths.append(self.weather.requests)
        self.weather.begin(None, Point())
        return code

    def inspector(self, dest: Path) -> "Watch":
        """Return who looks at DEST after each run."""
        return Watch(self, Inspector(self.world, dest, self.folder))


@dataclass
class Watch:
    """Looks at one DEST after each run, and at what the runs asked for."""

    ordeal: Ordeal
    inspector: Inspector
    whole: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Fail if something is wrong, or something whole is gone or was asked for again."""
        whole = self.inspector.check()
        assert self.whole <= whole, "what was whole is gone"
        done = {self.ordeal.world.assets[place].id for place in self.whole}
        requests = self.ordeal.github.requests_to("asset")
        again = done & {asset_id(one.path) for one in requests}
        assert not again, "downloaded twice after it was whole"
        self.ordeal.github.forget_requests()
        self.whole = whole


@pytest.fixture
def ordeal(tmp_path: Path) -> Iterator[Ordeal]:
    """An ordeal whose stand-in is told nothing of faults that no request met."""
    github = GitHub()
    github.start()
    world = World.on(github, SEED)
    weather = Weather(world, SEED)
    github.fault("/", weather.fault, times=10**9)
    try:
        with nursery(LOADED) as forks:
            chance = random.Random(SEED)  # noqa: S311 - to be repeated
            yield Ordeal(github, world, weather, forks, tmp_path, chance)
    finally:
        github.close()
    assert not github.errors


@pytest.fixture
def undisturbed(ordeal: Ordeal) -> Inspector:
    """The mirror as it has to be in the end."""
    dest = ordeal.folder / "undisturbed"
    assert ordeal.run(dest, Point(), calm=True) == 0
    watch = ordeal.inspector(dest)
    watch.look()
    assert watch.whole == set(ordeal.world.assets)
    return watch.inspector


def any_point(chance: random.Random, *, requests: int, size: int, seconds: float) -> Point:
    """Choose a point up to these limits."""
    kind = chance.random()
    if kind < 0.6:
        return Point(requests=chance.randint(1, requests))
    if kind < 0.85:
        return Point(bytes=chance.randint(1, size))
    return Point(seconds=chance.uniform(0, seconds))


def test_a_mirror_that_is_killed_again_and_again_goes_on_and_ends_as_it_should(
    ordeal: Ordeal, undisturbed: Inspector, record_property: Callable[[str, object], None]
) -> None:
    wanted, chains = int(KILLS * 0.87), 0
    while ordeal.kills < wanted:
        chains += 1
        watch, code = ordeal.inspector(ordeal.folder / f"chain-{chains}"), -1
        while code:
            point = any_point(ordeal.chance, requests=25, size=2_000_000, seconds=0.2)
            calm = ordeal.kills >= wanted  # enough: the last one may come to its end
            dest = ordeal.folder / f"chain-{chains}"
            code = ordeal.run(dest, Point() if calm else point, calm=calm)
            watch.look()
        assert watch.inspector.tree() == undisturbed.tree()
        assert watch.inspector.rows() == undisturbed.rows()
    record_property("kills", ordeal.kills)
    record_property("runs", len(ordeal.deaths))
    record_property("mirrors", chains)


def test_a_run_from_scratch_may_die_anywhere(ordeal: Ordeal, undisturbed: Inspector) -> None:
    requests, number = ordeal.deaths[0], 0
    while ordeal.kills < int(KILLS * 0.08):
        number += 1
        dest = ordeal.folder / f"scratch-{number}"
        watch = ordeal.inspector(dest)
        ordeal.run(dest, Point(requests=ordeal.chance.randint(1, requests)))
        watch.look()
        ordeal.run(dest, Point(), calm=True)
        watch.look()
        assert watch.inspector.tree() == undisturbed.tree()
        assert watch.inspector.rows() == undisturbed.rows()


def test_a_command_may_die_while_it_starts(ordeal: Ordeal, undisturbed: Inspector) -> None:
    dest = ordeal.folder / "start"
    watch = ordeal.inspector(dest)
    for number in range(int(KILLS * 0.05)):
        command = argv("release_mirror", *ordeal.arguments(dest))
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(0.15 + 0.6 * number / max(1, KILLS * 0.05))
            except subprocess.TimeoutExpired:
                process.kill()
        watch.look()
    assert ordeal.run(dest, Point(), calm=True) == 0
    watch.look()
    assert watch.inspector.tree() == undisturbed.tree()


def test_a_rebuild_may_die_anywhere_and_there_is_always_a_manifest(
    ordeal: Ordeal, undisturbed: Inspector
) -> None:
    dest = ordeal.folder / "undisturbed"
    watch, rows = ordeal.inspector(dest), undisturbed.rows()
    command = ["verify", "--rebuild", "--dest", dest, "--api-url", ordeal.github.api_url]
    for number in range(int(KILLS * 0.15)):
        run = ordeal.nursery.start(ordeal.folder / "output", command)
        if not run.ends_within(0.02 * number):
            run.send(signal.SIGKILL)
        run.wait(PATIENCE_S)
        watch.look()
        assert undisturbed.rows() == rows
    assert ordeal.run(dest, Point(), calm=True) == 0
    watch.look()
    assert watch.inspector.rows() == rows
