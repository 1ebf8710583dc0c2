"""What each image of the Dockerfile adds to its base, and how soon its tool has started.

A dockerd of our own builds them on a Debian that has Python alone. The process itself is timed
inside its container, by the Python there; `/bin/true` shows what a container takes by itself.

    python bench/image.py [--rounds N]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import debian
from tests.support.containers import BASE, Docker
from tests.support.docker import dockerd
from tests.support.layout import TOOLS

INSIDE = """
import statistics, subprocess, sys, time
found = []
for _ in range(int(sys.argv[1]) + 1):
    began = time.perf_counter()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
    found.append(time.perf_counter() - began)
print(statistics.median(found[1:]))
"""


def seconds(docker: Docker, rounds: int, *words: str) -> float:
    """The median of whole `docker run`s."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        docker.does("run", "--rm", "--network=host", "--read-only", *words)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def measure(docker: Docker, name: str, words: list[str], rounds: int) -> None:
    target = name if name in {"release-mirror", "toolroll"} else "tool"
    tag = f"{name}:bench"
    done = docker.build(target, tag, f"--build-arg=TOOL={name}")
    assert done.code == 0, done.stderr
    above = docker.inspected(tag)["Size"] - docker.inspected(BASE)["Size"]
    whole = seconds(docker, rounds, tag, *words, "--version")
    python = ["--entrypoint=/opt/toolroll/bin/python", tag, "-c", INSIDE, str(rounds)]
    itself = docker.does(
        "run",
        "--rm",
        "--network=host",
        "--read-only",
        *python,
        "/opt/toolroll/entry",
        *words,
        "--version",
    )
    print(f"{name:16} {above / 1e6:8.1f} {whole:8.2f} {float(itself):8.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    base = debian.with_python()
    with dockerd() as engine, tempfile.TemporaryDirectory() as name:
        docker = Docker(engine.host, Path(name))
        docker.does("import", str(base), BASE, timeout=120)
        print(f"base: {docker.inspected(BASE)['Size'] / 1e6:.1f} MB, ", end="")
        print(f"/bin/true in it: {seconds(docker, rounds, BASE, '/bin/true'):.2f} s\n")
        print(f"{'':16} {'MB above':>8} {'run, s':>8} {'itself':>8}")
        for tool in TOOLS:
            words = sorted(tool.scripts)[-1:] if len(tool.scripts) > 1 else []
            measure(docker, tool.name, words, rounds)
        measure(docker, "toolroll", ["release-mirror"], rounds)


if __name__ == "__main__":
    main()
