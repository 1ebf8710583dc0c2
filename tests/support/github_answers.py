"""The answers GitHub and its object store give when they refuse, in their documented words."""

import json
from http import HTTPStatus
from xml.sax.saxutils import escape

from tests.support.github_http import Request, Response

DOCS = "https://docs.github.com/rest"
JSON_TYPE = "application/json; charset=utf-8"


def problem(status: int, message: str, *, docs: str = DOCS, **fields: str) -> Response:
    """A JSON error as the REST API words it."""
    content = {"message": message, **fields, "documentation_url": docs, "status": str(status)}
    return Response(status, {"content-type": JSON_TYPE}, json.dumps(content).encode())


def not_found() -> Response:
    """Unknown, or not for the eyes of this caller: the API does not say which."""
    return problem(HTTPStatus.NOT_FOUND, "Not Found")


def bad_credentials() -> Response:
    """An Authorization header that is not the token."""
    return problem(HTTPStatus.UNAUTHORIZED, "Bad credentials")


def no_user_agent() -> Response:
    """The edge's refusal of a request that does not say who asks."""
    text = (
        "Request forbidden by administrative rules. Please make sure your request has a "
        f"User-Agent header ({DOCS}/overview/resources-in-the-rest-api#user-agent-required)."
    )
    return Response(HTTPStatus.FORBIDDEN, {"content-type": "text/html"}, text.encode())


def unsupported_version(version: str) -> Response:
    """An X-GitHub-Api-Version that does not exist."""
    return problem(HTTPStatus.BAD_REQUEST, f'"{version}" is not a supported version.')


def past_the_cap() -> Response:
    """A page of a list of releases that lies behind its first 1,000 results."""
    docs = f"{DOCS}/releases/releases#list-releases"
    message = "Only the first 1000 results are available."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, message, docs=docs)


def moved(location: str) -> Response:
    """A repository that has another name now."""
    docs = f"{DOCS}/guides/best-practices-for-using-the-rest-api#follow-redirects"
    answer = problem(HTTPStatus.MOVED_PERMANENTLY, "Moved Permanently", url=location, docs=docs)
    return answer.with_headers({"location": location})


def found(location: str) -> Response:
    """The 302 that sends a download to the object store."""
    return Response(
        HTTPStatus.FOUND, {"content-type": "text/html; charset=utf-8", "location": location}
    )


def rate_limited(request: Request, status: int = HTTPStatus.FORBIDDEN) -> Response:
    """The primary rate limit; its headers say when to come back."""
    whom = "user ID 1" if "authorization" in request.headers else request.peer.rpartition(":")[0]
    message = f"API rate limit exceeded for {whom}."
    if "authorization" not in request.headers:
        message += (
            " (But here's the good news: Authenticated requests get a higher rate limit."
            " Check out the documentation for more details.)"
        )
    docs = f"{DOCS}/overview/resources-in-the-rest-api#rate-limiting"
    return problem(status, message, docs=docs)


def secondary_limited(status: int = HTTPStatus.FORBIDDEN) -> Response:
    """The secondary rate limit: too much at once."""
    message = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    docs = f"{DOCS}/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
    return problem(status, message, docs=docs)


def store_problem(status: int, code: str, message: str) -> Response:
    """An XML error as object stores word it."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(status, {"content-type": "application/xml"}, text.encode())


def expired() -> Response:
    """The object store's word on a signed URL that is too old."""
    return store_problem(
        HTTPStatus.FORBIDDEN,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Signature not valid in the specified time"
        " frame.",
    )
