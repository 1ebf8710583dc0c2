"""The tool is PID 1: it gets the signals, and nobody else would wait for orphans."""

from pathlib import Path

import pytest

from tests.packing.images import Image
from tests.support.containers import Docker

HOME = ["--tmpfs=/home/toolroll:mode=1777"]
ENDLESS = {
    "tail": (["logtools", "tail", "-f", "/etc/hostname"], ""),
    "contains": (["contains", "-", "x"], ""),
    "fetch": (["multi-fetch", "-"], ""),
    "proc-run": (["proc-run", "--", "sh", "-c", "echo up; exec sleep 100"], "up"),
    "observe": (["observe", "--", "sh", "-c", "echo up; exec sleep 100"], "up"),
}
ORPHANS = "(sleep 0.1 & sleep 0.1 &); sleep 1; grep -l '^State:.Z' /proc/[0-9]*/status; echo end"


@pytest.mark.parametrize(("signal", "code"), [("TERM", 143), ("INT", 130)])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_signal_ends_it(name: str, signal: str, code: int, docker: Docker, image: Image) -> None:
    words, sign = ENDLESS[name]
    with docker.running(*HOME, image("toolroll"), *words) as container:
        docker.until_it_hears(container)
        docker.until_it_says(container, sign)
        assert docker.end(container, signal) == code


@pytest.mark.parametrize("name", ["proc-run", "observe"])
def test_orphans_are_waited_for(name: str, docker: Docker, image: Image) -> None:
    done = docker.run(image("toolroll"), name, "--", "sh", "-c", ORPHANS)
    assert (done.code, done.stdout) == (0, "end\n")


def test_the_tool_is_the_first_process(docker: Docker, image: Image) -> None:
    with docker.running(image("logtools"), "tail", "-f", "/etc/hostname") as container:
        docker.until_it_hears(container)
        pid = docker.inspected(container)["State"]["Pid"]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert words[:3] == [b"/opt/toolroll/bin/python", b"/opt/toolroll/entry", b"tail"]
