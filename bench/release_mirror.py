"""release-mirror against `gh release download`, curl and aria2c: many assets, one large one.

All download a project on loopback, each as a whole process, in rounds of random order; that each
saved everything is checked first. The API and the site answer 25 ms late, or at once. Then there
is the second run over a mirror, which finds nothing to do.

    python bench/release_mirror.py [--rounds N] [--folder DIR] [--only WHAT]
"""

import argparse
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.support.project import TOKEN, Assets, Project, project

MANY = Assets("many", releases=1, each=1000, size=100 * 1024)
LARGE = Assets("large", releases=1, each=1, size=1024**3)
AGAIN = Assets("again", releases=200, each=50, size=1024, same=True)
LATE_S = 0.025
AT_ONCE = 16  # as release-mirror does by default; gh has 5, and no option
GH, OPENSSL = "gh release download", "curl; openssl dgst; sync"
BIN = Path(sys.executable).parent
MEASURE = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))
"""

Asked = tuple[int, int]


class Cost(NamedTuple):
    """What a command took: seconds, CPU seconds, and MiB at its peak."""

    seconds: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Place:
    """Where a contender finds its lists and leaves what it saves."""

    folder: Path
    project: Project
    assets: Assets

    @property
    def saved(self) -> Path:
        return self.folder / "saved"

    def prepare(self) -> None:
        """Have an empty folder and no pages of the API, and nothing on its way to the disk."""
        for name in ("saved", "cache"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.saved.mkdir()
        os.sync()

    def write_lists(self) -> None:
        """Write the public addresses as curl and aria2c take them."""
        names = self.assets.names()
        urls = [self._public(name) for name in names]
        (self.folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
        lines = [
            f"url={url}\noutput={self.saved}/{Path(name).name}\n"
            for url, name in zip(urls, names, strict=True)
        ]
        (self.folder / "curl.txt").write_text("".join(lines))

    def _public(self, name: str) -> str:
        tag, _, file = name.partition("/")
        return f"{self.project.api.url}/octo/{self.assets.name}/releases/download/{tag}/{file}"


def environment(place: Place, *, token: bool, proxy: bool = False) -> dict[str, str]:
    """Return an environment that leads to the project, and is otherwise a user's own."""
    left_out = {"GH_TOKEN", "GITHUB_TOKEN", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    env["XDG_CACHE_HOME"] = str(place.folder / "cache")
    if token:
        env["GH_TOKEN"] = TOKEN
    if proxy:
        env |= {
            "GH_CONFIG_DIR": str(place.folder / "gh"),
            "GH_ENTERPRISE_TOKEN": TOKEN,  # for the assets' addresses, which name another host
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "HTTP_PROXY": place.project.api.url,
            "XDG_STATE_HOME": str(place.folder / "gh-state"),
        }
    return env


class Contest:
    """The commands that download a repository's assets."""

    def __init__(self, place: Place) -> None:
        self.place = place
        saved, folder, name = str(place.saved), place.folder, f"octo/{place.assets.name}"
        number = str(AT_ONCE)
        gh = shutil.which("gh", path=BIN) or "gh"
        curl = ["curl", "-sfL", "--parallel", "--parallel-max", number, "-K", f"{folder}/curl.txt"]
        plain, known = environment(place, token=False), environment(place, token=True)
        self.commands: dict[str, tuple[list[str], dict[str, str]]] = {
            "release-mirror": (self._ours(), plain),
            "release-mirror, with a token": (self._ours(), known),
            GH: (
                [
                    gh,
                    "release",
                    "download",
                    "v0",
                    "--repo",
                    f"github.localhost/{name}",
                    "-D",
                    saved,
                ],
                environment(place, token=True, proxy=True),
            ),
            "curl; sha256sum; sync": (self._checked(curl, "sha256sum"), plain),
            OPENSSL: (self._checked(curl, "openssl dgst -sha256"), plain),
            "aria2c": (
                ["aria2c", "-q", "-j", number, "-i", f"{folder}/urls.txt", "-d", saved],
                plain,
            ),
        }

    def _ours(self) -> list[str]:
        place = self.place
        command = [str(BIN / "release-mirror"), f"octo/{place.assets.name}", "--progress", "none"]
        command += ["--concurrency", str(AT_ONCE)]
        return [*command, "--dest", str(place.saved), "--api-url", place.project.api.url]

    def _checked(self, curl: list[str], digest: str) -> list[str]:
        files = f"{shlex.quote(str(self.place.saved))}/*"
        return ["sh", "-c", f"{shlex.join(curl)} && {digest} {files} && sync"]

    def run(self, name: str) -> Cost:
        """Run a contender, from an empty folder."""
        self.place.prepare()
        return self.go_on(name)

    def go_on(self, name: str) -> Cost:
        """Run a contender with what is there; the measuring parent is small."""
        command, env = self.commands[name]
        measure = [sys.executable, "-S", "-c", MEASURE, *command]
        done = subprocess.run(measure, capture_output=True, text=True, env=env, check=False)
        assert not done.returncode, f"{name}: {done.stderr[-2000:]}"
        return Cost(*json.loads(done.stdout))

    def asked_by(self, run: Callable[[str], Cost], name: str) -> tuple[Cost, Asked]:
        """Run a contender, and return its costs and requests; see that it saved everything."""
        before = self.place.project.asked()
        cost = run(name)
        after = self.place.project.asked()
        files = [path for path in self.place.saved.rglob("tool-*") if path.suffix == ".bin"]
        assets = self.place.assets
        sizes = [path.stat().st_size for path in files]
        assert sizes == [assets.size] * assets.count, f"{name}: {len(sizes)} files"
        return cost, (after[0] - before[0], after[1] - before[1])


def contest(title: str, place: Place, rounds: int, base: str) -> None:
    """Run all contenders in turn, and print what they took."""
    place.folder.mkdir()
    place.write_lists()
    one = Contest(place)
    asked = {name: one.asked_by(one.run, name)[1] for name in one.commands}
    costs: dict[str, list[Cost]] = {name: [] for name in one.commands}
    for _ in range(rounds):
        for name in random.sample(list(costs), len(costs)):  # none always comes after the same
            costs[name].append(one.run(name))
    place.prepare()
    show(title, costs, asked, base)


def show(title: str, costs: dict[str, list[Cost]], asked: dict[str, Asked], base: str) -> None:
    """Print the times, how many times as long as another's the median is, and the rest."""

    def middle(name: str, value: Callable[[Cost], float]) -> float:
        return statistics.median(map(value, costs[name]))

    usual = middle(base, lambda cost: cost.seconds)
    print(f"\n{title}")
    print(f"{'seconds: least, median, most':<53} ratio  CPU s  MiB   API bytes")
    for name, taken in costs.items():
        seconds = [cost.seconds for cost in taken]
        usually = middle(name, lambda cost: cost.seconds)
        print(
            f"{name:<29} {min(seconds):7.2f} {usually:7.2f} {max(seconds):7.2f} "
            f"{usually / usual:6.2f} {middle(name, lambda cost: cost.cpu):6.2f} "
            f"{max(cost.peak for cost in taken):4} {asked[name][0]:5} {asked[name][1]:5}",
            flush=True,
        )


def show_again(title: str, place: Place, rounds: int) -> None:
    """Print what a run over a whole mirror takes, and what it asks."""
    place.folder.mkdir()
    one, name = Contest(place), "release-mirror"
    cost, asked = one.asked_by(one.run, name)
    taken, asked_again = zip(*(one.asked_by(one.go_on, name) for _ in range(rounds)), strict=True)
    assert all(for_bytes == 0 for _, for_bytes in asked_again), asked_again
    place.prepare()
    costs = {"the first run": [cost], "a second run": list(taken)}
    show(title, costs, {"the first run": asked, "a second run": asked_again[0]}, "the first run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="for all files (default: the system's)")
    parser.add_argument("--only", choices=("many", "large", "again"))
    options = parser.parse_args()
    parts = [one for one in (MANY, LARGE, AGAIN) if options.only in {None, one.name}]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the worker of nginx is nobody
        root, rounds = folder / "root", options.rounds
        for assets in parts:
            assets.make(root)
        with project(root, parts, late_s=LATE_S) as served:
            if MANY in parts:
                title = f"1,000 x 100 KiB, the API {1000 * LATE_S:.0f} ms away"
                contest(title, Place(folder / "far", served, MANY), rounds, GH)
            if LARGE in parts:
                contest("1 x 1 GiB", Place(folder / "large", served, LARGE), rounds, OPENSSL)
            if AGAIN in parts:
                title = f"{AGAIN.count:,} x 1 KiB, all there"
                show_again(title, Place(folder / "again", served, AGAIN), rounds)
        if MANY in parts:
            with project(root, parts, late_s=0.0) as served:
                contest("1,000 x 100 KiB", Place(folder / "near", served, MANY), rounds, GH)


main()
