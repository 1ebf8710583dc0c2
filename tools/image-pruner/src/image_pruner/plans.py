"""Plan files: what a dry run found, for a later run that does that and nothing else."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from toolroll_shared.errors import CorruptStore, ToolError, UsageError
from toolroll_shared.files import AtomicFile

from .models import Rule, Verdict, short_id
from .rules import Kept, keeping, protected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .ages import Dates
    from .models import Image, Plan, Stock

FORMAT = "image-pruner plan"
VERSION = 1
MAX_BYTES = 100_000_000
"""Of a plan: some 200,000 images."""
_ID = re.compile(r"sha256:[0-9a-f]{64}")
_START = re.compile(rb'\s*\{\s*"format":\s*"' + FORMAT.encode() + b'"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan that was read: the images that may go, each with its names and its reason then."""

    daemon: str
    names: Mapping[str, frozenset[str]]
    reasons: Mapping[str, str]
    by_tag: bool = False
    max_delete: int | None = None

    def keep(self, stock: Stock, dates: Dates, *, now: float) -> Kept:
        """Return the images that are not in the plan, or that are not what they were."""
        del dates, now
        kept = protected(stock)
        for image in stock.images:
            if image.id not in kept and (verdict := self._changed(image)):
                kept[image.id] = verdict
        return kept

    def _changed(self, image: Image) -> Verdict | None:
        if image.id not in self.names:
            return keeping(Rule.NOT_SELECTED, "not in the plan")
        new = {*image.names} - self.names[image.id]
        return keeping(Rule.CHANGED, f"also named {min(new)} by now") if new else None

    def idle(self, stock: Stock) -> list[str]:
        """Return no options: there are none."""
        del stock
        return []

    def missing(self, stock: Stock) -> list[str]:
        """Return the planned images that are not there any more, by a name or a short id."""
        there = {image.id for image in stock.images}
        return [
            min(names, default=short_id(identity))
            for identity, names in self.names.items()
            if identity not in there
        ]

    def why(self, image: Image, age: float | None) -> Verdict:
        """Return the reason that the plan has."""
        del age
        return Verdict(delete=True, rule=Rule.PLANNED, reason=f"planned: {self.reasons[image.id]}")


def write_plan(path: Path, plan: Plan, daemon: str, *, now: float) -> None:
    """Write a plan, whole or not at all, also in the place of an older one.

    Raises:
        UsageError: there is a file that is no plan.
        ToolError: it cannot be written.
    """
    if not path.parent.is_dir():
        raise UsageError(f"--plan {path}: there is no folder {path.parent}")
    if path.exists() and not _may_be_replaced(path):
        raise UsageError(f"--plan {path}: is there, and no plan: it is left alone")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "daemon": daemon,
        "made_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "predicted_freed_bytes": plan.freed,
        "delete": [_entry(plan.images[one], plan.verdicts[one]) for one in plan.order],
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with AtomicFile(path, temporary=temporary) as file:
            file.write(json.dumps(document, indent=1).encode() + b"\n")
            file.commit()
    except OSError as error:
        raise ToolError(f"--plan {path}: {error.strerror}") from error


def _entry(image: Image, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": image.id,
        "names": list(image.names),
        "size_bytes": image.size,
        "freed_bytes": verdict.freed,
        "reason": verdict.reason,
    }


def _may_be_replaced(path: Path) -> bool:
    """Tell whether a file is a plan, or is empty, as `mktemp` makes one."""
    try:
        if not path.is_file():  # a pipe would have us wait
            return False
        with path.open("rb") as file:
            start = file.read(100)
    except OSError:
        return False
    return not start or bool(_START.match(start))


def read_plan(path: Path) -> Planned:
    """Return the plan in a file.

    Raises:
        UsageError: it cannot be read.
        CorruptStore: it is no plan, or one of another version.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise CorruptStore(f"--plan {path}: too large to be a plan of image-pruner")
        document = json.loads(text)
    except OSError as error:
        raise UsageError(f"--plan {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CorruptStore(f"--plan {path}: not a plan of image-pruner: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CorruptStore(f"--plan {path}: not a plan of image-pruner")
    if document.get("version") != VERSION:
        raise CorruptStore(f"--plan {path}: of version {document.get('version')}, not {VERSION}")
    try:
        return _planned(document)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStore(f"--plan {path}: damaged") from error


def _planned(document: dict[str, Any]) -> Planned:
    entries = document["delete"]
    if not all(_ID.fullmatch(entry["id"]) for entry in entries):
        raise ValueError("no id of an image")
    return Planned(
        daemon=str(document["daemon"]),
        names={entry["id"]: frozenset(map(str, entry["names"])) for entry in entries},
        reasons={entry["id"]: str(entry["reason"]) for entry in entries},
    )
