"""A stand-in for GitHub's REST API and its asset host: real HTTP/1.1 on two loopback origins.

    with GitHub(token="t0ken") as github:
        release = github.add_repository("octo/tool").add_release("v1.0")
        release.add_asset("tool.tar.gz", b"bytes")
        github.fault("/releases", throttled(retry_after=1))
        ...  # a client of github.api_url
        assert len(github.requests_to("asset")) == 1

Leaving the block fails if a scripted fault met no request, or if a server's thread did. As a
command, it serves a folder: `python -m tests.support.github --data DIR` with files in
DIR/OWNER/REPO/TAG.
"""

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self, TypeAlias

from tests.support.fault_script import Origin, Script, Scripted, matches, parse
from tests.support.faults import Fault
from tests.support.github_api import Api, Quota
from tests.support.github_assets import TIME_FORMAT, AssetHost
from tests.support.github_data import Repository, Site
from tests.support.github_http import Headers, Request, Response
from tests.support.github_routes import Routes
from tests.support.github_server import Server, Wire

AUTHENTICATED_QUOTA = 5000  # requests an hour with a personal token
SIGNATURE_SECONDS = 300  # GitHub's links to assets live about five minutes

Host: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True)
class Recorded:
    """A request that arrived; `path` includes the query, `status` 0 means no answer was sent."""

    origin: Origin
    method: str
    path: str
    headers: Headers = field(repr=False)
    status: int
    peer: str


@dataclass(kw_only=True, eq=False)
class GitHub:
    """The stand-in; serves inside a `with` block, or between `start()` and `close()`.

    Attributes:
        token: what authenticates; without one, every Authorization header is refused.
        quota: API requests an hour, of all callers together.
        port: of the API, which stands in for github.com too; 0 is any.
        asset_port: of the asset host.
        direct_assets: answer downloads through the API with 200 and the bytes, not a redirect.
        signature_seconds: how long a signed URL works.
        clock: seconds since 1970, for the Date header, the quota's reset and the signatures.
    """

    token: str | None = field(default=None, repr=False)
    quota: int = AUTHENTICATED_QUOTA
    port: int = 0
    asset_port: int = 0
    direct_assets: bool = False
    signature_seconds: float = SIGNATURE_SECONDS
    clock: Callable[[], float] = field(default=time.time, repr=False)
    _site: Site = field(default_factory=Site, init=False, repr=False)
    _script: Script = field(default_factory=Script, init=False, repr=False)
    _servers: list[Server] = field(default_factory=list, init=False, repr=False)
    _requests: list[Recorded] = field(default_factory=list, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def api_url(self) -> str:
        """The origin of the API and of github.com's pages, without a slash at its end."""
        return self._site.api_url

    @property
    def asset_url(self) -> str:
        """The origin of the asset host."""
        return self._site.asset_url

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, in the order they were answered."""
        with self._lock:
            return list(self._requests)

    @property
    def errors(self) -> list[Exception]:
        """What went wrong inside the servers' threads."""
        return [error for server in self._servers for error in server.errors]

    def requests_to(self, origin: Origin, where: str = "") -> list[Recorded]:
        """Return the requests to one origin whose path fits `where`, as in `fault`."""
        return [one for one in self.requests if one.origin == origin and matches(one.path, where)]

    def forget_requests(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._requests.clear()

    def add_repository(self, full_name: str, *, private: bool = False) -> Repository:
        """Add `OWNER/NAME`; a private one is only there for the token."""
        site = self._site
        with site.lock:
            repository = Repository(site, site.new_id(), full_name, private, site.now())
            site.by_id[repository.id] = site.by_name[full_name.lower()] = repository
            return repository

    def fault(
        self, where: str, fault: Fault, times: int = 1, *, origin: Origin | None = None
    ) -> Fault:
        """Let something go wrong for the first `times` requests that fit; returns the fault.

        Args:
            where: a glob of the whole path with its query, or without `*?[` a part of it.
            fault: what goes wrong.
            times: how often.
            origin: only for requests to this origin.
        """
        self._script.add(Scripted(where, fault, times, origin))
        return fault

    def start(self) -> None:
        """Listen on both ports."""
        site = self._site
        store = AssetHost(site, self.clock, self.signature_seconds)
        routes = Routes(site, store, self.direct_assets)
        api = Api(routes, Quota(self.quota, self.clock), self.token)
        self._servers = [
            Server(partial(self._exchange, "api", api), port=self.port),
            Server(partial(self._exchange, "asset", store), port=self.asset_port),
        ]
        site.api_url, site.asset_url = (server.url for server in self._servers)

    def close(self) -> None:
        """Hang up on everybody and stop; what was recorded stays."""
        for server in self._servers:
            server.close()

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Stop serving, and fail if the test did not meet what it scripted."""
        self.close()
        if kind is None:
            self._check()

    def _check(self) -> None:
        if self.errors:
            raise AssertionError(f"a server's thread failed: {self.errors}") from self.errors[0]
        if left := self._script.unconsumed():
            message = "no request met these faults: " + "; ".join(map(str, left))
            raise AssertionError(message)

    def _exchange(self, origin: Origin, host: Host, request: Request, wire: Wire) -> None:
        fault = self._script.take(origin, request.target) or Fault("none")
        response = fault.answer(request, host(fault.see(request)))
        arrived = (origin, request.method, request.target, request.headers)
        with self._lock:
            self._requests.append(Recorded(*arrived, response.status, request.peer))
        head_only = request.method == "HEAD"
        fault.send(wire, response.without_body() if head_only else response, fault.reached)


def add_folder(github: GitHub, data: Path) -> None:
    """Add the files in OWNER/REPO/TAG as assets; a folder's mtime is its release's date."""
    for folder in sorted(path for path in data.glob("*/*") if path.is_dir()):
        repository = github.add_repository(folder.relative_to(data).as_posix())
        for tag in sorted(path for path in folder.iterdir() if path.is_dir()):
            changed = datetime.fromtimestamp(tag.stat().st_mtime, UTC).strftime(TIME_FORMAT)
            release = repository.add_release(tag.name, name=tag.name, created_at=changed)
            for file in sorted(path for path in tag.iterdir() if path.is_file()):
                release.add_asset(file.name, file)


def environment_value(name: str) -> str:
    """Return the value of a variable: secrets have no place among arguments."""
    try:
        return os.environ[name]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{name} is not in the environment") from None


def scripted_fault(text: str) -> tuple[str, Fault]:
    """Read `GLOB=FAULT`."""
    where, _, fault = text.rpartition("=")
    try:
        return where, parse(fault)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.github",
        description="Serve DIR/OWNER/REPO/TAG/FILES as GitHub does.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="what to serve")
    parser.add_argument("--port", type=int, default=0, help="of the API")
    parser.add_argument("--asset-port", type=int, default=0, help="of the asset host")
    parser.add_argument(
        "--token-env",
        dest="token",
        type=environment_value,
        metavar="NAME",
        help="the environment variable that holds the token",
    )
    parser.add_argument("--quota", type=int, default=AUTHENTICATED_QUOTA, help="requests an hour")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=scripted_fault,
        metavar="GLOB=FAULT",
        help="let the first request that fits go wrong, as in '*/releases*=cut_body:100'",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Serve a folder until SIGINT or SIGTERM."""
    options = build_parser().parse_args(argv)
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # inherited by the threads: sigwait gets them
    github = GitHub(
        token=options.token,
        quota=options.quota,
        port=options.port,
        asset_port=options.asset_port,
    )
    add_folder(github, options.data)
    for where, fault in options.fault:
        github.fault(where, fault)
    github.start()
    print(json.dumps({"api_url": github.api_url, "asset_url": github.asset_url}), flush=True)
    signal.sigwait(stops)
    github.close()
    for error in github.errors:
        traceback.print_exception(error)
    return 1 if github.errors else 0


if __name__ == "__main__":
    sys.exit(main())
