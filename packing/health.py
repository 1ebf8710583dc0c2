"""The health check of the images: whether the server answers, where PID 1 is one.

What PID 1 was started with tells that, and where it listens. Any other run counts as healthy: its
exit code tells how it went.
"""

import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path

DEFAULTS = {"release-mirror": "127.0.0.1:8080", "observe": "127.0.0.1:9464"}
"""Where `serve` of these commands listens if it is not told."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to recognise it
TIMEOUT_S = 5
MAX_SAID = 1000  # bytes of its answer


def listens_at(words: Sequence[str]) -> str | None:
    """Return the HOST:PORT of a `serve` among the words of a command line; None without one."""
    before = [word for word, following in pairwise(words) if following == "serve"]
    servers = [Path(word).resolve().name for word in before]  # the entry is a link to one
    if not servers or servers[0] not in DEFAULTS:
        return None
    found = DEFAULTS[servers[0]]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--listen":
            found = following
        elif word.startswith("--listen="):
            found = word.partition("=")[2]
    return found


def complaint(address: str) -> str | None:
    """Ask the server how it is; gives what is wrong."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    connection = HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        status, said = answer.status, answer.read(MAX_SAID).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"{address}: {error}"
    finally:
        connection.close()
    return None if status == HTTPStatus.OK else f"{address}: HTTP {status}: {said}"


def main() -> int:
    """Check the server, if this container is one."""
    words = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    address = listens_at(words)
    found = address and complaint(address)
    print(found or (f"{address} answers" if address else "not a server"))  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
