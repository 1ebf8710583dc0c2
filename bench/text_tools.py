"""text-utils and logtools against GNU wc, grep, head and tail, ripgrep, dos2unix and unix2dos.

Both sides of a comparison run in turn on the same generated log, with what they print checked to
be the same first; output goes to a file (GNU grep does not work for /dev/null). Start-up is
measured on an empty file, peaks also on a sparse file of 5 GB, which is one line of NULs.

    python bench/text_tools.py [--rounds N] [--size BYTES] [--folder DIR] [NAME...]
"""

import argparse
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
SPARSE = 5 * 1000**3
EPOCH = 1_767_225_600  # 2026-01-01
WORDS = ["connection", "request", "upstream", "timeout", "queue", "snapshot", "retry", "handler"]
C, UTF8 = {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}
RARE, UNIQUE, SOME, THIRD, HALF, ALL = (
    "needle-not-there",
    "unique-needle",
    "worker-7]",
    "[DEBUG]",
    "[INFO]",
    "e",
)


@dataclass(frozen=True)
class Pair:
    """Our command and theirs."""

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]
    env: dict[str, str] = field(default_factory=lambda: C)
    same: bool = True
    stdin: str | None = None


def lines(size: int) -> Iterator[bytes]:
    """A log of about that many bytes, in order of time."""
    chance, total, number = random.Random(7), 0, 0  # noqa: S311
    while total < size:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(EPOCH + number // 50))
        level = chance.choice(("INFO", "INFO", "INFO", "DEBUG", "DEBUG", "ERROR"))
        text = " ".join(chance.choices(WORDS, k=chance.randrange(4, 12)))
        line = f"{stamp}.{number % 50 * 20:03d}Z [{level}] worker-{chance.randrange(20)}] {text}\n"
        number += 1
        total += len(line)
        yield line.encode()


def make_log(path: Path, size: int) -> None:
    """In a process of its own: the peak of a child includes what its parent had."""
    if child := os.fork():
        assert not os.waitpid(child, 0)[1]
        return
    block = list(lines(min(size, 25_000_000)))
    with path.open("wb") as file:
        while file.tell() < size:
            file.writelines(block)
        file.write(b"the end has a unique-needle\n")
    os._exit(0)


def pairs(folder: Path) -> list[Pair]:
    log, crlf, out, there = (str(folder / name) for name in ("log", "crlf", "out", "out2"))
    wc, contains, normalize, logtools = (
        str(BIN / name) for name in ("wc-lite", "contains", "normalize", "logtools")
    )
    found = [
        Pair("wc, C", [wc, log], ["wc", log]),
        Pair("wc, UTF-8", [wc, log], ["wc", log], UTF8),
        Pair("wc -l", [wc, "-l", log], ["wc", "-l", log]),
        Pair("wc -m, UTF-8", [wc, "-m", log], ["wc", "-m", log], UTF8),
        Pair("wc -L, UTF-8", [wc, "-L", log], ["wc", "-L", log], UTF8),
    ]
    for name, needle in [("absent", RARE), ("at the end", UNIQUE)]:
        found += [
            Pair(f"contains, {name}", [contains, log, needle], ["grep", "-qF", needle, log]),
            Pair(f"contains, {name}, rg", [contains, log, needle], ["rg", "-qF", needle, log]),
            Pair(
                f"contains -i, {name}",
                [contains, "-i", log, needle],
                ["grep", "-qiF", needle, log],
            ),
        ]
    for name, needle in [
        ("absent", RARE),
        ("one", UNIQUE),
        ("1 in 20", SOME),
        ("1 in 3", THIRD),
        ("1 in 2", HALF),
        ("all", ALL),
    ]:
        ours = [logtools, "grep", "-c", log, needle]
        found += [
            Pair(f"grep -c, {name}", ours, ["grep", "-cF", needle, log]),
            Pair(f"grep -c, {name}, rg", ours, ["rg", "-cF", "--include-zero", needle, log]),
            Pair(
                f"grep -ci, {name}",
                [logtools, "grep", "-ci", log, needle],
                ["grep", "-ciF", needle, log],
            ),
            Pair(f"grep, {name}", [logtools, "grep", log, needle], ["grep", "-F", needle, log]),
        ]
    found += [
        Pair(
            "grep -n, 1 in 20",
            [logtools, "grep", "-n", log, SOME],
            ["grep", "-nF", SOME, log],
        ),
        Pair("grep -v, 1 in 3", [logtools, "grep", "-v", log, THIRD], ["grep", "-vF", THIRD, log]),
        Pair("head -n 2000000", [logtools, "head", "-n2000000", log], ["head", "-n2000000", log]),
        Pair("tail -n 100000", [logtools, "tail", "-n100000", log], ["tail", "-n100000", log]),
        Pair("tail -n 2000000", [logtools, "tail", "-n2000000", log], ["tail", "-n2000000", log]),
        Pair(
            "tail -n 100000, pipe", [logtools, "tail", "-n100000"], ["tail", "-n100000"], stdin=log
        ),
        Pair("wc, pipe", [wc], ["wc"], UTF8, stdin=log),
        Pair(
            "grep -c, one, pipe",
            [logtools, "grep", "-c", UNIQUE],
            ["grep", "-cF", UNIQUE],
            stdin=log,
        ),
        Pair(
            "normalize to crlf",
            [normalize, log, "--to", "crlf", "-o", out, "--force"],
            ["unix2dos", "-q", "-n", log, there],
            same=False,
        ),
        Pair(
            "normalize to lf",
            [normalize, crlf, "--to", "lf", "-o", out, "--force"],
            ["dos2unix", "-q", "-n", crlf, there],
            same=False,
        ),
    ]
    python = [sys.executable, "-c", "pass"]
    empty = str(folder / "empty")
    for ours in (
        [wc, empty],
        [contains, empty, "x"],
        [normalize, empty, "--to", "lf", "--check"],
        [normalize, empty, "--to", "lf", "-o", "-"],
        [logtools, "head", empty],
        [logtools, "grep", empty, "x"],
        [logtools, "tail", empty],
    ):
        name = " ".join(Path(one).name for one in ours if one != empty)
        found.append(Pair(f"start: {name}", ours, python, same=False))
    return found


def sparse_commands(folder: Path) -> list[list[str]]:
    big, out = str(folder / "sparse"), "-o"
    wc, contains, normalize, logtools = (
        str(BIN / name) for name in ("wc-lite", "contains", "normalize", "logtools")
    )
    return [
        [wc, big],
        [wc, "--json", big],
        [contains, big, "x"],
        [contains, "-i", big, "x"],
        [normalize, big, "--to", "crlf", "--binary", out, "-"],
        [logtools, "head", "-n1", big],
        [logtools, "grep", "-c", big, "x"],
        [logtools, "grep", "-i", "-v", big, "x"],
        [logtools, "tail", "-n1", big],
    ]


def measure(
    command: Sequence[str], pair_env: dict[str, str], stdin: str | None, output: Path
) -> tuple[float, float]:
    """Seconds, and MiB at the peak."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    source = ["sh", "-c", 'cat "$0" | "$@"', stdin, *command] if stdin else command
    with output.open("w") as file:
        started = time.perf_counter()
        process = subprocess.Popen(source, stdout=file, env={**env, **pair_env})
        _, _, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = 0
    return seconds, usage.ru_maxrss / 1024


def digest(command: Sequence[str], pair_env: dict[str, str], stdin: str | None) -> tuple[int, str]:
    """How a command ends, and of what it prints, the digest."""
    source = ["sh", "-c", 'cat "$0" | "$@"', stdin, *command] if stdin else list(command)
    process = subprocess.Popen(source, stdout=subprocess.PIPE, env={**os.environ, **pair_env})
    assert process.stdout
    with process.stdout:
        found = hashlib.file_digest(process.stdout, "sha256").hexdigest()
    return process.wait(), found


def compare(pair: Pair, rounds: int, output: Path) -> None:
    if pair.same:
        ours, theirs = (
            digest(command, pair.env, pair.stdin) for command in (pair.ours, pair.theirs)
        )
        assert ours == theirs, (pair.name, ours, theirs)
    measured: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        measured["ours"].append(measure(pair.ours, pair.env, pair.stdin, output))
        measured["theirs"].append(measure(pair.theirs, pair.env, pair.stdin, output))
    ours, theirs = ([seconds for seconds, _ in measured[side]] for side in measured)
    ratio = statistics.median(ours) / statistics.median(theirs)
    peak = max(mib for _, mib in measured["ours"])
    print(
        f"{pair.name:42} {min(ours):6.3f} {statistics.median(ours):6.3f} {max(ours):6.3f}   "
        f"{min(theirs):6.3f} {statistics.median(theirs):6.3f} {max(theirs):6.3f}   "
        f"{ratio:5.2f}  {peak:4.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only comparisons whose name begins so")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=500_000_000)
    parser.add_argument("--folder", type=Path, help="where the log is made (default: a new folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        make_log(folder / "log", arguments.size)
        subprocess.run(["unix2dos", "-q", "-n", folder / "log", folder / "crlf"], check=True)
        (folder / "empty").touch()
        print(f"{'seconds: least, median, most':42} {'ours':^20}   {'theirs':^20}   ratio  peak")
        for pair in pairs(folder):
            if not arguments.names or pair.name.startswith(tuple(arguments.names)):
                rounds = 5 * arguments.rounds if "start" in pair.name else arguments.rounds
                compare(pair, rounds, folder / "printed")
        with (folder / "sparse").open("wb") as file:
            file.truncate(SPARSE)
        for command in sparse_commands(folder) if not arguments.names else []:
            seconds, peak = measure(command, C, None, Path(os.devnull))
            shown = " ".join(Path(one).name for one in command)
            print(f"5 GB sparse: {shown:50} {seconds:6.2f} s  {peak:4.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
