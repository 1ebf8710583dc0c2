"""Logs of tests that run no command."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from toolroll_shared.logs import Journal, Log


@contextmanager
def recorded(tool: str, path: Path) -> Iterator[Log]:
    """Yield a log that goes to a file, without the record of a run."""
    with closing(Journal(tool)) as journal:
        yield journal.open(str(path))
