"""From a request to its answer: whose words it uses, what it asks for, and what becomes of it."""

import os
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from toolroll_shared.errors import ToolError
from toolroll_shared.logs import Log

from .catalogue import Held
from .documents import Base
from .graphql import MAX_BODY, data_for, question_in
from .opening import NotAsRecorded, open_held
from .routes import Asked, Page, asked_for, parts_of, shown
from .sending import Document, Download, problem, send_document, send_download
from .shelves import Shelves

MAX_TOLD = 1000
"""Kinds of trouble that are remembered as told; then it begins anew."""

_TARGET = re.compile(r"(?:https?://[^/?#]*)?(/[^?#]*)(?:\?([^#]*))?(?:#.*)?", re.IGNORECASE)
_HOST = re.compile(r"([a-z0-9_.-]{1,255}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?", re.IGNORECASE)
_GRAPHQL = (["graphql"], ["api", "graphql"])
_NOT_FOUND = problem(HTTPStatus.NOT_FOUND, "Not Found")


class _Place(NamedTuple):
    """What is asked for, and in whose words."""

    base: Base
    parts: list[str]
    query: str


class Answers:
    """Answers requests.

    Args:
        dest: the mirror's folder.
        shelves: what is there.
        public_url: what clients call us, where that is not what they say in `Host`.
        notify: told of trouble, once for each file.
        log: records each request.
    """

    def __init__(
        self,
        dest: Path,
        shelves: Shelves,
        *,
        public_url: str | None,
        notify: Callable[[str], None],
        log: Log,
    ) -> None:
        self._dest = dest
        self._public_url = public_url
        self._shelves = shelves
        self._notify = notify
        self._log = log
        self._told: set[str] = set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, and record it."""
        target = _TARGET.fullmatch(request.raw_path)
        path = target[1] if target else "(none)"
        with self._log.action("request", f"{request.method} {path}") as fields:
            answer = await self._answer(request)
            if isinstance(answer, Document):
                response = await send_document(request, answer, fields)
            else:
                try:
                    response = await send_download(request, answer, fields)
                finally:
                    os.close(answer.descriptor)
            fields["ok"] = response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return response

    async def _answer(self, request: web.BaseRequest) -> Document | Download:
        try:
            return await self._answer_to(request)
        except ToolError as error:
            reason = str(error).replace(f"{self._dest}/", "")
            self._tell(reason)
            if request.path == "/healthz":
                return Document(value={"ok": False, "reason": reason}, status=503)
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "The manifest cannot be read now", Retry_After="5"
            )

    async def _answer_to(self, request: web.BaseRequest) -> Document | Download:
        place = _place(request, self._public_url)
        if place is None:
            return problem(HTTPStatus.BAD_REQUEST, "Bad Request")
        if request.method == "POST" and place.parts in _GRAPHQL:
            return await self._graphql(request)
        if request.method not in {"GET", "HEAD"}:
            return problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "This mirror is read-only", Allow="GET, HEAD"
            )
        if place.parts == ["healthz"]:
            return Document(value={"ok": True, "repositories": len(await self._shelves.names())})
        if place.parts in ([""], []):
            return await self._front(place.base)
        asked = asked_for(place.parts, place.query, request.headers.get("Accept", ""))
        return await self._shown(place.base, asked) if asked else _NOT_FOUND

    async def _front(self, base: Base) -> Document:
        names = await self._shelves.names()
        here = {name: f"{base.api}/repos/{name}/releases" for name in names}
        text = "A read-only mirror of GitHub releases: release-mirror serve"
        return Document(value={"message": text, "api_url": base.api, "repositories": here})

    async def _graphql(self, request: web.BaseRequest) -> Document:
        body = await request.content.read(MAX_BODY + 1) if request.can_read_body else b""
        while body and len(body) <= MAX_BODY and (more := await request.content.read(MAX_BODY)):
            body += more
        question = question_in(body) if len(body) <= MAX_BODY else None
        if question is None:
            return problem(HTTPStatus.BAD_REQUEST, "Only the questions of gh release are answered")
        return Document(
            value=data_for(question, await self._shelves.repository(question.repository))
        )

    async def _shown(self, base: Base, asked: Asked) -> Document | Download:
        """Return what is asked for; a file that is not as it was recorded may be so anew."""
        trouble = ""
        for anew in (False, True):
            repository = await self._shelves.repository(asked.repository, anew=anew)
            found = shown(base, asked, repository) if repository else None
            if found is None:
                return _NOT_FOUND
            if isinstance(found, Page):
                return Document(
                    value=found.value, headers={"Link": found.link} if found.link else {}
                )
            try:
                return Download(file=found, descriptor=open_held(self._dest, found))
            except NotAsRecorded as error:
                trouble = self._trouble(found, error)
        self._tell(trouble)
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The file is not as it was recorded: it needs release-mirror verify on its server",
        )  # without Retry-After: a client would take damage for a limit, and wait

    def _trouble(self, file: Held, error: NotAsRecorded) -> str:
        return f"{self._dest}/{file.path}: {error}; see release-mirror verify --dest {self._dest}"

    def _tell(self, message: str) -> None:
        """Say something once: clients ask again and again."""
        if message not in self._told:
            if len(self._told) >= MAX_TOLD:
                self._told.clear()
            self._told.add(message)
            self._notify(message)


def _place(request: web.BaseRequest, public_url: str | None) -> _Place | None:
    """Return what is asked for; None if that cannot be told."""
    target = _TARGET.fullmatch(request.raw_path)
    host = request.headers.get("Host", "")
    if target is None or not (public_url or _HOST.fullmatch(host)):
        return None
    web_url = public_url or f"http://{host}"
    try:
        prefixed, parts = parts_of(target[1])
    except UnicodeDecodeError:
        return None
    return _Place(
        Base(web_url, f"{web_url}/api/v3" if prefixed else web_url), parts, target[2] or ""
    )
