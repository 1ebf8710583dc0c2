"""HTTP's requests and answers as values; `github_server` carries them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl


class Headers(Mapping[str, str]):
    """Header fields by name in any case; a repeated field is joined with commas."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Collect `(name, value)` pairs."""
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        """Return the value of a field."""
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._values)

    def without(self, *names: str) -> "Headers":
        """Return a copy that lacks the named fields."""
        return Headers(pair for pair in self._values.items() if pair[0] not in names)


@dataclass(frozen=True)
class FileSpan:
    """A part of a file on disk, sent without being loaded into memory."""

    path: Path
    start: int
    length: int

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self.length

    def read(self) -> bytes:
        """Load the bytes."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


Body: TypeAlias = bytes | FileSpan


@dataclass(frozen=True)
class Request:
    """A request as it stood on the wire; `target` is the path with its query.

    Attributes:
        origin: the scheme and host of a request in absolute form, as a proxy gets it; else "".
    """

    method: str
    target: str
    headers: Headers = field(repr=False)
    peer: str
    version: str = "HTTP/1.1"
    origin: str = ""

    @cached_property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; of a repeated name, the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def keeps_open(self) -> bool:
        """Whether the client wants to ask more on the same connection."""
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"


@dataclass(frozen=True)
class Response:
    """An answer; header names are in lower case, `length` overrides the announced length."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default=b"", repr=False)
    length: int | None = None

    @property
    def announced(self) -> int:
        """What Content-Length says."""
        return len(self.body) if self.length is None else self.length

    @property
    def content(self) -> bytes:
        """The body, loaded into memory."""
        return self.body if isinstance(self.body, bytes) else self.body.read()

    def with_headers(self, headers: Mapping[str, str]) -> "Response":
        """Return the same answer with these headers added or replaced."""
        return replace(self, headers={**self.headers, **headers})

    def without_body(self) -> "Response":
        """Return what a HEAD request gets: the same headers and no body."""
        return replace(self, length=self.announced, body=b"")

    def head(self) -> bytes:
        """Render the status line and the headers."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.status != HTTPStatus.NOT_MODIFIED:
            lines.append(f"content-length: {self.announced}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
