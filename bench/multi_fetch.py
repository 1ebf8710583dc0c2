"""multi-fetch against curl, aria2c and wget2: many small files, a few large ones, and memory.

All fetch the same URLs from one nginx on loopback, each as a whole process, in turn; that each
fetched everything is checked first. aria2c cannot throw bodies away: it takes part where they
are saved.

    python bench/multi_fetch.py [--rounds N] [--folder DIR]
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.nginx import Nginx, serving

SMALL, SMALL_SIZE, SMALL_AT_ONCE = 5000, 10 * 1024, 50
LARGE, LARGE_SIZE, LARGE_AT_ONCE = 20, 100 * 1024 * 1024, 4
FEW, MANY = 20_000, 200_000
BIN = Path(sys.executable).parent
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""

Times = dict[str, list[float]]


class Lists:
    """A list of URLs, as each tool takes it, and what to call the saved bodies."""

    def __init__(self, folder: Path, urls: list[str]) -> None:
        folder.mkdir()
        self.folder = folder
        self.count = len(urls)
        self.urls = folder / "urls.txt"
        self.discard = folder / "discard.curl"
        self.save = folder / "save.curl"
        self.urls.write_text("".join(f"{url}\n" for url in urls))
        names = [f"{folder}/saved/{number}" for number in range(len(urls))]
        for path, outputs in ((self.discard, ["/dev/null"] * len(urls)), (self.save, names)):
            lines = zip(urls, outputs, strict=True)
            path.write_text("".join(f"url={url}\noutput={name}\n" for url, name in lines))

    @property
    def saved(self) -> Path:
        return self.folder / "saved"

    def prepare(self) -> None:
        """Have an empty folder for bodies, and nothing on its way to the disk."""
        shutil.rmtree(self.saved, ignore_errors=True)
        self.saved.mkdir()
        os.sync()


def discarding(lists: Lists, at_once: int) -> dict[str, list[str]]:
    ours = [str(BIN / "multi-fetch"), str(lists.urls), "--concurrency", str(at_once), "--ndjson"]
    curl = ["curl", "-s", "--parallel", "--parallel-max", str(at_once), "-K", str(lists.discard)]
    wget2 = ["wget2", "-q", f"--max-threads={at_once}", "-i", str(lists.urls)]
    return {
        "multi-fetch --ndjson": ours,
        "curl --parallel": curl,
        "curl --parallel -w %{json}": [*curl, "-w", "%{json}\\n"],
        "wget2 -O /dev/null": [*wget2, "-O", "/dev/null"],
    }


def saving(lists: Lists, at_once: int) -> dict[str, list[str]]:
    ours = discarding(lists, at_once)["multi-fetch --ndjson"]
    curl = ["curl", "-s", "--parallel", "--parallel-max", str(at_once), "-K", str(lists.save)]
    aria2c = ["aria2c", "-q", "-j", str(at_once), "-i", str(lists.urls)]
    wget2 = ["wget2", "-q", f"--max-threads={at_once}", "-i", str(lists.urls)]
    return {
        "multi-fetch --ndjson --output-dir": [*ours, "--output-dir", str(lists.saved)],
        "curl --parallel, saving": curl,
        "curl --parallel, saving, -w %{json}": [*curl, "-w", "%{json}\\n"],
        "aria2c -d": [*aria2c, "-d", str(lists.saved)],
        "wget2 -P": [*wget2, "-P", str(lists.saved)],
    }


def large(lists: Lists) -> dict[str, list[str]]:
    thrown, kept = discarding(lists, LARGE_AT_ONCE), saving(lists, LARGE_AT_ONCE)
    ours, ours_saving = thrown["multi-fetch --ndjson"], kept["multi-fetch --ndjson --output-dir"]
    curl = kept["curl --parallel, saving"]
    openssl = f"openssl dgst -sha256 {shlex.quote(str(lists.saved))}/*"
    return {
        "curl --parallel": thrown["curl --parallel"],
        "multi-fetch": ours,
        "multi-fetch --sha256": [*ours, "--sha256"],
        "curl --parallel, saving": curl,
        "multi-fetch --output-dir": ours_saving,
        "multi-fetch --output-dir --sha256": [*ours_saving, "--sha256"],
        "curl, saving; openssl dgst -sha256": ["sh", "-c", f"{shlex.join(curl)} && {openssl}"],
    }


def growing(lists: Lists) -> dict[str, list[str]]:
    thrown, kept = discarding(lists, SMALL_AT_ONCE), saving(lists, SMALL_AT_ONCE)
    return {**thrown, "aria2c -d": kept["aria2c -d"]}


def run(command: list[str], lists: Lists) -> float:
    """Return the seconds that it took; its records go to a file, as a user's would."""
    lists.prepare()
    with (lists.folder / "records").open("wb") as file:
        started = time.perf_counter()
        subprocess.run(command, stdout=file, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started


def check(name: str, command: list[str], lists: Lists, nginx: Nginx, size: int) -> None:
    """Run it, and see that it asks for everything, and saves or records it if it is to."""
    before = nginx.requests()
    run(command, lists)
    asked = nginx.requests() - before
    assert asked == lists.count, f"{name}: {asked} requests"
    sizes = [path.stat().st_size for path in lists.saved.iterdir()]
    assert not sizes or sizes == [size] * lists.count, f"{name}: {len(sizes)} files"
    records = (lists.folder / "records").read_text().splitlines()
    if "ndjson" in " ".join(command) or "json" in name:
        wanted = (f'"bytes": {size},', f'"size_download":{size},')
        full = sum(any(one in record for one in wanted) for record in records)
        assert full == lists.count, f"{name}: {full} records"


def contest(commands: dict[str, list[str]], lists: Lists, rounds: int) -> Times:
    times: Times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, seconds in times.items():
            seconds.append(run(commands[name], lists))
    lists.prepare()
    return times


def show(title: str, times: Times, base: str) -> None:
    """Print the times, and how many times as long as another's the median is."""
    usual = statistics.median(times[base])
    print(f"\n{title + '; seconds: least, median, most':<66} ratio")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        figures = f"{min(seconds):7.2f} {middle:7.2f} {max(seconds):7.2f}"
        print(f"{name:<42} {figures} {middle / usual:7.2f}")


def peak(command: list[str], lists: Lists) -> tuple[float, int]:
    """Return its seconds, and its peak memory in MiB, measured from a parent that is small."""
    lists.prepare()
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-S", "-c", PEAK, *command], stderr=subprocess.PIPE, check=True
    )
    seconds = time.perf_counter() - started
    lists.prepare()
    return seconds, int(done.stderr.splitlines()[-1]) // 1024


def show_growth(folder: Path, nginx: Nginx) -> None:
    """Print how time and memory grow with the list."""
    print(f"\n{'of so many URLs':<36} {FEW:>9,}: s    MiB {MANY:>9,}: s    MiB")
    lists = [
        Lists(folder / str(count), [f"{nginx.url}/any/{number}" for number in range(count)])
        for count in (FEW, MANY)
    ]
    for name in growing(lists[0]):
        (short, small), (long, big) = (peak(growing(one)[name], one) for one in lists)
        print(f"{name:<36} {short:12.2f} {small:6} {long:12.2f} {big:6}", flush=True)


def make_files(root: Path) -> None:
    """Make what is served; the large files are one file with many names."""
    root.mkdir(mode=0o755)
    for number in range(SMALL):
        (root / f"small-{number}").write_bytes(os.urandom(SMALL_SIZE))
    (root / "any").write_bytes(os.urandom(SMALL_SIZE))
    (root / "large-0").write_bytes(os.urandom(LARGE_SIZE))
    for number in range(1, LARGE):
        (root / f"large-{number}").hardlink_to(root / "large-0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="for all files (default: the system's)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the worker of nginx is nobody
        make_files(folder / "root")
        with serving(folder / "root") as nginx:
            small = Lists(folder / "small", [f"{nginx.url}/small-{n}" for n in range(SMALL)])
            big = Lists(folder / "large", [f"{nginx.url}/large-{n}" for n in range(LARGE)])
            thrown, kept = discarding(small, SMALL_AT_ONCE), saving(small, SMALL_AT_ONCE)
            for commands, lists, size in (
                (thrown, small, SMALL_SIZE),
                (kept, small, SMALL_SIZE),
                (large(big), big, LARGE_SIZE),
            ):
                for one, command in commands.items():
                    check(one, command, lists, nginx, size)
            title = f"{SMALL:,} x 10 KiB, {SMALL_AT_ONCE} at once"
            base = "curl --parallel"
            show(title, contest(thrown, small, options.rounds), base)
            show(f"{title}, saved", contest(kept, small, options.rounds), f"{base}, saving")
            title = f"{LARGE} x 100 MiB, {LARGE_AT_ONCE} at once"
            openssl = "curl, saving; openssl dgst -sha256"
            show(title, contest(large(big), big, options.rounds), openssl)
            show_growth(folder, nginx)


main()
