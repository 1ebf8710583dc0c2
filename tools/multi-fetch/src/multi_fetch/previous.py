"""What an earlier run has done already, from its records: looked up by URL, kept on disk."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from toolroll_shared.errors import CorruptStore, UsageError

from .naming import key_of
from .shown import shown_url

_START = '{"index": '
_BRACE = _START[0]


class Previous:
    """The records of what succeeded, in a temporary database that ends with this.

    Args:
        path: the earlier run's output.
        needs: what a record must tell so that its URL counts as done, such as `sha256`.

    Raises:
        UsageError: it cannot be read.
        CorruptStore: it does not hold records.
    """

    def __init__(self, path: Path, *, needs: Collection[str] = ()) -> None:
        self._needs = needs
        self._database = sqlite3.connect("")  # in a temporary file, once it outgrows memory
        self._database.execute("CREATE TABLE done (name TEXT PRIMARY KEY, record) WITHOUT ROWID")
        try:
            with path.open(encoding="utf-8", errors="surrogateescape") as file:
                self._store(_done(_records(file, path)))
        except OSError as error:
            self.close()
            raise UsageError(f"--resume {path}: {error.strerror}") from error
        except CorruptStore:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def record_of(self, url: str) -> dict[str, Any] | None:
        """Return the record of a URL that is done, or None.

        One whose body was saved counts only as long as a file of that size is there.
        """
        shown = shown_url(url)
        name = shown if shown == url else key_of(url)
        query = "SELECT record FROM done WHERE name = ?"
        with closing(self._database.execute(query, (name,))) as rows:
            row = rows.fetchone()
        if row is None:
            return None
        record: dict[str, Any] = json.loads(row[0])
        has_all = all(record.get(name) is not None for name in self._needs)
        return record if has_all and _is_still_there(record) else None

    def _store(self, done: Iterator[tuple[str, str]]) -> None:
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO done VALUES (?, ?)", done)


def _records(file: Iterator[str], path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a run; a last one that a kill has cut off is passed over.

    So is one that a later run, whose output was appended, has gone on in the same line.
    """
    cut = None
    for number, text in enumerate(file, 1):
        if cut is not None:
            raise CorruptStore(f"{path}: line {cut} is no record of multi-fetch")
        record = _record(text)
        if record is None and text.startswith(_BRACE) and (at := text.rfind(_START)) > 0:
            record = _record(text[at:])
        if record is not None:
            yield record
        else:
            cut = number
    if cut == 1:
        raise CorruptStore(f"{path}: holds no record of multi-fetch")


def _record(text: str) -> dict[str, Any] | None:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(record, dict) and {"index", "url", "error"} <= record.keys()
    return record if is_one else None


def _done(records: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for record in records:
        if record["error"] is None:
            name = record.get("key") or record["url"]
            yield str(name), json.dumps(record)


def _is_still_there(record: dict[str, Any]) -> bool:
    path = record.get("path")
    if path is None:
        return True
    try:
        return Path(path).stat().st_size == record.get("bytes")
    except (OSError, TypeError, ValueError):
        return False
