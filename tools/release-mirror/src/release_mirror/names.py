"""Tags and asset names as path segments: none can leave its folder, hide, or meet another.

Ordinary names stay as they are. Anything else is percent-encoded as in a URL, so that two
different names never become the same one.
"""

import hashlib
import re

MAX_NAME_BYTES = 255
"""What ext4, XFS, APFS and NTFS allow in one path segment."""

_RESERVED = frozenset('/\\%:*?"<>|')
"""Separators, our own escape, and what other systems that mount the folder refuse."""

_ORDINARY = re.compile(r"[A-Za-z0-9_~+@=,()-][A-Za-z0-9_~+@=,().-]{0,254}")
"""Nearly all names; the others take ten times as long."""

_DIGEST_CHARACTERS = 16
_SUFFIX_BYTES = 32


def safe_name(name: str) -> str:
    """Return `name` as one path segment.

    A leading dot is encoded too, so that nothing is hidden, `.` and `..` are gone, and our
    own temporary files (which start with one) are never met.
    """
    if _ORDINARY.fullmatch(name):
        return name
    encoded = "".join(map(_encoded, name))
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    return _shortened(encoded) or "%"


def _encoded(character: str) -> str:
    if character.isprintable() and character not in _RESERVED:
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _shortened(name: str) -> str:
    """Return a name that fits, told apart from its like by a digest, with its ending kept."""
    whole = name.encode()
    if len(whole) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:_DIGEST_CHARACTERS]
    suffix = whole[-_SUFFIX_BYTES:].decode(errors="ignore")
    room = MAX_NAME_BYTES - len(digest) - len(suffix.encode()) - 2
    return f"{whole[:room].decode(errors='ignore')}~{digest}~{suffix}"
