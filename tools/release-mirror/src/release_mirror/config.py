"""The TOML file that says what to mirror: repositories, each with rules of its own."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from gh_releases import Target as Repository
from gh_releases import parse_target
from toolroll_shared.errors import UsageError

from .rules import Rules


class _Rules(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    since: Any = None
    tags: tuple[str, ...] | None = None
    prereleases: bool | None = None
    latest: bool | None = None
    keep_last: int | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    max_size: Any = None
    source_archives: bool | None = None


class _Repository(_Rules, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    name: str


class _File(msgspec.Struct, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    dest: str | None = None
    on_replaced: Literal["refuse", "keep-both", "replace"] | None = None
    concurrency: int | None = None
    per_host: int | None = None
    limit_rate: Any = None
    defaults: _Rules = msgspec.field(default_factory=_Rules)
    repository: tuple[_Repository, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a file says; None where it says nothing.

    Attributes:
        repositories: each with what is wanted of it, in the file's order.
        dest: the mirror's folder; a relative one is one beside the file.
        on_replaced: what to do about an asset that was replaced upstream.
        concurrency: downloads at once.
        per_host: downloads at once from one host.
        limit_rate: bytes per second.
    """

    repositories: tuple[tuple[Repository, Rules], ...]
    dest: Path | None
    on_replaced: str | None
    concurrency: int | None
    per_host: int | None
    limit_rate: int | None


def read_config(
    path: Path, *, instant: Callable[[str], datetime], size: Callable[[str], int]
) -> Config:
    """Read a file.

    Args:
        path: the file.
        instant: reads a date or an instant.
        size: reads a number of bytes such as `10M`.

    Raises:
        UsageError: it cannot be read, is no TOML, or says something that is not understood.
    """
    try:
        raw = tomllib.loads(path.read_bytes().decode())
        file = msgspec.convert(raw, _File)
        return _config(path, file, _Reader(instant, size))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8") from error
    except ValueError as error:  # of tomllib, msgspec, and of a name that is none
        raise UsageError(f"{path}: {error}") from error


class _Reader:
    """Reads the values that TOML has no type for."""

    def __init__(self, instant: Callable[[str], datetime], size: Callable[[str], int]) -> None:
        self._instant = instant
        self._size = size

    def instant(self, value: object) -> datetime | None:
        """Read a TOML date, or text."""
        if value is None:
            return None
        return self._instant(value.isoformat() if isinstance(value, date) else str(value))

    def size(self, value: object) -> int | None:
        """Read a number of bytes, or text."""
        return None if value is None else self._size(str(value))


def _config(path: Path, file: _File, reader: _Reader) -> Config:
    if not file.repository:
        raise ValueError("names no [[repository]]")
    if file.dest == "":
        raise ValueError("dest is empty")
    for name, number in (("concurrency", file.concurrency), ("per-host", file.per_host)):
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}, not at least 1")
    return Config(
        repositories=tuple(
            (parse_target(one.name), _rules(one, file.defaults, reader)) for one in file.repository
        ),
        dest=None if file.dest is None else path.parent / file.dest,
        on_replaced=file.on_replaced,
        concurrency=file.concurrency,
        per_host=file.per_host,
        limit_rate=reader.size(file.limit_rate),
    )


def _rules(own: _Rules, defaults: _Rules, reader: _Reader) -> Rules:
    """Return the rules of a repository: its own, where it has them."""

    def of(name: str) -> Any:
        value = getattr(own, name)
        return getattr(defaults, name) if value is None else value

    keep_last = of("keep_last")
    if keep_last is not None and keep_last < 1:
        raise ValueError(f"keep-last is {keep_last}, not at least 1")
    return Rules(
        since=reader.instant(of("since")),
        tags=of("tags") or (),
        prereleases=bool(of("prereleases")),
        latest=bool(of("latest")),
        keep_last=keep_last,
        include=of("include") or (),
        exclude=of("exclude") or (),
        max_size=reader.size(of("max_size")),
        source_archives=bool(of("source_archives")),
    )
