"""Where reading stopped in a file, told so that the file can be known again.

A name is no proof, since logs rotate, and an inode is none either: it is reused, and truncation
keeps it. So a position carries a fingerprint of the last bytes that were read.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .packing import ReadAt

PROOF_BYTES = 1024
"""Of a file's bytes just before the position; a few lines with their times are unlike others."""


class Position:
    """Where reading stopped, in which file, and what stood before.

    Args:
        path: where the file was, its symlinks resolved.
        device: with `inode`, the file as the system knows it.
        inode: see `device`.
        offset: what was read and handed on, in bytes.
        proof_at: where the bytes begin that prove it the same file.
        proof_length: how many they are, at most `PROOF_BYTES`; none for an empty file.
        proof: their fingerprint.
        modified: when the file was last written, in whole seconds since 1970.
        finished: whether nothing more is to be read there, and only what came after it.
    """

    __slots__ = (
        "device",
        "finished",
        "inode",
        "modified",
        "offset",
        "path",
        "proof",
        "proof_at",
        "proof_length",
    )

    def __init__(self, **fields: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, fields.pop(name))
        if fields:
            raise TypeError(f"no such fields: {fields}")

    if TYPE_CHECKING:
        path: str
        device: int
        inode: int
        modified: int
        offset: int
        proof_at: int
        proof_length: int
        proof: str
        finished: bool

    def as_json(self) -> dict[str, Any]:
        """Return its fields as JSON has them."""
        return {name: getattr(self, name) for name in self.__slots__}

    def is_in(self, read_at: ReadAt) -> bool:
        """Whether a file, or a copy of it, holds this position."""
        return self.proof == fingerprint(read_at(self.proof_length, self.proof_at))


def position_from_json(value: Any) -> Position:
    """Return the position that `as_json` gave.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, dict) or set(value) != set(Position.__slots__):
        raise ValueError("not a position")
    for name, field in value.items():
        kind = {"path": str, "proof": str, "finished": bool}.get(name, int)
        if type(field) is not kind or (type(field) is int and field < 0):
            raise ValueError(f"{name} is not as it should be")
    if value["proof_length"] > PROOF_BYTES:
        raise ValueError("the proof is not as it should be")
    return Position(**value)


def fingerprint(data: bytes) -> str:
    """Return what tells these bytes from others."""
    from hashlib import blake2b

    return blake2b(data, digest_size=16).hexdigest()
