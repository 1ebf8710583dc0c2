"""What can go wrong between a client and GitHub, as values that a test scripts.

A fault changes what the server sees of a request, what it answers, or how the answer is sent.
The server does its work first, so a fault's request counts against the quota like any other.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from threading import Event
from typing import TypeAlias

from tests.support.github_answers import expired, problem, rate_limited, secondary_limited
from tests.support.github_http import Body, FileSpan, Request, Response
from tests.support.github_server import Wire

See: TypeAlias = Callable[[Request], Request]
Answer: TypeAlias = Callable[[Request, Response], Response]
Send: TypeAlias = Callable[[Wire, Response, Event], None]

NO_ANSWER = 0  # recorded as the status of a request that got no status line


def _as_it_is(request: Request) -> Request:
    return request


def _as_answered(_request: Request, response: Response) -> Response:
    return response


def _whole(wire: Wire, response: Response, reached: Event) -> None:
    reached.set()
    wire.send(response)


@dataclass(frozen=True, eq=False)
class Fault:
    """One misbehaviour; `reached` is set while it is acted out, which a test can wait for."""

    name: str
    see: See = field(default=_as_it_is, repr=False)
    answer: Answer = field(default=_as_answered, repr=False)
    send: Send = field(default=_whole, repr=False)
    reached: Event = field(default_factory=Event, repr=False)


def status(code: int) -> Fault:
    """Answer this status with a JSON error, and GitHub's headers."""

    def answer(_request: Request, response: Response) -> Response:
        return _instead(problem(code, HTTPStatus(code).phrase), response)

    return Fault(f"status({code})", answer=answer)


def bad_gateway_html() -> Fault:
    """Answer 502 with the HTML page of a load balancer, and none of GitHub's headers."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body>Unicorn!</body></html>"
    answer = Response(HTTPStatus.BAD_GATEWAY, {"content-type": "text/html"}, page)
    return Fault("bad_gateway_html()", answer=lambda _request, _response: answer)


def throttled(
    status: int = HTTPStatus.FORBIDDEN,
    *,
    retry_after: float | str | None = None,
    remaining: int | None = None,
    reset: int | None = None,
    secondary: bool = False,
) -> Fault:
    """Answer as a rate limit does: the primary one (nothing remaining), or the secondary one.

    Args:
        status: 403 or 429.
        retry_after: seconds or an HTTP date; the primary limit does not send it.
        remaining: another x-ratelimit-remaining than the primary limit's 0.
        reset: another x-ratelimit-reset, in seconds since 1970.
        secondary: say that it is the secondary limit, and leave x-ratelimit-* as they are.
    """
    left = 0 if remaining is None and not secondary else remaining
    given = {
        "retry-after": retry_after,
        "x-ratelimit-remaining": left,
        "x-ratelimit-reset": reset,
    }
    headers = {name: str(value) for name, value in given.items() if value is not None}

    def answer(request: Request, response: Response) -> Response:
        limit = secondary_limited(status) if secondary else rate_limited(request, status)
        return _instead(limit, response).with_headers(headers)

    return Fault(f"throttled({status}, {headers})", answer=answer)


def redirect(location: str, status: int = HTTPStatus.FOUND) -> Fault:
    """Send the client elsewhere."""
    answer = Response(status, {"location": location})
    return Fault(
        f"redirect({location!r}, {status})",
        answer=lambda _request, response: _instead(answer, response),
    )


def expired_signature() -> Fault:
    """Answer as the object store does when a signed URL is too old."""
    return Fault("expired_signature()", answer=lambda _request, _response: expired())


def truncated_json() -> Fault:
    """Answer 200 with the first half of the JSON, and a Content-Length that fits it."""
    return _other_body("truncated_json()", lambda body: body[: len(body) // 2])


def not_json() -> Fault:
    """Answer 200 with text that is no JSON."""
    return _other_body("not_json()", lambda _body: b"<!DOCTYPE html>\n<title>GitHub</title>\n")


def wrong_bytes() -> Fault:
    """Answer other content of the right length."""
    flipped = bytes(range(256))[::-1]
    return _other_body("wrong_bytes()", lambda body: body.translate(flipped))


def gzip_body() -> Fault:
    """Answer with Content-Encoding: gzip, whatever the client accepts."""

    def answer(_request: Request, response: Response) -> Response:
        packed = replace(response, body=gzip.compress(response.content, mtime=0))
        return packed.with_headers({"content-encoding": "gzip"})

    return Fault("gzip_body()", answer=answer)


def ignore_range() -> Fault:
    """Answer 200 with the whole content to a request for a range of it."""

    def see(request: Request) -> Request:
        return replace(request, headers=request.headers.without("range", "if-range"))

    return Fault("ignore_range()", see=see)


def wrong_range(shift: int = 1) -> Fault:
    """Answer 206 with a Content-Range that lies `shift` bytes beside what was asked for."""

    def answer(_request: Request, response: Response) -> Response:
        unit, _, place = response.headers["content-range"].partition(" ")
        span, _, size = place.partition("/")
        first, _, last = span.partition("-")
        moved = f"{unit} {int(first) + shift}-{int(last) + shift}/{size}"
        return response.with_headers({"content-range": moved})

    return Fault(f"wrong_range({shift})", answer=answer)


def cut_before_headers() -> Fault:
    """Close the connection without an answer."""

    def send(wire: Wire, _response: Response, reached: Event) -> None:
        reached.set()
        wire.cut()

    return Fault("cut_before_headers()", answer=_nothing, send=send)


def cut_body(after: int) -> Fault:
    """Announce the whole body, send `after` bytes of it, and close the connection."""

    def send(wire: Wire, response: Response, reached: Event) -> None:
        _start(wire, response, after)
        reached.set()
        wire.cut()

    return Fault(f"cut_body(after={after})", send=send)


def reset_body(after: int) -> Fault:
    """Send `after` bytes of the body, and reset the connection."""

    def send(wire: Wire, response: Response, reached: Event) -> None:
        _start(wire, response, after)
        reached.set()
        wire.reset()

    return Fault(f"reset_body(after={after})", send=send)


def wrong_length(delta: int) -> Fault:
    """Send the body under a Content-Length that is `delta` off, and close the connection."""

    def answer(_request: Request, response: Response) -> Response:
        return replace(response, length=response.announced + delta)

    def send(wire: Wire, response: Response, reached: Event) -> None:
        _whole(wire, response, reached)
        wire.cut()

    return Fault(f"wrong_length(delta={delta})", answer=answer, send=send)


def slow_body(chunk: int, delay: float) -> Fault:
    """Send the body in chunks of that many bytes, with a pause of `delay` seconds after each."""

    def send(wire: Wire, response: Response, reached: Event) -> None:
        wire.write(response.head())
        reached.set()
        for start in range(0, len(response.body), chunk):
            wire.write(_part(response.body, start, start + chunk))
            wire.pause(delay)

    return Fault(f"slow_body(chunk={chunk}, delay={delay})", send=send)


def stall_headers() -> Fault:
    """Take the request and stay silent until the client goes away or the server stops."""

    def send(wire: Wire, _response: Response, reached: Event) -> None:
        reached.set()
        wire.wait_for_hangup()

    return Fault("stall_headers()", answer=_nothing, send=send)


def stall_body(after: int) -> Fault:
    """Send `after` bytes of the body, then stay silent as `stall_headers` does."""

    def send(wire: Wire, response: Response, reached: Event) -> None:
        _start(wire, response, after)
        reached.set()
        wire.wait_for_hangup()

    return Fault(f"stall_body(after={after})", send=send)


def _nothing(_request: Request, _response: Response) -> Response:
    return Response(NO_ANSWER)


def _instead(other: Response, response: Response) -> Response:
    """The other answer under the headers that GitHub adds to every answer."""
    headers = response.headers.items()
    every = {name: value for name, value in headers if name.startswith("x-") or name == "date"}
    return replace(other, headers={**every, **other.headers})


def _other_body(name: str, change: Callable[[bytes], bytes]) -> Fault:
    def answer(_request: Request, response: Response) -> Response:
        return replace(response, body=change(response.content))

    return Fault(name, answer=answer)


def _start(wire: Wire, response: Response, count: int) -> None:
    wire.write(response.head())
    wire.write(_part(response.body, 0, count))


def _part(body: Body, start: int, stop: int) -> Body:
    if isinstance(body, bytes):
        return body[start:stop]
    return FileSpan(body.path, body.start + start, min(stop, body.length) - start)
