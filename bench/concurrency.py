"""The four ways to be concurrent: a plain loop, threads, processes, asyncio (also on uvloop).

Each fetches the same URLs from one nginx on loopback, in a process of its own, in turn, at
several numbers of fetches at once. libcurl carries all of them: a handle for each thread or
process, the engine of multi-fetch on asyncio. nginx' echo module (Debian's
libnginx-mod-http-echo) makes it answer late, as one does that is far away.

    python bench/concurrency.py [--rounds N] [--save FILE | --load FILE] [--plot FILE]

`--plot` needs matplotlib. Ways on uvloop are left out where it is not installed.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.nginx import serving

WAYS = Path(__file__).parent / "support" / "ways.py"
LATE_S = 0.005
LEVELS = (1, 2, 4, 16, 64)
SHOWN_LEVELS = (4, 64)
RATES = (100, 300, 1000, 3000, 10_000)
SAMPLE_S = 0.005
WORKLOADS = {
    "small": "2,000 files of 10 KiB",
    "late": f"1,000 files of 10 KiB, {LATE_S * 1e3:.0f} ms late",
    "hash": "200 files of 4 MiB, with sha256",
    "parse": "500 files of 100 KiB of JSON, parsed",
}
NAMES = {
    "loop": "plain loop",
    "threads": "threads",
    "processes": "processes",
    "asyncio": "asyncio",
    "uvloop": "asyncio on uvloop",
}
COLOURS = {
    "loop": "#444444",
    "threads": "#1f77b4",
    "processes": "#d62728",
    "asyncio": "#2ca02c",
    "uvloop": "#98df8a",
}

Measured = dict[str, float]
Results = dict[str, dict[str, dict[str, list[Measured]]]]
"""By workload, way and level: what was measured in each round."""


def make_files(root: Path) -> dict[str, list[str]]:
    """Make what is served; return the paths of each workload."""
    paths: dict[str, list[str]] = {
        "small": [f"/small/{number}" for number in range(2000)],
        "hash": [f"/large/{number}" for number in range(200)],
        "parse": [f"/json/{number}" for number in range(500)],
    }
    items = [{"id": number, "name": f"item {number}", "tags": ["a", "b"]} for number in range(1900)]
    bodies = {
        "small": os.urandom(10 * 1024),
        "hash": os.urandom(4 * 1024 * 1024),
        "parse": json.dumps(items).encode()[: 100 * 1024 - 1].rpartition(b", {")[0] + b"]",
    }
    for workload, body in bodies.items():
        first = root / paths[workload][0].lstrip("/")
        first.parent.mkdir(mode=0o755)
        first.write_bytes(body)
        for path in paths[workload][1:]:
            (root / path.lstrip("/")).hardlink_to(first)
    return {**paths, "late": [f"/late{path}" for path in paths["small"][:1000]]}


class Contest:
    """The workloads, as URLs, and the ways that take part."""

    def __init__(self, url: str, paths: dict[str, list[str]]) -> None:
        self.urls = {name: "\n".join(url + path for path in paths[name]) for name in WORKLOADS}
        there = [name for name in NAMES if name != "uvloop" or importlib.util.find_spec(name)]
        self.entries = [(way, level) for way in there for level in LEVELS[: _levels_of(way)]]

    def start(self, way: str, workload: str, level: int) -> "subprocess.Popen[str]":
        command = [sys.executable, str(WAYS), way, workload, str(level)]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        assert child.stdin
        child.stdin.write(self.urls[workload])
        child.stdin.close()
        return child

    def measure(self, way: str, workload: str, level: int) -> Measured:
        child = self.start(way, workload, level)
        assert child.stdout
        with child.stdout:
            answer: Measured = json.loads(child.stdout.read())
        assert child.wait() == 0
        assert answer["count"] == self.urls[workload].count("\n") + 1
        return answer

    def peak(self, way: str, workload: str, level: int) -> float:
        """Return the peak memory in MiB, of all its processes; what they share counts once."""
        child, most = self.start(way, workload, level), 0
        while child.poll() is None:
            most = max(most, sum(map(proportional, descent(child.pid))))
            time.sleep(SAMPLE_S)
        assert child.returncode == 0
        assert child.stdout
        child.stdout.close()
        return most / 1024

    def round(self, results: Results) -> None:
        for workload in WORKLOADS:
            for way, level in self.entries:
                levels = results.setdefault(workload, {}).setdefault(way, {})
                levels.setdefault(str(level), []).append(self.measure(way, workload, level))

    def peaks(self, results: Results) -> None:
        for workload in WORKLOADS:
            for way, level in self.entries:
                peak = self.peak(way, workload, level)
                for measured in results[workload][way][str(level)]:
                    measured["peak"] = peak


def _levels_of(way: str) -> int:
    return 1 if way == "loop" else len(LEVELS)


def descent(pid: int) -> list[int]:
    """Return a process and its children's children."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def proportional(pid: int) -> int:
    """Return a process' memory in KiB, with its part of what it shares."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def middle(results: Results, workload: str, way: str, level: int, what: str) -> float:
    """Return the median of what was measured."""
    rounds = results[workload][way][str(level)]
    if what == "rate":
        return statistics.median(one["count"] / one["seconds"] for one in rounds)
    return statistics.median(one[what] for one in rounds)


def show(results: Results) -> None:
    for workload, title in WORKLOADS.items():
        print(f"\n{title + '; least, median, most':<45} URLs/s  p50 ms  p95 ms   CPU s     MiB")
        for way, levels in results[workload].items():
            for level in [int(one) for one in levels if int(one) in SHOWN_LEVELS or way == "loop"]:
                rates = sorted(one["count"] / one["seconds"] for one in levels[str(level)])
                p50, p95, cpu, peak = (
                    middle(results, workload, way, level, what)
                    for what in ("p50", "p95", "cpu", "peak")
                )
                name = NAMES[way] if way == "loop" else f"{NAMES[way]}, {level} at once"
                print(
                    f"{name:<29}{rates[0]:7,.0f} {statistics.median(rates):7,.0f}"
                    f" {rates[-1]:7,.0f} {p50 * 1e3:7.1f} {p95 * 1e3:7.1f} {cpu:7.2f} {peak:7.0f}"
                )


def plot(results: Results, target: Path) -> None:
    """Draw throughput by level for each workload, and two more panels."""
    import matplotlib as mpl  # noqa: PLC0415 - the tables need none of it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "toolroll", "svg.fonttype": "none", "font.size": 9})
    mpl.rcParams["font.sans-serif"] = ["DejaVu Sans"]
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, grid = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    panels = [
        *(("rate", workload, f"{title}\nURLs a second") for workload, title in WORKLOADS.items()),
        ("p95", "late", f"{WORKLOADS['late']}\np95 of one URL, ms"),
        ("peak", "small", f"{WORKLOADS['small']}\npeak memory, MiB"),
    ]
    for axes, (what, workload, title) in zip(grid.flat, panels, strict=True):
        _panel(axes, results, workload, what)
        axes.set_title(title, fontsize=9)
    for axes in grid[1]:
        axes.set_xlabel("at once")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(target, metadata={"Date": None})


def _panel(axes: Any, results: Results, workload: str, what: str) -> None:
    factor = 1e3 if what == "p95" else 1
    for way, levels in results[workload].items():
        at = [int(level) for level in levels]
        values = [factor * middle(results, workload, way, level, what) for level in at]
        if way == "loop":
            axes.axhline(values[0], color=COLOURS[way], linestyle=":", label=NAMES[way])
        else:
            axes.plot(at, values, color=COLOURS[way], marker="o", markersize=3, label=NAMES[way])
    axes.set_xscale("log", base=2)
    axes.set_xticks(LEVELS, [str(level) for level in LEVELS])
    if (what, workload) == ("rate", "late"):
        axes.set_yscale("log")
        axes.set_yticks(RATES, [f"{rate:,}" for rate in RATES])
    else:
        axes.set_ylim(bottom=0)
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def measure_all(rounds: int) -> Results:
    results: Results = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)  # the worker of nginx is nobody
        paths = make_files(root)
        with serving(root, late_s=LATE_S) as nginx:
            contest = Contest(nginx.url, paths)
            for _ in range(rounds):
                contest.round(results)
            contest.peaks(results)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--load", type=Path, metavar="FILE", help="show what was measured before")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as SVG")
    options = parser.parse_args()
    if options.load:
        results: Results = json.loads(options.load.read_text())
    else:
        results = measure_all(options.rounds)
    if options.save:
        options.save.write_text(json.dumps(results))
    show(results)
    if options.plot:
        plot(results, options.plot)


main()
