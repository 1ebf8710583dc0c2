"""The world in which a document's commands run: stand-ins for all that they talk to, on loopback.

Folders of the system (/srv, /var, ...) are folders of the world's own, names of servers are
those of the stand-ins; output is translated back before it is compared.
"""

import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.documents.projects import TOKEN, fill
from tests.documents.shell import Said, Shell
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.layout import COMMANDS, ROOT

SYSTEM = ("backup", "etc", "media", "run", "srv", "usr/local", "var")
_SYSTEM_PATH = re.compile(rf"(?<![\w.:/*])/({'|'.join(SYSTEM)})(?=[/\s'\"]|$)", re.MULTILINE)
FOLDERS = (
    "etc/cron.d",
    "run/lock",
    "media/usb",
    "srv",
    "usr/local/bin",
    "var/cache",
    "var/lib",
    "var/log",
)


class World:
    """A reader's machine.

    Attributes:
        home: the current folder of its commands, and the user's home.
        root: where the folders of the system are.
        github: what answers for GitHub.
        upstream: its repositories, by name.
        files: the folder that the web server shows as https://example.com.
        stack: what a preparation has opened, closed once the commands have ended.
        mail: what cron would have mailed, of each table that was run.
    """

    def __init__(self, folder: Path, github: GitHub, web: str) -> None:
        self.root = folder / "root"
        self.home, self.files = self.root / "home", folder / "web"
        self.github = github
        self.stack = ExitStack()
        self.upstream: dict[str, Repository] = {}
        self.mail: list[str] = []
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True)
        self.names: dict[str, str] = {
            "https://example.com": web,
            "https://api.github.com": github.api_url,
            "GH_TOKEN=...": f"GH_TOKEN={TOKEN}",
        }
        self.environment = _environment(folder, self.home)
        self.environment["GITHUB_API_URL"] = github.api_url
        self.home.mkdir()
        _install(self.root / "usr/local/bin")
        self.shell = Shell(self.home, self.environment)

    def translated(self, text: str) -> str:
        """Return a command, or a file, with the names that mean something here."""
        for name, here in self.names.items():
            text = text.replace(name, here)
        return _SYSTEM_PATH.sub(rf"{self.root}/\1", text)

    def translated_back(self, text: str) -> str:
        """Return an output with the names of the document."""
        for name, here in self.names.items():
            text = text.replace(here, name) if "://" in here else text
        return text.replace(str(self.root), "")

    def path(self, name: str) -> Path:
        """Where a file of the document is here; its folder is made."""
        path = self.home / self.translated(name.replace("~", str(self.home), 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, command: str) -> Said:
        """Run a command of the document."""
        return self.shell.run(self.translated(command))

    def put(self, name: str, text: str | bytes) -> None:
        """Write a file that a command of the document reads."""
        self.path(name).write_bytes(text.encode() if isinstance(text, str) else text)

    def program(self, name: str, script: str = "") -> None:
        """Make a foreign program that the document has run; without a script it says its name."""
        path = self.root / "usr/local/bin" / name
        path.write_text(f"#!/bin/sh\n{script or f'echo {name}'}\n")
        path.chmod(0o755)

    def needs(self, *programs: str) -> None:
        """Skip the test where this machine lacks a program that no stand-in could be for."""
        for name in programs:
            if shutil.which(name, path=self.environment["PATH"]) is None:
                pytest.skip(f"needs {name}, which Debian has as a package")

    def say(self, **variables: str) -> None:
        """Set variables of the environment for all further commands."""
        memory = self.shell.run("; ".join(f"export {k}='{v}'" for k, v in variables.items()))
        assert memory.code == 0, memory


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    """Make a world in an empty folder; all that runs in it ends with the block."""
    with ExitStack() as stack:
        (folder / "web").mkdir()
        (folder / "web/index.html").write_text("<html><body>fine</body></html>\n")
        github = stack.enter_context(GitHub(token=TOKEN))
        upstream = fill(github)
        web = stack.enter_context(_web(folder / "web"))
        world = World(folder, github, web)
        world.upstream = upstream
        stack.enter_context(world.stack)
        stack.callback(world.shell.close)
        yield world


def _environment(folder: Path, home: Path) -> dict[str, str]:
    inherited = {"PATH", "LANG", "SSL_CERT_FILE", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name in inherited}
    path = f"{folder}/root/usr/local/bin:{Path(sys.executable).parent}:{kept['PATH']}"
    return {**kept, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb"}


def _install(bin_: Path) -> None:
    for command in COMMANDS:
        (bin_ / command).symlink_to(Path(sys.executable).with_name(command))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _web(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def checkout(world: World) -> None:
    """Put a checkout of this project where the world's commands run."""
    for path in ROOT.iterdir():
        if not path.name.startswith("."):
            (world.home / path.name).symlink_to(path)
