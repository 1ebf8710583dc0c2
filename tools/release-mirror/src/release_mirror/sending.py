"""Answers as aiohttp sends them: documents from memory, files straight from the disk."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from .catalogue import Held
from .conditions import Part, is_known, part_wanted, version_of

SPAN_BYTES = 1024 * 1024
"""Sent between two looks at the clock."""

STALL_S = 300.0
"""For each span, or a whole document: who takes less than 3.5 kB/s is not there any more."""

SERVER = "release-mirror"

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(; *[\w-]+=[\w.+-]+)*", re.ASCII)
_PLAIN_NAME = re.compile(r"[^\w !#$&+.@^`{}~()\[\],=-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON answer."""

    value: Any
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file, open: whoever gets this closes the descriptor."""

    file: Held
    descriptor: int


def problem(status: int, message: str, **headers: str) -> Document:
    """Return an error in the words of GitHub's API."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Document(value={"message": message, "status": str(status)}, status=status, headers=named)


async def send_document(
    request: web.BaseRequest, document: Document, fields: dict[str, Any]
) -> web.StreamResponse:
    """Send a document, or 304 if the client has it.

    Args:
        request: what is answered.
        document: the answer.
        fields: of the action's record.

    Raises:
        ConnectionError: the client is gone, or takes nothing.
    """
    body = msgspec.json.encode(document.value)
    headers = {
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "Server": SERVER,
        "Vary": "Accept, Host",
        "X-Content-Type-Options": "nosniff",
        **document.headers,
    }
    status = document.status
    if status == HTTPStatus.OK and request.method != "POST":
        headers["ETag"] = etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if is_known(request.headers, etag):
            status, body = HTTPStatus.NOT_MODIFIED, b""
    response = web.Response(status=status, body=body, headers=headers)
    fields |= {"status": int(status), "bytes": 0 if request.method == "HEAD" else len(body)}
    async with _in_time(request):
        await response.prepare(request)
        await response.write_eof()
    return response


async def send_download(
    request: web.BaseRequest, download: Download, fields: dict[str, Any]
) -> web.StreamResponse:
    """Send a file, or the part of it that is wanted.

    Args:
        request: what is answered.
        download: the file.
        fields: of the action's record; its `bytes` grow with what is sent.

    Raises:
        ConnectionError: the client is gone, takes nothing, or the file ended too early.
    """
    file = download.file
    version = version_of(file.sha256, file.mtime_ns)
    part = part_wanted(request.headers, version, file.size, get=request.method == "GET")
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "ETag": version.etag,
        "Last-Modified": version.last_modified,
        "Server": SERVER,
        **_headers_of(part, file),
    }
    response = web.StreamResponse(status=part.status, headers=headers)
    response.content_length = part.stop - part.start
    fields |= {"status": int(part.status), "bytes": 0}
    async with _in_time(request):
        await response.prepare(request)
    if request.method == "GET":
        await _send_spans(request, download.descriptor, part, fields)
    await response.write_eof()
    return response


def _headers_of(part: Part, file: Held) -> dict[str, str]:
    if part.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return {"Content-Range": f"bytes */{file.size}"}
    if part.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return {}
    is_type = _MEDIA_TYPE.fullmatch(file.content_type)
    headers = {
        "Content-Disposition": disposition(file.name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": file.content_type if is_type else "application/octet-stream",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    if part.status == HTTPStatus.PARTIAL_CONTENT:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    return headers


def disposition(name: str) -> str:
    """Return a Content-Disposition for a name (RFC 6266), whatever is in it."""
    plain = _PLAIN_NAME.sub("_", name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


async def _send_spans(
    request: web.BaseRequest, descriptor: int, part: Part, fields: dict[str, Any]
) -> None:
    loop = asyncio.get_running_loop()
    with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
        for start in range(part.start, part.stop, SPAN_BYTES):
            count = min(SPAN_BYTES, part.stop - start)
            async with _in_time(request) as transport:
                sent = await loop.sendfile(transport, file, start, count)
            fields["bytes"] += sent
            if sent < count:  # whoever waits for the rest must not get the next answer instead
                transport.abort()
                raise ConnectionAbortedError("the file ends early")


@asynccontextmanager
async def _in_time(request: web.BaseRequest) -> AsyncIterator[asyncio.WriteTransport]:
    """Hang up on a client that takes nothing for long."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - TCP
    try:
        async with asyncio.timeout(STALL_S):
            yield transport
    except TimeoutError as error:
        transport.abort()
        raise ConnectionAbortedError("the client takes nothing") from error
