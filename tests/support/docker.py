"""Real container daemons of our own: a dockerd and a Podman service on sockets of theirs."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError, DockerException

from tests.support.images import Made, archive

START_S = 60
HOST_FOLDERS = ("usr", "bin", "lib", "lib64")
"""What of this machine a running container gets to see: its image has no program."""


class Engine:
    """A daemon that runs: its socket, and what a test has it do."""

    def __init__(self, socket: Path, pid: int) -> None:
        self.socket = socket
        self.host = f"unix://{socket}"
        self.pid = pid
        self.client: Any = docker.APIClient(base_url=self.host, version="auto")

    def load(self, *images: Made) -> list[str]:
        """Load images, and return their ids."""
        for line in self.client.load_image(archive(images)):
            assert "error" not in line, line
        return [image.id for image in images]

    def build(self, tag: str | None, dockerfile: str) -> str:
        """Build an image with the classic builder, as it is kept step by step; its id."""
        from io import BytesIO

        lines = self.client.build(
            fileobj=BytesIO(dockerfile.encode()), tag=tag, decode=True, rm=True
        )
        ids = [line["aux"]["ID"] for line in lines if "aux" in line]
        return str(ids[-1])

    def container(self, image: str, name: str, *, start: bool = False, wait: bool = False) -> str:
        """Make a container, start it if wanted (it sleeps), or run it to its end."""
        config = self.client.create_host_config(
            network_mode="none", binds=[f"/{one}:/{one}:ro" for one in HOST_FOLDERS]
        )
        command = ["/bin/true"] if wait else ["/bin/sleep", "600"]
        made = self.client.create_container(image, command=command, name=name, host_config=config)
        if start or wait:
            self.client.start(made["Id"])
        if wait:
            self.client.wait(made["Id"])
        return str(made["Id"])

    def ids(self) -> set[str]:
        """The ids of all images, steps among them."""
        return {one["Id"] for one in self.client.images(all=True)}

    def tags(self) -> set[str]:
        """All tags that there are."""
        listed = self.client.images(all=True)
        return {tag for one in listed for tag in one["RepoTags"] or () if "<none>" not in tag}

    def layers_size(self) -> int:
        """What the layers of all images take, as the daemon reports it."""
        return int(self.client.df()["LayersSize"])

    def clear(self) -> None:
        """Remove all containers and images, and what the builder keeps."""
        for container in self.client.containers(all=True):
            with suppress(APIError):
                self.client.remove_container(container["Id"], force=True)
        for _ in range(3):  # a parent goes after its children
            for image in self.client.images(all=True):
                with suppress(APIError):
                    self.client.remove_image(image["Id"], force=True)
        with suppress(APIError):
            self.client.prune_builds()


def needs(program: str) -> str:
    """Return a program's path, or skip the test."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None or os.geteuid() != 0:
        pytest.skip(f"needs {program}, and to be root")
    return path


@contextmanager
def dockerd(*more: str) -> Iterator[Engine]:
    """Run a dockerd of our own, with data, sockets and pid file in a folder of its own.

    Args:
        more: further arguments.
    """
    program = needs("dockerd")
    with tempfile.TemporaryDirectory(prefix="dockerd-") as name:
        folder = Path(name)
        command = [
            program,
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
            f"--host=unix://{folder}/socket",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
            "--ip-masq=false",
            *more,
        ]
        try:
            with _running(command, folder) as engine:
                yield engine
        finally:  # a container with the host's network makes it mount that, and leave it so
            left = f"{folder}/exec/netns/default"
            subprocess.run(["umount", left], check=False, capture_output=True)


@contextmanager
def podman() -> Iterator[Engine]:
    """Run Podman's API service, with images and containers in a folder of its own."""
    program = needs("podman")
    with tempfile.TemporaryDirectory(prefix="podman-") as name:
        folder = Path(name)
        places = [f"--root={folder}/root", f"--runroot={folder}/run", f"--tmpdir={folder}/tmp"]  # noqa: S108
        service = ["system", "service", "--time=0", f"unix://{folder}/socket"]
        try:
            with _running([program, *places, *service], folder) as engine:
                yield engine
        finally:  # it mounts that on itself
            subprocess.run(["umount", f"{folder}/root/overlay"], check=False, capture_output=True)


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[Engine]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        engine = _connected(folder / "socket", process, log)
        try:
            yield engine
        finally:
            with suppress(DockerException, OSError):
                engine.clear()
            engine.client.close()
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(path: Path) -> bool:
    """Tell whether a daemon answers on a socket already."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(START_S)
        connection.connect(str(path))
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in connection.recv(1024)
    return False


def _connected(path: Path, process: "subprocess.Popen[bytes]", log: Path) -> Engine:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(path):
            return Engine(path, process.pid)
        time.sleep(0.05)
    raise AssertionError(f"it did not start: {log.read_text()[-2000:]}")
