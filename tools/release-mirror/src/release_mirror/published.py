"""The checksums that a release publishes as assets of its own: which they are, what they say.

Known are what `sha256sum` and BSD's `sha256` write, and a bare digest in `ASSET.sha256`. Lines
with other digests, such as SHA-512, say nothing here.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

MAX_BYTES = 4 * 1024 * 1024
"""Of one file of checksums: GitHub's 1,000 assets with the longest names are a tenth of it."""

_DIGITS = 64
"""Of a digest: a shorter line holds none."""

_LISTS = re.compile(
    r"(.*[._-])?(sha256sums?|sha256|checksums?|sha256[._-]?checksums?|checksums?[._-]?sha256)"
    r"([._-](txt|sums?))?",
    re.IGNORECASE,
)
_OF_ONE = re.compile(r"(?P<name>.+)\.(sha256|sha256sum|sha256\.txt)", re.IGNORECASE)
_GNU = re.compile(r"\\?([0-9a-fA-F]{64})[ \t]+\*?(\S.*)")
_BSD = re.compile(r"SHA(?:2-)?256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})", re.IGNORECASE)
_BARE = re.compile(r"([0-9a-fA-F]{64})")


def is_checksums(name: str) -> bool:
    """Tell whether an asset of that name holds checksums, by how they are commonly named."""
    return bool(_LISTS.fullmatch(name) or _OF_ONE.fullmatch(name))


def checksums_in(name: str, text: str, assets: Iterable[str]) -> dict[str, str]:
    """Return what a file of checksums says about a release's assets: their SHA-256 in hex.

    A name in it may have folders before it, as the publisher's had. Where two lines of
    different folders would then be of one asset, they say nothing of it.

    Args:
        name: the file's.
        text: its content.
        assets: the names of the release's assets.
    """
    names = set(assets)
    one = _OF_ONE.fullmatch(name)
    stem = one["name"] if one and one["name"] in names else None
    exact: dict[str, str] = {}
    loose: dict[str, set[str]] = {}
    for digest, path in _lines(text, stem):
        base = PurePosixPath(path.replace("\\", "/")).name
        if path.removeprefix("./") in names:
            exact[path.removeprefix("./")] = digest
        elif base in names:
            loose.setdefault(base, set()).add(digest)
    only = {base: found.pop() for base, found in loose.items() if len(found) == 1}
    return only | exact


def _lines(text: str, stem: str | None) -> Iterator[tuple[str, str]]:
    """Yield each digest, in lower case, with what it is of."""
    for line in map(str.strip, text.splitlines()):
        if len(line) < _DIGITS:  # four million short ones would take seconds
            continue
        if match := _GNU.fullmatch(line):
            yield match[1].lower(), match[2]
        elif match := _BSD.fullmatch(line):
            yield match[2].lower(), match[1]
        elif stem is not None and (match := _BARE.fullmatch(line)):
            yield match[1].lower(), stem
