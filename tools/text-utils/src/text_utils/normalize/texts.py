"""Read a text that is to be normalized, and refuse what only looks like one."""

from __future__ import annotations

from toolroll_shared.errors import UsageError
from toolroll_shared.kernels import find
from toolroll_shared.streams import Input, Window

from .ends import Mender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 128 * 1024
"""Bytes mended at once: more are not faster, and what they become is held in memory twice."""

_BOM = b"\xef\xbb\xbf"
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32LE",
    b"\0\0\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
_LONGEST_BOM = 4


def mended(
    source: Input,
    mender: Mender,
    *,
    keep_bom: bool = True,
    binary: bool = False,
    block: int = BLOCK,
) -> Iterator[bytes]:
    """Yield what a text becomes.

    Args:
        source: what to read, from its present position on.
        mender: what makes its line ends uniform.
        keep_bom: leave a byte order mark of UTF-8 where it is.
        binary: take it, whatever it is.
        block: bytes to read at once.

    Raises:
        UsageError: it is UTF-16 or UTF-32, or has a NUL; or it cannot be read.
    """
    window = Window(source, block=block, keep=_LONGEST_BOM)
    begun = True
    while begun and len(window.view) < _LONGEST_BOM:
        begun = window.advance(len(window.view))
    start = bytes(window.view[:_LONGEST_BOM])
    if not binary:
        _check_encoding(start, source.name)
    skip = len(_BOM) if start.startswith(_BOM) and not keep_bom else 0
    mender.changed |= bool(skip)
    view, offset = window.view[skip:], 0
    while view:
        if not binary:
            _check_bytes(view, offset, source.name)
        yield from mender.feed(view)
        window.advance()
        view, offset = window.view, window.offset
    yield from mender.finish()


def _check_encoding(start: bytes, name: str) -> None:
    for mark, encoding in _WIDE.items():
        if start.startswith(mark):
            raise UsageError(
                f"{name}: is {encoding}, where line ends are wider: convert it first, "
                f"iconv -f {encoding[:6]} -t UTF-8"
            )


def _check_bytes(view: memoryview, offset: int, name: str) -> None:
    if (at := find(view, b"\0")) >= 0:
        raise UsageError(
            f"{name}: is binary (a NUL at byte {offset + at}): --binary normalizes it all the "
            "same; UTF-16 has to be converted first, with iconv"
        )


def would_change(blocks: Iterator[bytes], mender: Mender, *, whole: bool) -> bool:
    """Tell whether what a text becomes is something else.

    Args:
        blocks: what it becomes.
        mender: what makes them.
        whole: go through all of it in any case, so that what is to be refused is refused.

    Raises:
        UsageError: as `mended` does.
    """
    for _ in blocks:
        if mender.changed and not whole:
            return True
    return mender.changed
