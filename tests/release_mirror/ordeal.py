"""An ordeal for the mirror: two hundred assets, bad weather, and death at a chosen point.

`World` is what upstream has, `Weather` what its hosts do to each request, and `check` what must
hold of DEST whenever a run has ended, however it ended.
"""

import hashlib
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from tests.support import faults
from tests.support.faults import Fault
from tests.support.forks import Forked
from tests.support.github import GitHub
from tests.support.github_data import Asset
from tests.support.github_http import Body, Request, Response
from tests.support.github_server import Wire

REPOSITORY = "octo/tool"
OURS = "SHA256SUMS"
WRITE = 64 * 1024  # bytes between two looks at whether it is time to die

_SIZES = [0, 1, 10, 1000, 5000, 40_000, 70_000]
_LARGE = [1_048_576, 1_200_000, 1_700_000, 2_300_000]  # worth keeping, or at that limit


@dataclass
class World:
    """Eight releases of 25 assets.

    Attributes:
        assets: by their places below DEST.
        vouched: the ids of those whose wrong bytes would be noticed.
    """

    assets: dict[str, Asset] = field(default_factory=dict)
    vouched: set[int] = field(default_factory=set)

    @classmethod
    def on(cls, github: GitHub, seed: int) -> "World":
        """Make one; every fifth asset has no digest, one release publishes its checksums."""
        world, chance = cls(), random.Random(seed)  # noqa: S311 - to be repeated
        repository = github.add_repository(REPOSITORY)
        for number in range(8):
            release = repository.add_release(f"v{number}")
            for index in range(25 if number else 24):
                size = chance.choice(_LARGE if index % 20 == 7 else _SIZES)
                asset = release.add_asset(
                    f"asset-{index}", chance.randbytes(size), digest=bool(index % 5)
                )
                world.assets[f"{REPOSITORY}/{release.tag}/{asset.name}"] = asset
                if asset.digest or not number:
                    world.vouched.add(asset.id)
            if not number:
                lines = [f"{_sha256(one)}  {one.name}\n" for one in release.assets.values()]
                sums = release.add_asset("SHA256SUMS", "".join(lines).encode())
                world.assets[f"{REPOSITORY}/{release.tag}/{sums.name}"] = sums
        return world


def _sha256(asset: Asset) -> str:
    assert isinstance(asset.content, bytes)
    return hashlib.sha256(asset.content).hexdigest()


@dataclass
class Point:
    """When a run dies: at a request, at a byte, or after a time; else it does not."""

    requests: int | None = None
    bytes: int | None = None
    seconds: float | None = None


class Weather:
    """What becomes of each request, at random, until it is over.

    Attributes:
        badness: the share of requests that meet a fault.
        throttling: the share of these faults that make the run wait.
        requests: how many there were in this run.
        bytes: how many were sent in this run, of answers with their heads.
        struck_at: when the signal was sent, on the monotonic clock; None: not yet.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.badness = self.throttling = 0.0
        self._world = world
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated
        self._lock = threading.Lock()
        self._here = threading.local()
        self.begin(None, Point())

    def begin(self, run: Forked | None, point: Point, number: int = signal.SIGKILL) -> None:
        """Count anew, for a run that is to get that signal at that point."""
        with self._lock:
            self._run, self._point, self._number = run, point, number
            self.requests = self.bytes = 0
            self.struck_at: float | None = None

    @property
    def fault(self) -> Fault:
        """The weather as a fault that every request meets."""
        return Fault("weather", see=self._see, answer=self._answer, send=self._send)

    def _see(self, request: Request) -> Request:
        with self._lock:
            self.requests += 1
            fault = self._fault_of(request) if self._chance.random() < self.badness else None
        self._here.fault = fault or Fault("none")
        self._strike(self._point.requests, self.requests)
        return self._here.fault.see(request)  # type: ignore[no-any-return] # thread-local

    def _answer(self, request: Request, response: Response) -> Response:
        return self._here.fault.answer(request, response)  # type: ignore[no-any-return]

    def _send(self, wire: Wire, response: Response, reached: Event) -> None:
        counted = _Counted(wire, self._count)
        self._here.fault.send(counted, response, reached)
        if not counted.is_open:
            wire.cut()

    def _count(self, size: int) -> None:
        with self._lock:
            self.bytes += size
        self._strike(self._point.bytes, self.bytes)

    def _strike(self, at: int | None, count: int) -> None:
        with self._lock:
            if at is not None and count >= at and self._run is not None:
                self._run.send(self._number)
                self._run, self.struck_at = None, time.monotonic()

    def _fault_of(self, request: Request) -> Fault | None:
        chance = self._chance
        after = chance.choice([0, 1, 900, 30_000, 500_000, 1_100_000])
        some = [
            faults.status(500),
            faults.status(503),
            faults.cut_before_headers(),
            faults.cut_body(after),
            faults.reset_body(after),
            faults.bad_gateway_html(),
        ]
        if chance.random() < self.throttling:
            return faults.throttled(429, retry_after=chance.choice([0, 1]))
        asset = self._asset(request)
        if asset is None:
            return chance.choice(some)
        if asset.name == "SHA256SUMS":  # without it, nobody would know wrong bytes
            return None
        some += [faults.expired_signature(), faults.gzip_body(), faults.wrong_length(2)]
        if asset.size:
            some.append(faults.wrong_length(-1))
        if asset.id in self._world.vouched:
            some.append(faults.wrong_bytes())
        if "range" in request.headers:
            some += [faults.ignore_range(), faults.wrong_bytes()]
        return chance.choice(some)

    def _asset(self, request: Request) -> Asset | None:
        key = asset_id(request.path)
        return next((one for one in self._world.assets.values() if one.id == key), None)


class _Counted(Wire):
    """Another's connection, with a count of what is sent over it."""

    def __init__(self, wire: Wire, count: Callable[[int], None]) -> None:
        super().__init__(wire._client, wire._closing)
        self._count = count

    def write(self, data: Body) -> None:
        content = data if isinstance(data, bytes) else data.read()
        for start in range(0, len(content), WRITE):
            block = content[start : start + WRITE]
            self._count(len(block))
            super().write(block)


def asset_id(path: str) -> int | None:
    """The id of the asset that a request to the asset host is for."""
    last = path.partition("?")[0].rpartition("/")[2]
    return int(last) if last.isdecimal() else None


class Inspector:
    """Looks at a DEST after each run; a file that did not change is read once only."""

    def __init__(self, world: World, dest: Path, scratch: Path) -> None:
        self._world = world
        self._dest = dest
        self._scratch = scratch
        self._seen: dict[tuple[int, int, int], str] = {}

    def check(self) -> set[str]:
        """Fail if anything is wrong; return the places of the assets that are whole."""
        whole = set()
        for path in self._dest.rglob("*"):
            if path.is_file() and not path.name.startswith(".") and path.parent != self._dest:
                place = path.relative_to(self._dest).as_posix()
                asset = self._world.assets.get(place)
                if asset is not None:
                    assert self._digest(path) == _sha256(asset), f"{place} is wrong"
                    whole.add(place)
                else:
                    self._check_sums(path)
        if (self._dest / "manifest.sqlite").exists():
            self._check_manifest()
        return whole

    def rows(self) -> list[tuple[object, ...]]:
        """Return what the manifest says of each file, but for times."""
        with closing(sqlite3.connect(self._dest / "manifest.sqlite")) as connection:
            return connection.execute(
                "SELECT path, asset_id, kind, size, sha256, verified_by, published_sha256, "
                "removed_at FROM files ORDER BY path"
            ).fetchall()

    def tree(self) -> dict[str, str]:
        """Return everything in DEST but the manifest and its lock, by digest."""
        return {
            path.relative_to(self._dest).as_posix(): self._digest(path)
            for path in self._dest.rglob("*")
            if path.is_file() and path.name not in {"manifest.sqlite", ".release-mirror.lock"}
        }

    def _digest(self, path: Path) -> str:
        status = path.stat()
        key = (status.st_ino, status.st_mtime_ns, status.st_size)
        if key not in self._seen:
            self._seen[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._seen[key]

    def _check_sums(self, path: Path) -> None:
        """Every line of our own checksums must be right, however many there are."""
        assert path.name in {OURS, f"{OURS}.mirror"}, f"{path} is nobody's"
        for line in path.read_text().splitlines():
            digest, _, name = line.partition("  ")
            place = (path.parent / name).relative_to(self._dest).as_posix()
            assert digest == _sha256(self._world.assets[place]), f"{path}: {line}"

    def _check_manifest(self) -> None:
        """A copy is opened: its journal is left for the next run to roll back."""
        for name in ("manifest.sqlite", "manifest.sqlite-journal"):
            (self._scratch / name).unlink(missing_ok=True)
            if (self._dest / name).exists():
                shutil.copyfile(self._dest / name, self._scratch / name)
        with closing(sqlite3.connect(self._scratch / "manifest.sqlite")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            rows = connection.execute("SELECT path, size, mtime_ns, sha256 FROM files").fetchall()
        for place, size, mtime_ns, digest in rows:
            status = (self._dest / place).stat()
            assert (status.st_size, status.st_mtime_ns) == (size, mtime_ns), place
            assert self._digest(self._dest / place) == digest, place
