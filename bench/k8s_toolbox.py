"""k8s-toolbox against kubectl, and both against the same server in the same run.

The server is bench/support/kube_server.py: what it answers was rendered before, so that the
clients' own time is what counts. With --namespace, pods of a real cluster's are listed, too; it is
only read. Whole processes in rounds of random order, after one that is not counted. That both tell
of the same pods and lines is checked first.

    python bench/k8s_toolbox.py [--rounds N] [--namespace NS]
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.support.kube_server import FEW, LINES, MANY, SHARING

from tests.support.certificates import Authority

SERVER = Path(__file__).parent / "support" / "kube_server.py"
BIN = Path(sys.executable).parent
UNSET = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}  # they make any start slower
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in UNSET}
TOOLBOX = str(BIN / "k8s-toolbox")
POD = "web-7d9f8b6c5d-00000"
SELECTED = ["-l", "app=web"]
AT_ONCE = f"--max-log-requests={SHARING}"
STARTING_S, WINDOW_S = 4.0, 15.0  # of what follows; kubectl begins with five logs a second
HEADER = f"{'seconds: least, median, most':58}{'ratio':>27} {'MiB':>5}"

Environments = Mapping[str, dict[str, str]]


@dataclass(frozen=True)
class Contender:
    """A command, in which namespace of the server, and how many lines it is to print."""

    name: str
    command: Sequence[str]
    where: str = "many"
    lines: int | None = None
    terminal: bool = False


@dataclass
class Found:
    """What was measured of a contender."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0


def kubectl(*words: str) -> list[str]:
    return [str(BIN / "kubectl"), *words]


def toolbox(*words: str) -> list[str]:
    return [TOOLBOX, *words]


STARTS = [
    Contender("python -c pass", [sys.executable, "-c", "pass"]),
    Contender("k8s-toolbox --help", toolbox("--help")),
]
LISTS = [
    Contender("kubectl get pods", kubectl("get", "pods"), lines=MANY + 1),
    Contender("k8s-toolbox pods", toolbox("pods"), lines=MANY),
    Contender("k8s-toolbox pods --json", toolbox("pods", "--json"), lines=MANY * 12 + 2),
    Contender("kubectl get pods, on a terminal", kubectl("get", "pods"), terminal=True),
    Contender("k8s-toolbox pods, on a terminal", toolbox("pods"), terminal=True),
]
FEW_PODS = [
    Contender(f"kubectl get pods, of {FEW}", kubectl("get", "pods"), "few", FEW + 1),
    Contender(f"k8s-toolbox pods, of {FEW}", toolbox("pods"), "few", FEW),
]
LOGS = [
    Contender("kubectl logs POD", kubectl("logs", POD), "big", LINES),
    Contender("k8s-toolbox logs POD", toolbox("logs", POD), "big", LINES),
    Contender("k8s-toolbox logs POD --grep", toolbox("logs", POD, "--grep=9999 "), "big", 100),
    Contender("k8s-toolbox logs POD --json", toolbox("logs", POD, "--json"), "big", LINES),
]
SHARED_LOGS = [
    Contender(
        f"kubectl logs, {SHARING} pods one after the other",
        kubectl("logs", *SELECTED, "--tail=-1", AT_ONCE),
        "shared",
        LINES,
    ),
    Contender(
        f"k8s-toolbox logs, {SHARING} pods in the order of time",
        toolbox("logs", *SELECTED, "--tail=-1"),
        "shared",
        LINES,
    ),
]
FOLLOWERS = [
    Contender(
        f"kubectl logs -f --prefix, {SHARING} pods",
        kubectl("logs", *SELECTED, "-f", "--prefix", AT_ONCE),
        "live",
    ),
    Contender(f"k8s-toolbox logs -f, {SHARING} pods", toolbox("logs", *SELECTED, "-f"), "live"),
]


@contextmanager
def serving(folder: Path) -> Iterator[Environments]:
    """Run the server; yield an environment for each of its namespaces."""
    authority = Authority(folder / "authority")
    files = map(str, authority.server("server"))
    command = [sys.executable, str(SERVER), *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"https://127.0.0.1:{process.stdout.readline().strip()}"
        try:
            yield {
                namespace: ENVIRONMENT | {"KUBECONFIG": str(kubeconfig(folder, namespace, url))}
                for namespace in ("many", "few", "big", "shared", "live")
            }
        finally:
            process.terminate()


def kubeconfig(folder: Path, namespace: str, url: str) -> Path:
    cluster = {"server": url, "certificate-authority": str(folder / "authority" / "ca.pem")}
    context = {"cluster": "it", "user": "us", "namespace": namespace}
    path = folder / f"{namespace}.json"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": cluster}],
                "users": [{"name": "us", "user": {"token": "t0ken"}}],
                "contexts": [{"name": "it", "context": context}],
            }
        )
    )
    return path


def command_of(one: Contender) -> Sequence[str]:
    return ["script", "-qec", " ".join(one.command), "/dev/null"] if one.terminal else one.command


def seconds_of(one: Contender, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        command_of(one),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def peak_mib(one: Contender, environment: dict[str, str]) -> float:
    """The largest VmHWM that the process was seen to have: it never shrinks."""
    found = 0.0
    with subprocess.Popen(one.command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = max(found, high_water_mib(process.pid))
            time.sleep(0.002)
    return found


def high_water_mib(pid: int) -> float:
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    return 0.0


def check(contenders: Sequence[Contender], environments: Environments) -> None:
    """All print what they are to print, and pods look the same."""
    for one in contenders:
        if one.lines is None:
            continue
        done = subprocess.run(
            one.command, env=environments[one.where], stdout=subprocess.PIPE, check=True
        )
        found = done.stdout.count(b"\n")
        assert found == one.lines, (one.name, found)
    theirs, ours = (
        subprocess.run(
            one.command, env=environments["many"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for one in LISTS[:2]
    )
    first = [[line.split()[:3] for line in lines] for lines in (theirs[1:], ours)]
    assert first[0] == first[1]


def race(
    contenders: Sequence[Contender], environments: Environments, rounds: int
) -> dict[str, Found]:
    """Measure each; a first round, which writes bytecode, is not counted."""
    found = {one.name: Found() for one in contenders}
    for number in range(rounds + 1):
        for one in random.sample(contenders, len(contenders)):
            seconds = seconds_of(one, environments[one.where])
            if number:
                found[one.name].seconds.append(seconds)
    for one in contenders:
        if not one.terminal:
            found[one.name].peak_mib = peak_mib(one, environments[one.where])
    return found


def report(title: str, found: Mapping[str, Found]) -> None:
    """Print what was measured; ratios are to the first."""
    print(f"\n{title}\n{HEADER}")
    first = statistics.median(next(iter(found.values())).seconds)
    for name, one in found.items():
        middle = statistics.median(one.seconds)
        print(f"{name:58}{min(one.seconds):7.3f} {middle:6.3f} {max(one.seconds):6.3f} ", end="")
        memory = f"{one.peak_mib:5.0f}" if one.peak_mib else ""
        print(f"{middle / first:5.2f} {memory}", flush=True)


def follow(one: Contender, environment: dict[str, str], output: Path) -> None:
    """Print what part of a core it takes to follow logs, once all are followed."""
    with (
        output.open("wb") as file,
        subprocess.Popen(
            one.command, env=environment, stdout=file, stderr=subprocess.DEVNULL
        ) as process,
    ):
        time.sleep(one_by_one_s(one))
        before, lines_before, started = cpu_s(process.pid), lines_of(output), time.monotonic()
        time.sleep(WINDOW_S)
        seconds = time.monotonic() - started
        core = (cpu_s(process.pid) - before) / seconds
        lines = (lines_of(output) - lines_before) / seconds
        peak = high_water_mib(process.pid)
        process.terminate()
    print(f"{one.name:58} {core:7.3f} {lines:7.0f} {peak:5.0f}", flush=True)


def one_by_one_s(one: Contender) -> float:
    """How long to wait until all logs are followed: kubectl asks for five a second, after ten."""
    return STARTING_S + (SHARING / 5 if "kubectl" in one.name else 0)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def real(namespace: str, rounds: int) -> None:
    """Lists of a real cluster, which KUBECONFIG names."""
    words = ["-n", namespace]
    contenders = [
        Contender("kubectl get pods", kubectl("get", "pods", *words)),
        Contender("k8s-toolbox pods", toolbox("pods", *words)),
    ]
    report(f"namespace {namespace} of the cluster", race(contenders, {"many": ENVIRONMENT}, rounds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--namespace", help="of a real cluster, to list its pods, too")
    arguments = parser.parse_args()
    if arguments.namespace:
        real(arguments.namespace, arguments.rounds)
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as environments:
        check([*LISTS, *FEW_PODS, *LOGS, *SHARED_LOGS], environments)
        print(f"{'follow: ' + str(SHARING) + ' pods':58} {'core':>7} {'lines/s':>7} {'MiB':>5}")
        for one in FOLLOWERS:
            follow(one, environments[one.where], Path(name, "followed"))
        report("start", race(STARTS, environments, 2 * arguments.rounds))
        report(f"{MANY} pods", race(LISTS, environments, arguments.rounds))
        report("a few pods", race(FEW_PODS, environments, arguments.rounds))
        few = max(2, arguments.rounds // 4)
        report(f"{LINES} lines", race(LOGS, environments, few))
        report(f"{LINES} lines of {SHARING} pods", race(SHARED_LOGS, environments, few))


if __name__ == "__main__":
    main()
