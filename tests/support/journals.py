"""Logs: what commands wrote, and those of tests that run no command."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from toolroll_shared.logs import Journal, Log


@contextmanager
def recorded(tool: str, path: Path) -> Iterator[Log]:
    """Yield a log that goes to a file, without the record of a run."""
    with closing(Journal(tool)) as journal:
        yield journal.open(str(path))


def records_in(text: str) -> list[dict[str, Any]]:
    """Return the records of a log's text."""
    return [json.loads(line) for line in text.splitlines()]


def actions_in(text: str) -> list[dict[str, Any]]:
    """Return the records of a log's text, but those of whole runs."""
    return [record for record in records_in(text) if record["action"] != "run"]
