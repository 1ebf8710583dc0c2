"""What an earlier run has done already, from its records: looked up by URL, kept on disk."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import NoneType
from typing import Any, Self

from toolroll_shared.errors import CorruptStore, UsageError

from .jobs import Method
from .naming import key_of
from .shown import shown_url

_START = '{"index": '
_BRACE = _START[0]

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "index": int,
    "method": str,
    "url": str,
    "final_url": (str, NoneType),
    "status": (int, NoneType),
    "bytes": int,
    "ms": (int, float),
    **dict.fromkeys(("dns_ms", "connect_ms", "tls_ms", "ttfb_ms"), (int, float, NoneType)),
    "attempts": int,
    **dict.fromkeys(("sha256", "path", "key"), (str, NoneType)),
    "size": (int, NoneType),
    "duplicate_of": (int, NoneType),
    "resumed": bool,
    "error": (dict, NoneType),
}
_TOO_MANY = 2**63


class Previous:
    """The records of what succeeded, in a temporary database that ends with this.

    Args:
        path: the earlier run's output.
        method: of the requests that would be made now; another one's answers are no use.
        sha256: whether a URL counts as done only with its hash.
        path_of: where a URL's body is to be saved now, if it is.

    Raises:
        UsageError: it cannot be read.
        CorruptStore: it does not hold records.
    """

    def __init__(
        self,
        path: Path,
        *,
        method: Method = "GET",
        sha256: bool = False,
        path_of: Callable[[str], Path] | None = None,
    ) -> None:
        self._method = method
        self._sha256 = sha256
        self._path_of = path_of
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
        return record if self._is_enough(record, url) else None

    def _is_enough(self, record: dict[str, Any], url: str) -> bool:
        """Tell whether a record leaves nothing to be done for a URL now."""
        if record["method"] != self._method or (self._sha256 and record["sha256"] is None):
            return False
        if self._path_of is not None and record["path"] != str(self._path_of(url)):
            return False
        return record["path"] is None or _has_size(record["path"], record["size"])

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
    return record if isinstance(record, dict) and _is_whole(record) else None


def _is_whole(record: dict[str, Any]) -> bool:
    """Tell whether it has all fields of ours, each of a kind that is one."""
    if not all(isinstance(record.get(name, ...), kinds) for name, kinds in _FIELDS.items()):
        return False
    texts = [value for value in record.values() if isinstance(value, str)]
    counts = [record[name] or 0 for name in ("index", "status", "bytes", "size")]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return all(0 <= count < _TOO_MANY for count in counts)


def _done(records: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for record in records:
        if record["error"] is None:
            yield record["key"] or record["url"], json.dumps(record)


def _has_size(path: str, size: int | None) -> bool:
    try:
        return Path(path).stat().st_size == size
    except (OSError, ValueError):
        return False
