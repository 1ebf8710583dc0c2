"""The three questions that `gh release` puts to GitHub's GraphQL API, and no others.

gh lists releases by GraphQL, and looks there for a draft of a tag that it wants to show or to
download. A question is known by its name: the language itself is not understood.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .catalogue import HeldRelease, HeldRepository
from .routes import MAX_PAGE_SIZE

MAX_BODY = 64 * 1024
"""Bytes of a question; gh's have less than 1,000."""

_NAME = re.compile(r"query (\w+)")


class Question(msgspec.Struct, frozen=True):
    """A request's body."""

    query: str
    variables: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The name of the query, or nothing."""
        match = _NAME.match(self.query)
        return match[1] if match else ""

    @property
    def repository(self) -> str:
        """OWNER/REPO, or nothing."""
        owner, name = self.variables.get("owner"), self.variables.get("name")
        return f"{owner}/{name}" if isinstance(owner, str) and isinstance(name, str) else ""


def question_in(body: bytes) -> Question | None:
    """Return the question, if it is one that can be answered."""
    try:
        question = msgspec.json.decode(body, type=Question)
    except msgspec.DecodeError:
        return None
    known = question.name in _ANSWERS or question.name == "Release_fields"
    return question if known else None


def data_for(question: Question, repository: HeldRepository | None) -> Mapping[str, Any]:
    """Return the answer."""
    if question.name == "Release_fields":  # what gh may ask about
        return {"data": {"Release": {"fields": [{"name": "tagName"}]}}}
    if repository is None:
        message = f"Could not resolve to a Repository with the name '{question.repository}'."
        error = {"type": "NOT_FOUND", "path": ["repository"], "message": message}
        return {"data": {"repository": None}, "errors": [error]}
    return {"data": {"repository": _ANSWERS[question.name](question.variables, repository)}}


def _list(variables: Mapping[str, Any], repository: HeldRepository) -> Mapping[str, Any]:
    """Return a page of releases; a cursor is the number of releases before it."""
    releases = list(repository.releases)
    if variables.get("direction") == "ASC":
        releases.reverse()
    start, size = variables.get("endCursor") or "0", variables.get("perPage")
    first = int(start) if re.fullmatch(r"[0-9]{1,9}", str(start)) else 0
    count = size if isinstance(size, int) and 0 < size <= MAX_PAGE_SIZE else MAX_PAGE_SIZE
    stop, latest = first + count, repository.latest()
    nodes = [_node(one, latest=one is latest) for one in releases[first:stop]]
    page_info = {"hasNextPage": stop < len(releases), "endCursor": str(stop)}
    return {"releases": {"nodes": nodes, "pageInfo": page_info}}


def _node(release: HeldRelease, *, latest: bool) -> Mapping[str, Any]:
    return {
        "name": release.name or "",
        "tagName": release.tag,
        "isDraft": False,
        "isLatest": latest,
        "isPrerelease": release.prerelease,
        "createdAt": release.created_at,
        "publishedAt": release.published_at,
    }


def _draft(_variables: Mapping[str, Any], _repository: HeldRepository) -> Mapping[str, Any]:
    return {"release": None}  # drafts are never mirrored; the rest is told by REST


_ANSWERS: dict[str, Callable[[Mapping[str, Any], HeldRepository], Mapping[str, Any]]] = {
    "RepositoryReleaseList": _list,
    "RepositoryReleaseByTag": _draft,
}
