"""The health check of release-mirror's image: whether the server in it answers.

What PID 1 was started with tells whether it is a server, and where it listens. Any other run
of release-mirror counts as healthy: its exit code tells how it went.
"""

import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

DEFAULT = "127.0.0.1:8080"
"""Where `release-mirror serve` listens if it is not told."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to recognise it
TIMEOUT_S = 5
MAX_SAID = 1000  # bytes of its answer


def listens_at(words: Sequence[str]) -> str | None:
    """Return the HOST:PORT of a `serve` among the words of a command line; None without one."""
    if "serve" not in words:
        return None
    found = DEFAULT
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
