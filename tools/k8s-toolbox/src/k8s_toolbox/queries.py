"""What is asked of an API server: a verb on a resource, as its rules of access name them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote


class Query(NamedTuple):
    """One kind of question.

    Attributes:
        verb: `get`, `list` or `watch`, as roles name it; on the wire each is a GET.
        resource: `pods`, `events`, `namespaces`.
        namespace: None for all of them, and for what has none.
        name: of one object.
        subresource: `log`.
    """

    verb: str
    resource: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def path(self) -> str:
        """The URL's path, of the core group."""
        place = ("namespaces", self.namespace) if self.namespace else ()
        parts = (*place, self.resource, self.name, self.subresource)
        return "/api/v1/" + "/".join(quote(one, safe="") for one in parts if one)

    @property
    def what(self) -> str:
        """The question for people: `list pods in team-a`."""
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        place = f" in {self.namespace}" if self.namespace else ""
        if not self.namespace and self.verb != "get":
            place = " in all namespaces"
        return f"{self.verb} {resource}{place}"

    @property
    def can_i(self) -> str:
        """The arguments of `kubectl auth can-i` that ask whether we may."""
        sub = f" --subresource={self.subresource}" if self.subresource else ""
        every = " -A" if self.verb != "get" else ""
        place = f" -n {self.namespace}" if self.namespace else every
        name = f"/{self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{name}{sub}{place}"
