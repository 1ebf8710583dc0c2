"""A dockerd with our images, one for all workers; who needs an image first builds it."""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import debian
from tests.support.containers import BASE, Docker
from tests.support.docker import Engine, dockerd, needs

Image = Callable[[str], str]

OTHERS_S = 300
MEMORY, ROOM = Path("/dev/shm"), 6 * 10**9  # noqa: S108 - the system's own
TARGETS = ("release-mirror", "toolroll")


@contextmanager
def docker_with_base(shared: Path) -> Iterator[Docker]:
    """Give the docker command on that daemon, which has the base.

    Args:
        shared: a folder that all workers share.
    """
    needs("dockerd")
    base = debian.with_python()
    shared.mkdir(exist_ok=True)
    with _daemon(shared) as host:
        found = Docker(host, shared)
        with locked(shared / "base"):
            if found("image", "inspect", BASE).code:
                found.does("import", str(base), BASE, timeout=120)
        yield found


def image_of(docker: Docker, name: str) -> str:
    """Return the tag of the image of a tool, or of a target; it is built if it has to be."""
    tag = f"{name}:test"
    with locked(docker.folder / name):
        if docker("image", "inspect", tag).code:
            target = name if name in TARGETS else "tool"
            done = docker.build(target, tag, f"--build-arg=TOOL={name}")
            assert done.code == 0, done.stderr[-3000:]
    return tag


@contextmanager
def _started() -> Iterator[Engine]:
    """Start it, with its layers in memory where there is room: on a disk all others would wait."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        room = TemporaryDirectory(prefix="dockerd-", dir=MEMORY)
        with room as data, dockerd(f"--data-root={data}") as engine:
            yield engine
    else:
        with dockerd() as engine:
            yield engine


@contextmanager
def _daemon(shared: Path) -> Iterator[str]:
    """Start the daemon, or use the one that another worker started, which waits for us."""
    place, start = shared / "host", shared / "start"
    with (shared / "users").open("w") as users, ExitStack() as stack:
        with locked(start):
            if place.exists():
                fcntl.flock(users, fcntl.LOCK_SH)
            else:
                place.write_text(stack.enter_context(_started()).host)
                stack.callback(_until_nobody_uses_it, users.fileno(), start, place)
        yield place.read_text()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _until_nobody_uses_it(descriptor: int, start: Path, place: Path) -> None:
    """Return when the other workers are done; who comes now starts a daemon of its own."""
    deadline = time.monotonic() + OTHERS_S
    with locked(start):
        place.unlink()
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(0.1)
    raise AssertionError("another worker uses the daemon for ever")
