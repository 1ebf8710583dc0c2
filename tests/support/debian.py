"""A Debian with Python and little else, made once by debootstrap and kept for the next runs.

It comes from the mirror that this machine's own apt uses, so nothing is named here.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.docker import needs

PLACE = Path("~/.cache/toolroll-tests").expanduser()  # as a person would clear it
MAKING_S = 400
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LEFT_OVER = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log", "tmp")


def with_python() -> Path:
    """Return a tar of the smallest Debian that has python3: what an image is built on."""
    needs("debootstrap")
    with _made_once("python3") as tar:
        if not tar.exists():
            suite, mirror = _suite_and_mirror()
            with _tree() as tree:
                debootstrap = ["debootstrap", "--variant=minbase", "--include=python3"]
                _run(*debootstrap, suite, str(tree), mirror)
                _pack(tree, tar)
    return tar


def with_make_and_git() -> Path:
    """Return a tar of the same with make and git: what the README asks for."""
    base = with_python()
    with _made_once("python3-make-git") as tar:
        if not tar.exists():
            with _tree() as tree:
                _run("tar", "-xf", str(base), "-C", str(tree))
                _install(tree, "make", "git")
                _pack(tree, tar)
    return tar


@contextmanager
def _made_once(what: str) -> Iterator[Path]:
    """Give the place of a tar; who asks for the same at the same time waits."""
    suite, _ = _suite_and_mirror()
    PLACE.mkdir(parents=True, exist_ok=True)
    tar = PLACE / f"{suite}-{platform.machine()}-{what}.tar"
    with tar.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tar


def _suite_and_mirror() -> tuple[str, str]:
    """Return this machine's release, and where it has it from."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
    for line in subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        if line.startswith(f"{suite} main "):
            return suite, line.split()[2]
    pytest.skip("needs an apt that knows where its own release comes from")


@contextmanager
def _tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="debian-") as name:
        tree = Path(name, "root")
        tree.mkdir()
        yield tree


def _install(tree: Path, *packages: str) -> None:
    """Install packages in a tree, trusting whom this machine trusts."""
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    options = ["-qq", "-o", "Acquire::Check-Valid-Until=false"]
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, tree / "tmp/ca.pem")
        options += ["-o", "Acquire::https::CAInfo=/tmp/ca.pem"]
    _run("chroot", str(tree), "apt-get", "update", *options)
    _run(
        "chroot",
        str(tree),
        "apt-get",
        "install",
        "-y",
        "--no-install-recommends",
        *options,
        *packages,
    )


def _pack(tree: Path, tar: Path) -> None:
    """Make a tar that appears whole or not at all, without what packages leave behind."""
    for name in LEFT_OVER:
        for path in (tree / name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _run("tar", "-cf", f"{tar}.part", "-C", str(tree), ".")
    Path(f"{tar}.part").rename(tar)


def _run(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=MAKING_S, check=False
    )
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
