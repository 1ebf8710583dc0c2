"""Where `observe` keeps what outlives a run."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from toolroll_shared.files import make_folder


def kept_at(kind: str, *what: str) -> Path | None:
    """Return a file of its own for something that is kept; None where there is no home for it.

    The rule is that of the XDG base directory specification.
    """
    root = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not root.is_absolute():
        root = Path(os.environ.get("HOME", "")) / ".local" / "state"
    if not root.is_absolute():
        return None
    name = sha256("\0".join(what).encode(errors="surrogateescape")).hexdigest()[:16]
    folder = root / "toolroll" / "observe"
    try:
        make_folder(folder)
    except OSError:
        return None
    return folder / f"{kind}-{name}"
