"""Names for saved bodies: the same for the same URL, different for different ones, and safe."""

import re
from hashlib import blake2b
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9._+@=,~-]+")
_PASSWORD = re.compile(r"(://[^/?#:@]*):[^/?#]*@")
LONGEST = 120
"""Characters of a URL's own name that are kept, so that the whole stays within 255 bytes."""


def key_of(url: str) -> str:
    """Return 16 hex digits that name a URL without telling it.

    Users count, since each may get something else, but not their passwords: whoever sees the
    name could try them out.
    """
    named = _PASSWORD.sub(r"\1@", url, count=1)
    return blake2b(named.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def file_name(url: str) -> str:
    """Return the name of the file for a URL's body: its key, and what its path ends with."""
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - a run that saves nothing starts faster

    try:
        last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        last = ""
    own = _UNSAFE.sub("_", unquote(last, errors="replace"))[-LONGEST:].strip(".")
    return f"{key_of(url)}-{own or 'index'}"


def temporary(path: Path, process: int, number: int) -> Path:
    """Return the name of a file while it is incomplete: nobody else's, in any process."""
    return path.with_name(f".{path.name[:16]}-{process}-{number}.part")
