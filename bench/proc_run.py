"""proc-run against timeout(1) and the plain pipe: starts, output that passes, time-outs.

Both sides run in turn. `start` and `late` are whole processes, Python's start included. `flow` is
so many bytes of output, on their way through a pipe and cat, or through proc-run. `memory` is the
peak (VmHWM) meanwhile. `trickle` is the time from a command's write of a line to its arrival here.

    python bench/proc_run.py [--rounds N] [--size BYTES] [--installed BIN] [NAME...]
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
TIMEOUT_S = 0.2
LINES, PAUSE_S = 200, 0.01
SHORT = 100  # bytes of a write
HELD = 5  # what is held back is a fifth of what flows

TRICKLE = f"""
import os, time
for _ in range({LINES}):
    time.sleep({PAUSE_S})
    os.write(1, b"%d\\n" % time.monotonic_ns())
"""


@dataclass(frozen=True)
class Bench:
    """What the command line says."""

    rounds: int
    size: int
    folder: Path
    commands: Mapping[str, str] = field(repr=False)
    """Each proc-run, by where it is installed."""

    @property
    def report(self) -> list[str]:
        return ["--json-file", str(self.folder / "report")]


def quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def seconds_of(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: PLW1510
    return time.perf_counter() - started


def in_turn(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each command; a first round, which writes bytecode, is not counted."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = seconds_of(command)
            if number:
                found[name].append(seconds)
    return found


def start(bench: Bench) -> None:
    commands: dict[str, Sequence[str]] = {
        "timeout 5 true": ["timeout", "5", "true"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    for where, command in bench.commands.items():
        for options in ([], ["-t", "5"], ["--json", "-t", "5"]):
            name = " ".join(["proc-run", *options, "true"])
            commands[f"{name}, {where}"] = [command, *options, "true"]
    measured = in_turn(commands, 10 * bench.rounds)
    theirs = measured["timeout 5 true"]
    print(f"{'milliseconds: least, median, most; more than timeout':52}")
    for name, seconds in measured.items():
        more = statistics.median(a - b for a, b in zip(seconds, theirs, strict=True))
        shown = [1000 * one for one in (min(seconds), statistics.median(seconds), max(seconds))]
        print(f"{name:44} {shown[0]:6.1f} {shown[1]:6.1f} {shown[2]:6.1f}  {1000 * more:6.1f}")


def flow(bench: Bench) -> None:
    ours = " ".join([bench.commands["checkout"], *bench.report, "--"])
    plain = f"{bench.commands['checkout']} --"
    quiet = f"{bench.commands['checkout']} --quiet-on-success --"
    out = bench.folder / "out"
    zeros = f"head -c {bench.size} /dev/zero"
    fewer = f"head -c {bench.size // HELD} /dev/zero"
    lines = f"sh -c 'yes 2026-01-01T00:00:00Z a line of a log | head -c {bench.size}'"
    short = f"dd if=/dev/zero bs={SHORT} count={bench.size // SHORT // 10} status=none"
    print(f"{'seconds: least, median, most':28} {'ours':^20}   {'theirs':^20}   speed")
    for name, left, right in [
        ("to a pipe", f"{ours} {zeros} | cat >/dev/null", f"{zeros} | cat | cat >/dev/null"),
        ("to /dev/null", f"{ours} {zeros} >/dev/null", f"{zeros} | cat >/dev/null"),
        ("to a file", f"{ours} {zeros} >{out}", f"{zeros} | cat >{out}"),
        ("lines, to a pipe", f"{ours} {lines} | cat >/dev/null", f"{lines} | cat | cat >/dev/null"),
        ("short writes, to a pipe", f"{ours} {short} | cat >{out}", f"{short} | cat | cat >{out}"),
        (
            "not watched, to a pipe",
            f"{plain} {zeros} | cat >/dev/null",
            f"{zeros} | cat >/dev/null",
        ),
        ("held back, a fifth", f"{quiet} {fewer} >/dev/null", f"{fewer} | cat >{out}"),
    ]:
        check(left, right)
        sides = {"ours": ["sh", "-c", left], "theirs": ["sh", "-c", right]}
        measured = in_turn(sides, bench.rounds)
        shown = [
            f"{min(seconds):6.3f} {statistics.median(seconds):6.3f} {max(seconds):6.3f}"
            for seconds in measured.values()
        ]
        ratio = statistics.median(measured["theirs"]) / statistics.median(measured["ours"])
        print(f"{name:28} {shown[0]}   {shown[1]}   {ratio:5.2f}", flush=True)


def check(*pipelines: str) -> None:
    """Nothing is lost on the way: what goes to cat is counted instead."""
    counted = [one.replace("cat >/dev/null", "wc -c") for one in pipelines if "| cat >/dev" in one]
    found = {
        subprocess.run(["sh", "-c", one], env=ENVIRONMENT, capture_output=True, check=True).stdout
        for one in counted
    }
    assert len(found) <= 1, (pipelines, found)


def peak_mib(command: Sequence[str]) -> float:
    """The largest VmHWM that a process was seen to have: it never shrinks."""
    found = 0
    with (
        subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process,
        subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL),
    ):
        assert process.stdout
        process.stdout.close()
        while process.poll() is None:
            with suppress(OSError, IndexError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                found = max(found, int(status.split("VmHWM:")[1].split()[0]))
            time.sleep(0.002)
    return found / 1024


def memory(bench: Bench) -> None:
    command = bench.commands["checkout"]
    many = ["--", "head", "-c", str(bench.size), "/dev/zero"]
    fewer = str(bench.size // HELD)
    failing = ["--", "sh", "-c", f"head -c {fewer} /dev/zero; exit 1"]
    print("MiB at the peak: Python alone has", end=" ")
    print(f"{peak_mib([sys.executable, '-c', 'import time; time.sleep(0.1)']):.1f}")
    for options, words in [
        ([], many),
        (bench.report, many),
        (["--json"], many),
        ([*bench.report, "--tail-bytes", "1M"], many),
        ([*bench.report, "--redact", "secret"], many),
        (["--max-output", "1M"], many),
        (["--pty"], ["--", "head", "-c", fewer, "/dev/zero"]),
        (["--quiet-on-success"], ["--", "head", "-c", fewer, "/dev/zero"]),
        (["--quiet-on-success"], failing),
    ]:
        name = " ".join(["proc-run", *(Path(one).name for one in options)])
        size = bench.size if words is many else bench.size // HELD
        what = f"{name}: {size / 1e6:,.0f} MB{', and fails' if words is failing else ''}"
        print(f"{what:62} {peak_mib([command, *options, *words]):5.1f}", flush=True)


def delays(command: Sequence[str]) -> list[float]:
    """Microseconds that each line took to us."""
    found: list[float] = []
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        while block := os.read(process.stdout.fileno(), 4096):
            now = time.monotonic_ns()
            found += [(now - int(line)) / 1000 for line in block.split()]
    assert len(found) == LINES
    return found


def trickle(bench: Bench) -> None:
    child = [sys.executable, "-I", "-S", "-c", TRICKLE]
    command = bench.commands["checkout"]
    commands = {
        "a pipe": child,
        "a pipe and cat": ["sh", "-c", '"$@" | cat', "sh", *child],
        "proc-run": [command, "--", *child],
        "proc-run --json-file report": [command, *bench.report, "--", *child],
        "proc-run --pty": [command, "--pty", "--", *child],
    }
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(max(1, bench.rounds // 4)):
        for name, words in commands.items():
            measured[name] += delays(words)
    print("microseconds of a line: median, p99, most")
    for name, micro in measured.items():
        middle, late_ones, most = (quantile(micro, part) for part in (0.5, 0.99, 1))
        print(f"{name:44} {middle:6.0f} {late_ones:6.0f} {most:6.0f}")


def late(bench: Bench) -> None:
    """A time-out is late by what a run takes beyond it, less what a start takes."""
    command = bench.commands["checkout"]
    commands: dict[str, Sequence[str]] = {}
    for limit, words in [("5", ["true"]), (str(TIMEOUT_S), ["sleep", "30"])]:
        commands[f"timeout {limit}"] = ["timeout", limit, *words]
        commands[f"proc-run {limit}"] = [command, "-t", limit, *words]
    measured = in_turn(commands, 2 * bench.rounds)
    print(f"milliseconds beyond {TIMEOUT_S:g} s: least, median, most; less a start")
    for name in ("timeout", "proc-run"):
        beyond = [1000 * (one - TIMEOUT_S) for one in measured[f"{name} {TIMEOUT_S:g}"]]
        begun = 1000 * statistics.median(measured[f"{name} 5"])
        middle = statistics.median(beyond)
        print(
            f"{name:44} {min(beyond):6.1f} {middle:6.1f} {max(beyond):6.1f}  {middle - begun:6.1f}"
        )
    own = [1000 * (own_duration_s(bench) - TIMEOUT_S) for _ in range(2 * bench.rounds)]
    print(
        f"{'proc-run, by its own report':44} "
        f"{min(own):6.1f} {statistics.median(own):6.1f} {max(own):6.1f}"
    )


def own_duration_s(bench: Bench) -> float:
    """From the command's start to its end after a time-out, as proc-run reports it."""
    command = bench.commands["checkout"]
    seconds_of([command, *bench.report, "-t", str(TIMEOUT_S), "sleep", "30"])
    duration_ms: float = json.loads((bench.folder / "report").read_text())["duration_ms"]
    return duration_ms / 1000


BENCHES: list[Callable[[Bench], None]] = [start, flow, memory, trickle, late]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [one.__name__ for one in BENCHES]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size", type=int, default=1_000_000_000, help="bytes that flow")
    parser.add_argument(
        "--installed", type=Path, help="where the wheels' proc-run is (see `make pip-smoke`)"
    )
    arguments = parser.parse_args()
    commands = {"checkout": str(BIN / "proc-run")}
    if arguments.installed:
        commands["wheels"] = str(arguments.installed.resolve() / "proc-run")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(arguments.rounds, arguments.size, Path(name), commands)
        for one in BENCHES:
            if not arguments.names or one.__name__ in arguments.names:
                one(bench)
                print(flush=True)


if __name__ == "__main__":
    main()
