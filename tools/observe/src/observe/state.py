"""What `observe serve` remembers: the counts, and how far each log was read for them.

Both are in one file that is replaced as a whole, so that one never goes without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from toolroll_shared.errors import CorruptStore, UsageError
from toolroll_shared.files import AtomicFile

from .samples import Foreign, Samples, exposition, parsed

FORMAT = "observe-state"
VERSION = 1

MAX_BYTES = 64 * 1024 * 1024
"""Of a state; ours have some kilobytes."""


class State(NamedTuple):
    """What is remembered.

    Attributes:
        samples: what was counted.
        cursors: how far each log was read, as `logtools` writes it, by the logs' absolute paths.
    """

    samples: Samples
    cursors: Mapping[str, str]


def load(path: Path) -> State:
    """Return what a file remembers; nothing if it is not there.

    Raises:
        CorruptStore: it is damaged, or one of another program or version.
        UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return State({}, {})
    except OSError as error:
        raise UsageError(f"--state {path}: {error.strerror}") from error
    try:
        return _parsed(json.loads(text))
    except (Foreign, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptStore(
            f"{path}: not a state of this version: {_reason(error)}; "
            "remove it to count from the logs' beginnings"
        ) from error


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _parsed(state: Any) -> State:
    if state["format"] != FORMAT or state["version"] != VERSION:
        raise ValueError("it is another program's or version's")
    cursors = {str(path): str(one) for path, one in state["cursors"].items() if one is not None}
    return State(parsed(state["metrics"]), cursors)


def save(path: Path, state: State) -> None:
    """Replace what a file remembers.

    Raises:
        OSError: it cannot be written.
    """
    value = {
        "format": FORMAT,
        "version": VERSION,
        "cursors": dict(state.cursors),
        "metrics": exposition(state.samples),
    }
    with AtomicFile(path, temporary=path.with_name(f"{path.name}.tmp")) as file:
        file.write(json.dumps(value, indent=1).encode() + b"\n")
        file.commit()
