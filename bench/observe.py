"""What a log costs: multi-fetch and release-mirror with `--log-json` against without it.

10,000 actions of each, on the same data from servers on loopback, each run a whole process. A round
is a pair, in random order; what the log holds is checked in each of them. The log is a new file
beside all others.

    python bench/observe.py [--rounds N] [--folder DIR] [--only WHAT]
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.support.project import Assets, project

from tests.support.nginx import serving

COUNT = 10_000
SIZE, AT_ONCE = 10 * 1024, 50
ASSETS = Assets("logged", releases=200, each=50, size=1024, same=True)
GOAL = 0.10
BIN = Path(sys.executable).parent
MEASURE = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime]))
"""


class Cost(NamedTuple):
    """What a run took: seconds, and seconds of the processor."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Case:
    """A command, the folder that it needs empty, and which action it is to log how often."""

    title: str
    command: list[str]
    folder: Path
    action: str

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.log"

    def prepare(self) -> None:
        """Have an empty folder and no log, and nothing on its way to the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.log.unlink(missing_ok=True)
        os.sync()

    def run(self, *, logged: bool) -> Cost:
        """Run it; see that the log has a record of each action."""
        self.prepare()
        command = [*self.command, *(["--log-json", str(self.log)] if logged else [])]
        left_out = {"GH_TOKEN", "GITHUB_TOKEN", "PYTHONDONTWRITEBYTECODE", "TOOLROLL_LOG"}
        env = {name: value for name, value in os.environ.items() if name not in left_out}
        env["XDG_CACHE_HOME"] = str(self.folder / "cache")
        measure = [sys.executable, "-S", "-c", MEASURE, *command]
        done = subprocess.run(measure, capture_output=True, text=True, env=env, check=False)
        assert not done.returncode, f"{self.title}: {done.stderr[-2000:]}"
        assert self.log.exists() == logged
        if logged:
            self.check()
        return Cost(*json.loads(done.stdout))

    def check(self) -> None:
        records = [json.loads(line) for line in self.log.read_bytes().splitlines()]
        actions = Counter(record["action"] for record in records)
        assert actions[self.action] == COUNT, f"{self.title}: {actions}"
        assert all(record["ok"] for record in records)


def fetching(folder: Path, url: str) -> list[Case]:
    """Return what multi-fetch does: the bodies thrown away, and saved."""
    urls, saved = folder / "urls.txt", folder / "saved"
    urls.write_text("".join(f"{url}/small-{number}\n" for number in range(COUNT)))
    command = [str(BIN / "multi-fetch"), str(urls), "--concurrency", str(AT_ONCE), "--ndjson"]
    title = f"multi-fetch, {COUNT:,} x {SIZE // 1024} KiB, {AT_ONCE} at once"
    return [
        Case(f"{title}, saved", [*command, "--output-dir", str(saved)], saved, "fetch"),
        Case(f"{title}, thrown away", command, folder / "thrown", "fetch"),
    ]


def mirroring(folder: Path, url: str) -> Case:
    """Return what release-mirror does from nothing."""
    dest = folder / "mirror"
    command = [str(BIN / "release-mirror"), f"octo/{ASSETS.name}", "--progress", "none"]
    command += ["--dest", str(dest), "--api-url", url]
    return Case(f"release-mirror, {COUNT:,} x 1 KiB", command, dest, "asset")


@contextmanager
def fetched_from(folder: Path) -> Iterator[list[Case]]:
    """Serve small files."""
    root = folder / "root"
    root.mkdir(mode=0o755)
    for number in range(COUNT):
        (root / f"small-{number}").write_bytes(os.urandom(SIZE))
    with serving(root) as nginx:
        yield fetching(folder, nginx.url)


@contextmanager
def mirrored_from(folder: Path) -> Iterator[list[Case]]:
    """Serve a project."""
    root = folder / "project"
    ASSETS.make(root)
    with project(root, [ASSETS], late_s=0.0) as served:
        yield [mirroring(folder, served.api.url)]


def contest(case: Case, rounds: int) -> None:
    """Run pairs, and print what they took; the first pair only warms up."""
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    for number in range(rounds + 1):
        for logged in random.sample([False, True], 2):
            cost = case.run(logged=logged)
            if number:
                costs[logged].append(cost)
    shutil.rmtree(case.folder)
    show(case.title, costs)


def show(title: str, costs: dict[bool, list[Cost]]) -> None:
    """Print times, and what the log adds to the least and to the median."""
    print(f"\n{title}\n{'seconds: least, median, most':<46}     CPU s: least, median")
    rows = {name: list(zip(*costs[name], strict=True)) for name in costs}
    for logged, (seconds, cpu) in rows.items():
        name = "with --log-json" if logged else "without"
        figures = f"{min(seconds):7.2f} {statistics.median(seconds):7.2f} {max(seconds):7.2f}"
        print(f"{name:<22} {figures} {min(cpu):15.2f} {statistics.median(cpu):7.2f}")
    added = [
        measure(rows[True][of]) / measure(rows[False][of]) - 1
        for of in (0, 1)
        for measure in (min, statistics.median)
    ]
    least, median, cpu_least, cpu_median = (f"{one:+.1%}" for one in added)
    print(
        f"{'the log adds':<22} {least:>7} {median:>7} {cpu_least:>23} {cpu_median:>7}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="for all files (default: the system's)")
    parser.add_argument("--only", choices=("multi-fetch", "release-mirror"))
    options = parser.parse_args()
    places = {"multi-fetch": fetched_from, "release-mirror": mirrored_from}
    print(f"the goal: at most {GOAL:.0%} more")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the worker of nginx is nobody
        for tool, place in places.items():
            if options.only in {None, tool}:
                with place(folder) as cases:
                    for case in cases:
                        contest(case, options.rounds)


main()
