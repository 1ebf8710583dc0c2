"""image-pruner against `docker image ls` with `docker system df -v`, and against the SDK alone.

A dockerd of our own has 1,025 images: 50 repositories of 20 tags with a middle layer each, on 5
bases, and 20 dangling ones. All commands are whole processes, in rounds of random order. How many
images each of them saw is checked first, and what image-pruner asked for is counted by a proxy.

    python bench/image_pruner.py [--rounds N] [--installed BIN]
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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.docker import Engine, dockerd
from tests.support.images import Made, layer
from tests.support.socket_proxy import recording

BASES, REPOSITORIES, TAGS, DANGLING, CONTAINERS = 5, 50, 20, 20, 30
IMAGES = BASES + REPOSITORIES * TAGS + DANGLING
DAYS_APART = 3  # of two tags
OLD_DAYS = 400
BIN = Path(sys.executable).parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

LIST = ["docker", "image", "ls"]
USAGE = ["docker", "system", "df", "-v"]
ONE_LIST = """
import docker
print(len(docker.from_env().api.images(all=True)))
"""
NAIVE = """
import docker
client = docker.from_env().api
images = client.images(all=True)
client.containers(all=True)
client.df()
print(len([client.inspect_image(image["Id"]) for image in images]))
"""
RUNS = [
    [],
    ["--older-than", "36500d"],
    ["--older-than", "30d"],
    ["--older-than", "0"],
    ["--keep-last", "10"],
    ["--filter", "team/app7"],
    ["--keep-last", "10", "--json"],
]


class Asked(NamedTuple):
    """What a run of image-pruner asked the daemon for."""

    inspections: int
    histories: int
    others: int


@dataclass(frozen=True)
class Contender:
    """A command, and how many lines or images it is to tell of."""

    name: str
    command: Sequence[str]

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("image-pruner")


def stock() -> Iterator[Made]:
    """Yield the images: tags of a repository that are younger have higher numbers."""
    bases = [layer(f"base{number}", 20_000) for number in range(BASES)]
    for number, base in enumerate(bases):
        yield Made((f"base{number}:1",), (base,), days_ago(OLD_DAYS))
    for number in range(REPOSITORIES):
        below = (bases[number % BASES], layer(f"middle{number}", 5_000 + number))
        for tag in range(TAGS):
            top = layer(f"top{number}-{tag}", 1_000 + tag)
            made = days_ago(DAYS_APART * (TAGS - tag))
            yield Made((f"team/app{number}:{tag}",), (*below, top), made)
        if number < DANGLING:
            top = layer(f"rebuilt{number}", 1_000)
            yield Made((), (*below, top), days_ago(number))


def days_ago(number: int) -> str:
    moment = datetime.now(UTC) - timedelta(days=number)
    return moment.strftime("%Y-%m-%dT12:00:00Z")


@contextmanager
def filled() -> Iterator[Engine]:
    """Run a dockerd with the images and the containers."""
    with dockerd() as engine:
        started = time.monotonic()
        engine.load(*stock())
        for number in range(CONTAINERS):
            engine.container(f"team/app{number}:{number % TAGS}", f"app{number}")
        print(f"{IMAGES} images, loaded in {time.monotonic() - started:.0f} s\n", flush=True)
        yield engine


def contenders(installed: Mapping[str, Path]) -> Iterator[Contender]:
    yield Contender(" ".join(LIST), LIST)
    yield Contender(" ".join(USAGE), USAGE)
    yield Contender("Python, its SDK and one list", [sys.executable, "-c", ONE_LIST])
    yield Contender("the same, each image inspected", [sys.executable, "-c", NAIVE])
    for where, folder in installed.items():
        for options in RUNS:
            name = " ".join(["image-pruner", *options]) + where
            yield Contender(name, [str(folder / "image-pruner"), *options])


def environment(host: str) -> dict[str, str]:
    return {**ENVIRONMENT, "DOCKER_HOST": host}


def seconds_of(command: Sequence[str], host: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        command,
        env=environment(host),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def check(contender: Contender, host: str) -> None:
    """All of them have seen all images."""
    done = subprocess.run(
        contender.command, env=environment(host), capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    if "--json" in contender.command:
        found = len(json.loads(done.stdout)["images"])
    elif contender.is_ours:
        found = len(lines)
    elif contender.command[0] == "docker":
        found = sum("sha256" in line or "ago" in line for line in lines) - (
            CONTAINERS if "df" in contender.command else 0
        )
    else:
        found = int(done.stdout)
    assert found == IMAGES, (contender.name, found)


def asked_by(contender: Contender, engine: Engine) -> Asked:
    with (
        tempfile.TemporaryDirectory() as name,
        recording(engine.socket, Path(name)) as proxy,
    ):
        seconds_of(contender.command, proxy.host)
        assert not proxy.writes
        paths = proxy.paths()
    histories = sum(path.endswith("/history") for path in paths)
    inspections = sum(path.startswith("/images/sha256:") for path in paths) - histories
    return Asked(inspections, histories, len(paths) - inspections - histories)


def peak_mib(command: Sequence[str], host: str) -> float:
    """The largest VmHWM that a process was seen to have: it never shrinks."""
    found = 0
    with subprocess.Popen(
        command, env=environment(host), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            with suppress(OSError, IndexError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                found = max(found, int(status.split("VmHWM:")[1].split()[0]))
            time.sleep(0.002)
    return found / 1024


def race(field: Sequence[Contender], host: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each; a first round, which writes bytecode, is not counted."""
    found: dict[str, list[float]] = {one.name: [] for one in field}
    for number in range(rounds + 1):
        for contender in random.sample(field, len(field)):
            seconds = seconds_of(contender.command, host)
            if number:
                found[contender.name].append(seconds)
    return found


def report(field: Sequence[Contender], found: Mapping[str, list[float]], engine: Engine) -> None:
    theirs = [sum(pair) for pair in zip(found[" ".join(LIST)], found[" ".join(USAGE)], strict=True)]
    print(
        f"{'seconds: least, median, most':46}{'ratio':>26} {'MiB':>5} {'inspected':>9} "
        f"{'histories':>9} {'others':>6}"
    )
    print(f"{'the two docker commands':46}{_figures(theirs, theirs)}")
    for one in field:
        print(f"{one.name:46}{_figures(found[one.name], theirs)}", end="")
        print(f" {peak_mib(one.command, engine.host):5.0f}", end="")
        if one.is_ours:
            asked = asked_by(one, engine)
            print(f" {asked.inspections:9} {asked.histories:9} {asked.others:6}", end="")
        print(flush=True)


def _figures(seconds: Sequence[float], theirs: Sequence[float]) -> str:
    middle = statistics.median(seconds)
    ratio = middle / statistics.median(theirs)
    return f" {min(seconds):6.2f} {middle:6.2f} {max(seconds):6.2f} {ratio:5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--installed", type=Path, help="where another image-pruner is, such as the wheels'"
    )
    arguments = parser.parse_args()
    installed = {"": BIN}
    if arguments.installed:
        installed[", installed"] = arguments.installed.resolve()
    field = list(contenders(installed))
    with filled() as engine:
        for contender in field:
            check(contender, engine.host)
        report(field, race(field, engine.host, arguments.rounds), engine)


if __name__ == "__main__":
    main()
