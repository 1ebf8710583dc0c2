"""Pages that were fetched before, with their ETags: a page that has not changed costs no quota.

One small file for each page, named by a digest of everything that its content depends on, the
token included: two tokens never share an entry, and no file tells a token. Files appear whole
by a rename, so that runs side by side need no lock; each carries a checksum, and one that is
not as it should be counts as not there. A cache that cannot be used is said once; it never
fails the work.
"""

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from toolroll_shared.files import AtomicFile, make_folder

from .models import Asset, Release, Repository
from .options import API_VERSION

T = TypeVar("T")

MAX_ENTRY_BYTES = 64 * 1024 * 1024
"""What is larger was not written by us."""

MAX_CACHE_BYTES = 256 * 1024 * 1024
MAX_AGE_S = 30 * 86_400
"""Entries unused for a month go; a weekly job keeps its own."""

_SHAPE = repr([kind.__struct_fields__ for kind in (Repository, Release, Asset)])
_MAGIC = b"toolroll-gh-releases 1\n" + hashlib.sha256(_SHAPE.encode()).digest()
_SUM_BYTES = hashlib.sha256().digest_size
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_MAX_ETAG = 1000  # characters: it will be a header
_OTHERS_MAY_WRITE = 0o022
_OUR_NAMES = re.compile(r"[0-9a-f]{64}(\.[0-9a-f]{16}\.new)?")


class Entry(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page as it was: its address, its ETag, what it held and which page was next."""

    url: str
    etag: str
    next_url: str | None
    value: T


class Cache:
    """The entries of one token in a folder.

    Args:
        folder: made when the first entry is written; None is the cache that is off.
        token: whose entries these are.
        notify: told when the cache cannot be used; it is off from then on.
    """

    def __init__(
        self, folder: Path | None, *, token: str | None, notify: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._token = token
        self._notify = notify
        self._wrote = False

    def load(self, url: str, kind: type[T]) -> Entry[T] | None:
        """Return the entry for an address, if there is a sound one."""
        path = self._path(url)
        if path is None or not self._is_ours(path.parent):
            return None
        try:
            entry = _read(path, kind, url)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        return entry

    def store(self, entry: Entry[Any]) -> None:
        """Keep an entry, in place of an earlier one."""
        path = self._path(entry.url)
        if path is None or self._tells_the_token(entry):
            return
        try:
            if not path.parent.is_dir():
                make_folder(path.parent.parent)
                path.parent.mkdir(mode=0o700, exist_ok=True)
            if self._is_ours(path.parent):
                _write(path, _packed(entry))
                self._wrote = True
        except OSError as error:
            self._give_up(f"cannot be written: {error.strerror}")

    def close(self) -> None:
        """Remove what was not used for long, if this run wrote anything."""
        if self._wrote and self._folder is not None:
            with suppress(OSError):  # the next run tries again
                _prune(self._folder, now=time.time())

    def _path(self, url: str) -> Path | None:
        if self._folder is None:
            return None
        about = "\0".join((API_VERSION, self._token or "", url)).encode()
        return self._folder / hashlib.sha256(_MAGIC + about).hexdigest()

    def _tells_the_token(self, entry: Entry[Any]) -> bool:
        """Tell whether a server put our token where it would be written down."""
        places = (entry.url, entry.etag, entry.next_url or "")
        return self._token is not None and any(self._token in place for place in places)

    def _is_ours(self, folder: Path) -> bool:
        """Tell whether nobody else can have put entries there."""
        try:
            status = folder.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            self._give_up(f"cannot be read: {error.strerror}")
            return False
        if hasattr(os, "geteuid") and (
            status.st_uid != os.geteuid() or status.st_mode & _OTHERS_MAY_WRITE
        ):
            self._give_up("others may write there")
            return False
        return True

    def _give_up(self, why: str) -> None:
        self._notify(f"the cache {self._folder}: {why}; going on without")
        self._folder = None


def is_etag(text: str) -> bool:
    """Tell whether a text is an entity tag that can be sent back (RFC 9110, 8.8.3)."""
    return len(text) <= _MAX_ETAG and _ETAG.fullmatch(text) is not None


def _packed(entry: Entry[Any]) -> bytes:
    content = msgspec.json.encode(entry)
    return _MAGIC + hashlib.sha256(content).digest() + content


def _read(path: Path, kind: type[T], url: str) -> Entry[T]:
    """Return the entry in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none, or damaged, or that of another address.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_ENTRY_BYTES:
        raise ValueError("no file that we wrote")
    data = path.read_bytes()
    magic, rest = data[: len(_MAGIC)], memoryview(data)[len(_MAGIC) :]
    content = rest[_SUM_BYTES:]
    if magic != _MAGIC or hashlib.sha256(content).digest() != rest[:_SUM_BYTES]:
        raise ValueError("damaged")
    entry = msgspec.json.decode(content, type=Entry[kind])  # type: ignore[valid-type] # a value
    if entry.url != url or not is_etag(entry.etag):
        raise ValueError("the entry of another page")
    return entry


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")
    with AtomicFile(path, temporary=temporary) as file:
        file.write(data)
        file.commit(durable=False)


def _prune(folder: Path, *, now: float) -> None:
    """Remove old entries, those beyond the cap and what killed runs left: the eldest first."""
    ours = [path for path in folder.iterdir() if _OUR_NAMES.fullmatch(path.name)]
    found = [(path.lstat(), path) for path in ours]
    total = 0
    for status, path in sorted(found, key=lambda one: one[0].st_mtime, reverse=True):
        total += status.st_size
        if total > MAX_CACHE_BYTES or now - status.st_mtime > MAX_AGE_S:
            path.unlink(missing_ok=True)
