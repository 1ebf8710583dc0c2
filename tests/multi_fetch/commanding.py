"""The command under test: in this process or in one of its own, on a list, and what it said."""

import json
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from tests.support.commands import Finished, argv, environment
from tests.support.rawserver import Answer, Connection, RawServer, Request, response

PATIENCE_S = 20  # for a process to end; never reached when all is well

KEYS = {
    *(
        "index",
        "method",
        "size",
        "url",
        "final_url",
        "status",
        "bytes",
        "ms",
        "dns_ms",
        "connect_ms",
        "tls_ms",
    ),
    *("ttfb_ms", "attempts", "sha256", "path", "key", "duplicate_of", "resumed", "error"),
}
"""Of every record."""

Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ran(Finished):
    """What a run of the command left behind."""

    @property
    def records(self) -> list[Record]:
        """What is on stdout, by index."""
        return by_index(self.stdout)

    @property
    def record(self) -> Record:
        """The only record."""
        [record] = self.records
        return record

    @property
    def kinds(self) -> list[str | None]:
        """What failed, by index; None for what did not."""
        return [kind(record) for record in self.records]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Ok, failed and cancelled, as the summary has it."""
        return counts_in(self.stderr)


Fetch: TypeAlias = Callable[..., Ran]
"""Runs `multi-fetch LIST --ndjson` and more arguments, in this process."""


def by_index(text: str) -> list[Record]:
    """Parse records."""
    assert text.isascii()
    assert text.endswith("\n") or not text
    return sorted(map(json.loads, text.splitlines()), key=lambda record: int(record["index"]))


def kind(record: Record) -> str | None:
    return None if record["error"] is None else str(record["error"]["kind"])


def kinds_in(records: Iterable[Record]) -> Counter[str | None]:
    return Counter(map(kind, records))


def counts_in(stderr: str) -> tuple[int, int, int]:
    """Ok, failed and cancelled, as the summary on stderr has it; they add up to its lines."""
    [line] = [line for line in stderr.splitlines() if " lines: " in line]
    words = line.removeprefix("multi-fetch: ").replace(",", "").replace(":", "").split()
    lines, ok, failed, cancelled = (int(words[at]) for at in (0, 2, 4, 6))
    assert ok + failed + cancelled == lines
    return ok, failed, cancelled


def listed(folder: Path, *urls: str) -> Path:
    """Write a list of URLs."""
    path = folder / "urls.txt"
    path.write_text("".join(f"{url}\n" for url in urls))
    return path


def command(*arguments: object) -> list[str]:
    return argv("multi_fetch", *arguments)


@contextmanager
def started(
    *arguments: object,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    **settings: str,
) -> Iterator["subprocess.Popen[bytes]"]:
    """The command in a process of its own, which does not outlive the block."""
    with subprocess.Popen(
        command(*arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(settings),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[bytes]") -> Ran:
    """Wait for its end."""
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return Ran(
        code=process.returncode, stdout=(stdout or b"").decode(), stderr=(stderr or b"").decode()
    )


def in_a_shell(script: str, *arguments: object, **settings: str) -> Ran:
    """Run a script of bash; `$0 -m multi_fetch` is the command, `$1` the first argument."""
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, *map(str, arguments)],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ran(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def tells_its_path(connection: Connection, request: Request) -> None:
    """Answer `/404` and other numbers with that status, anything else with its own target."""
    name = request.target[1:].partition("?")[0]
    status = int(name) if name.isdigit() else 200
    connection.send(response(request.target.encode(), status=status))


def targets(server: RawServer) -> list[str]:
    return [request.target for request in server.requests]


def answering(**answers: Answer) -> Answer:
    """Answer `/name` as `name` says, anything else by telling its path."""

    def answer(connection: Connection, request: Request) -> None:
        name = request.target[1:].partition("?")[0]
        answers.get(name, tells_its_path)(connection, request)

    return answer


def silent(connection: Connection, _request: Request) -> None:
    """Never answer."""
    connection.wait_for_hangup()


def stalls(connection: Connection, _request: Request) -> None:
    """Send some of a body, and never the rest."""
    connection.send(response(b"x" * 1_000_000, length=10**9))
    connection.wait_for_hangup()


def done_before(url: str, **changes: object) -> str:
    """A line of an earlier run's output; it was fine unless the changes say otherwise."""
    record: Record = {"index": 9, **dict.fromkeys(KEYS - {"index"})}
    record |= {"method": "GET", "url": url, "status": 200, "bytes": 3, "ms": 1.5, "attempts": 1}
    return json.dumps({**record, "resumed": False, **changes}) + "\n"


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def refused() -> str:
    """A URL that nobody listens at."""
    with RawServer(silent) as server:
        return server.url


def until_it_is_full(writing: int) -> None:
    """Return when a pipe takes nothing more."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not select.select([], [writing], [], 0)[1]:
            return
        time.sleep(0.01)
    raise AssertionError("it never was")
