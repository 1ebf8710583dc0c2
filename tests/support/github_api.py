"""The REST API's door: who asks, how much quota is left, and what has not changed.

What stands behind the door, path by path, is in `github_routes`.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from tests.support.github_answers import (
    bad_credentials,
    no_user_agent,
    not_found,
    rate_limited,
    unsupported_version,
)
from tests.support.github_http import Request, Response
from tests.support.github_routes import Routes

API_VERSION = "2022-11-28"
WINDOW_SECONDS = 3600  # GitHub counts requests by the hour


@dataclass
class Quota:
    """The primary rate limit: `limit` requests in an hour, whoever asks."""

    limit: int
    clock: Callable[[], float]
    used: int = 0
    reset: int = 0

    def spend(self) -> bool:
        """Count a request; False when nothing is left."""
        if self.clock() >= self.reset:
            self.used, self.reset = 0, int(self.clock()) + WINDOW_SECONDS
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def refund(self) -> None:
        """Take back the last request."""
        self.used -= 1

    def headers(self) -> dict[str, str]:
        """What every answer tells about the quota."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(self.limit - self.used, 0)),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(self.reset),
            "x-ratelimit-resource": "core",
        }


@dataclass
class Api:
    """Answers the requests to the API's origin, which stands in for github.com too."""

    routes: Routes
    quota: Quota
    token: str | None = field(repr=False)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        with self.routes.site.lock:
            if request.path.startswith(("/repos/", "/repositories/")):
                answer = self._api(request)
            else:
                answer = self.routes.web(request)
            return answer.with_headers({"date": formatdate(self.quota.clock(), usegmt=True)})

    def _api(self, request: Request) -> Response:
        if "user-agent" not in request.headers:
            return no_user_agent()
        answer = self._checked(request)
        return answer.with_headers(
            {
                **self.quota.headers(),
                "x-github-media-type": "github.v3; format=json",
                "x-github-api-version-selected": API_VERSION,
                "x-github-request-id": f"7001:{next(self._numbers):08X}",
                "vary": "Accept, Authorization, Accept-Encoding",
            }
        )

    def _checked(self, request: Request) -> Response:
        if (version := request.headers.get("x-github-api-version", API_VERSION)) != API_VERSION:
            return unsupported_version(version)
        if "authorization" in request.headers and not self._trusts(request):
            return bad_credentials()
        if not self.quota.spend():
            return rate_limited(request)
        if request.method not in {"GET", "HEAD"}:
            return not_found()
        answer = self.routes.api(request, trusted=self._trusts(request))
        return self._unchanged(request, answer) or answer

    def _unchanged(self, request: Request, answer: Response) -> Response | None:
        """A 304 if the client has this already; it is free for those who say who they are."""
        known = request.headers.get("if-none-match")
        etag = answer.headers.get("etag")
        if known is None or etag is None or not _matches(etag, known):
            return None
        if self._trusts(request):
            self.quota.refund()
        kept = {name: answer.headers[name] for name in ("etag", "cache-control")}
        return Response(HTTPStatus.NOT_MODIFIED, kept)

    def _trusts(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() in {"bearer", "token"} and token == self.token


def _matches(etag: str, known: str) -> bool:
    """Compare entity tags weakly (RFC 9110, 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
