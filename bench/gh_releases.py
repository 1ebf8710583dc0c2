"""gh-releases against `gh api --paginate`: 1,000 releases with 20 assets each.

Both list the same stand-in on loopback, in turn, and what they list is compared first. The
stand-in answers at once and without compression, which GitHub does not: `--rate` runs
everything in a network namespace whose loopback carries no more than that (it needs root,
iproute2 and util-linux).

    python bench/gh_releases.py [--rounds N] [--rate MBIT]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.github import GitHub  # noqa: E402
from tests.support.github_data import Repository  # noqa: E402

TOKEN = "t0ken"  # noqa: S105 - of the stand-in
RELEASES, ASSETS = 1000, 20
BIN = Path(sys.executable).parent
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def fill(repo: Repository) -> None:
    body = "\n".join(f"* change {n} by @octocat in octo/tool#{n}" for n in range(20))
    for number in range(RELEASES):
        release = repo.add_release(f"v{number}", name=f"Release {number}", body=body)
        for asset in range(ASSETS):
            release.add_asset(f"tool_{number}_{asset}_linux_amd64.tar.gz", b"x" * asset)


@contextmanager
def serving() -> Iterator[str]:
    """A stand-in in a process of its own, so that its threads cost the clients nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with GitHub(token=TOKEN, quota=10**9) as github:
            fill(github.add_repository("octo/tool"))
            os.write(writer, github.api_url.encode())
            while os.getppid() != 1:
                time.sleep(0.5)
        os._exit(0)
    try:
        yield os.read(reader, 100).decode()
    finally:
        os.kill(child, 15)
        os.waitpid(child, 0)


class Contest:
    """The commands, and the environment that leads each to the stand-in."""

    def __init__(self, api_url: str, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "GH_TOKEN": TOKEN,
            "GH_CONFIG_DIR": str(folder / "gh"),
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "HTTP_PROXY": api_url,
            "NO_PROXY": "127.0.0.1",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        gh = shutil.which("gh", path=BIN) or "gh"
        ours = [str(BIN / "gh-releases"), "octo/tool", "--api-url", api_url]
        self.commands = {
            "gh api --paginate": [gh, "api", "--paginate", "repos/octo/tool/releases?per_page=100"],
            "gh-releases --ndjson, first": [*ours, "--ndjson"],
            "gh-releases --ndjson, again": [*ours, "--ndjson"],
            "gh-releases --json, again": [*ours, "--json"],
            "gh-releases, again": ours,
        }

    def run(self, name: str) -> tuple[float, str]:
        """Return the seconds it took, and what it printed."""
        if name.endswith("first"):
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
        output = self.folder / "output"
        with output.open("wb") as file:
            started = time.perf_counter()
            subprocess.run(self.commands[name], stdout=file, env=self.env, check=True)
            seconds = time.perf_counter() - started
        return seconds, output.read_text()

    def memory(self, name: str) -> int:
        """Return its peak memory in MiB, measured from a parent that is small itself."""
        done = subprocess.run(
            [sys.executable, "-S", "-c", PEAK, *self.commands[name]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.env,
            check=True,
        )
        return int(done.stderr) // 1024


def names(text: str) -> list[tuple[int, str, list[int]]]:
    text = text.strip()
    records = json.loads(text) if text.startswith("[") else map(json.loads, text.splitlines())
    return [
        (one["id"], one["tag_name"], [asset["id"] for asset in one["assets"]]) for one in records
    ]


def limit_loopback(mbit: float) -> None:
    """Go on in a network namespace whose loopback is a line of that many Mbit/s."""
    if os.environ.get("BENCH_RATE"):
        return
    qdisc = f"tc qdisc add dev lo root tbf rate {mbit}mbit burst 256kb limit 16mb"
    script = f'ip link set lo mtu 1500 up && {qdisc} && exec "$@"'
    os.environ["BENCH_RATE"] = str(mbit)
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", script, "sh", sys.executable, *sys.argv])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rate", type=float, metavar="MBIT", help="of the line, in Mbit/s")
    options = parser.parse_args()
    if options.rate:
        limit_loopback(options.rate)
    with serving() as api_url, tempfile.TemporaryDirectory() as folder:
        contest = Contest(api_url, Path(folder))
        listed = [names(contest.run(name)[1]) for name in list(contest.commands)[:4]]
        assert all(one == listed[0] for one in listed), "they list the same"
        seconds: dict[str, list[float]] = {name: [] for name in contest.commands}
        for _ in range(options.rounds):
            for name, times in seconds.items():
                times.append(contest.run(name)[0])
        peaks = {name: contest.memory(name) for name in contest.commands}
    print(f"{'seconds: least, median, most':<30}{'':24}peak")
    for name, times in seconds.items():
        middle = statistics.median(times)
        print(f"{name:<30} {min(times):7.2f} {middle:7.2f} {max(times):7.2f} {peaks[name]:5} MiB")


main()
