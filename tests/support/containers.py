"""Images of our Dockerfile and containers of them, through the docker command and a daemon of ours.

Containers use the host's network: what a test serves on loopback is on theirs, too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Finished
from tests.support.debian import CERTIFICATES
from tests.support.layout import ROOT
from tests.support.waiting import until

BASE = "debian-with-python:test"
BUILD_S, RUN_S = 400, 60
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
SETTINGS = ("index-url", "extra-index-url", "proxy", "trusted-host")


class Docker:
    """The docker command, on a daemon; secrets of builds lie in a folder."""

    def __init__(self, host: str, folder: Path) -> None:
        self.host, self.folder = host, folder
        self._program = _client()

    def __call__(self, *arguments: str, timeout: float = RUN_S) -> Finished:
        """Run a docker command to its end."""
        done = subprocess.run(
            [self._program, *arguments],
            env={**os.environ, "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def does(self, *arguments: str, timeout: float = RUN_S) -> str:
        """Run a docker command that is to succeed; gives its stdout."""
        done = self(*arguments, timeout=timeout)
        assert done.code == 0, (arguments, done.stdout[-1000:], done.stderr[-3000:])
        return done.stdout.strip()

    def build(self, target: str, tag: str, *more: str, context: Path = ROOT) -> Finished:
        """Build a target of a folder's Dockerfile on the base of ours."""
        options = ["--network=host", f"--target={target}", f"--tag={tag}", *self._secrets()]
        building = ["build", "--quiet", *options, f"--build-arg=BASE={BASE}", *more, str(context)]
        return self(*building, timeout=BUILD_S)

    def run(self, *arguments: str) -> Finished:
        """Run a container to its end, as careful people run theirs."""
        return self("run", "--rm", "--network=host", *HARDENED, *arguments)

    def inspected(self, name: str) -> Any:
        """What the daemon knows of an image or a container."""
        return json.loads(self.does("inspect", name))[0]

    @contextmanager
    def running(self, *arguments: str) -> Iterator[str]:
        """Run a container in the background; it is gone in the end."""
        name = self.does(
            "run", "--detach", "--interactive", "--network=host", *HARDENED, *arguments
        )
        try:
            yield name
        finally:
            self("rm", "--force", "--volumes", name)

    def said(self, name: str) -> str:
        """What a container wrote so far."""
        done = self("logs", name)
        return done.stdout + done.stderr

    def until_it_says(self, name: str, text: str) -> None:
        """Return when a container has written something."""
        until(lambda: text in self.said(name))

    def until_it_hears(self, name: str) -> None:
        """Return when a container's first process handles SIGTERM, or has a child to hear for.

        Before that the kernel drops it: a first process has no default to die by.
        """
        pid = self.inspected(name)["State"]["Pid"]
        until(lambda: _hears(pid))

    def end(self, name: str, number: str) -> int:
        """Send a signal to a container, and return its exit code."""
        self.does("kill", f"--signal={number}", name)
        return int(self.does("wait", name))

    def mounts(self) -> list[str]:
        """The same settings for a pip in a container."""
        found = [f"--volume={self._pip_conf()}:/etc/pip.conf:ro"]
        if CERTIFICATES.exists():
            found += [f"--volume={CERTIFICATES}:/etc/ca.pem:ro", "--env=PIP_CERT=/etc/ca.pem"]
        return found

    def _secrets(self) -> list[str]:
        found = [f"--secret=id=pip.conf,src={self._pip_conf()}"]
        if CERTIFICATES.exists():
            found.append(f"--secret=id=ca.pem,src={CERTIFICATES}")
        return found

    def _pip_conf(self) -> Path:
        """This machine's settings of pip, as far as they mean something in a container."""
        settings = ConfigParser(interpolation=None)
        settings["global"] = pip_settings()
        path = self.folder / f"pip-{os.getpid()}.conf"
        with path.open("w") as file:
            settings.write(file)
        return path


def _hears(pid: int) -> bool:
    """Tell whether a process catches SIGTERM, or blocks it to wait for it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def pip_settings() -> dict[str, str]:
    """Where this machine's pip looks for wheels, but for folders of its own."""
    listed = [sys.executable, "-m", "pip", "config", "list"]
    found = {}
    for line in subprocess.run(
        listed, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        name, _, value = line.partition("=")
        words = [word for word in value.strip("'").split() if not word.startswith(("file:", "/"))]
        if name.rpartition(".")[2] in SETTINGS and words:
            found[name.rpartition(".")[2]] = " ".join(words)
    return found


def _client() -> str:
    """The docker command that comes with the daemon: a newer one wants a builder beside it."""
    program = shutil.which("docker", path="/usr/bin:/usr/sbin") or shutil.which("docker")
    if program is None:
        pytest.skip("needs docker")
    return program
