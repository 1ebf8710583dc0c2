"""Records and logs for the tests of what reads them."""

import json
from typing import Any

MOMENT = "2026-11-22T14:26:28.382618Z"


def record(**fields: Any) -> bytes:
    """A line: a record of `demo`, a tool that is not ours, with some fields of its own."""
    head = {"ts": MOMENT, "level": "info", "tool": "demo", "action": "count", "target": "a"}
    value = {**head, "duration_ms": 1.5, "ok": True, "request_id": "r1", **fields}
    return json.dumps(value).encode() + b"\n"


def failure(**fields: Any) -> bytes:
    """The same of an action that failed."""
    return record(level="error", ok=False, error="OSError", **fields)
