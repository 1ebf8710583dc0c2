"""Names for saved bodies: the same for the same URL, different for different ones, and safe."""

import re
from hashlib import blake2b

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
    path = url.partition("#")[0].partition("?")[0].partition("://")[2].partition("/")[2]
    last = path.rstrip("/").rpartition("/")[2]
    if "%" in last:
        from urllib.parse import unquote  # noqa: PLC0415 - rare

        last = unquote(last, errors="replace").rpartition("/")[2]
    own = _UNSAFE.sub("_", last)[-LONGEST:].strip(".")
    return f"{key_of(url)}-{own or 'index'}"


def temporary_name(name: str, process: int, number: int) -> str:
    """Return what a file is called while it is incomplete: as no other, in any process."""
    return f".{name[:16]}-{process}-{number}.part"
