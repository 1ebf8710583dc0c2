"""The host of the assets: an object store of another origin, reached by signed URLs that expire."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from http import HTTPStatus
from urllib.parse import quote, urlencode

from tests.support.github_answers import expired, store_problem
from tests.support.github_data import Asset, Release, Site
from tests.support.github_http import Body, FileSpan, Request, Response

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
SHELF = "github-production-release-asset"  # the first part of every object's path
ARCHIVES = "codeload"  # the first part of every archive's path


@dataclass(frozen=True)
class AssetHost:
    """Signs URLs of assets, and answers requests for them."""

    site: Site
    clock: Callable[[], float]
    signature_seconds: float
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def signed_url(self, asset: Asset) -> str:
        """Return a URL of the asset that works without credentials, for a while."""
        return self._signed(f"/{SHELF}/{asset.release.repository.id}/{asset.id}")

    def archive_url(self, release: Release, ending: str) -> str:
        """Return a URL of the archive that is made of a release's tag."""
        return self._signed(f"/{ARCHIVES}/{release.repository.id}/{release.id}{ending}")

    def _signed(self, path: str) -> str:
        until = datetime.fromtimestamp(self.clock() + self.signature_seconds, UTC)
        end = until.strftime(TIME_FORMAT)
        return f"{self.site.asset_url}{path}?" + urlencode(
            {"sp": "r", "sr": "b", "se": end, "sig": self._signature(path, end)}
        )

    def __call__(self, request: Request) -> Response:
        """Answer a request as an object store does: signature first, then the object."""
        refusal = self._refusal(request)
        if refusal is None and request.path.startswith(f"/{ARCHIVES}/"):
            refusal = _archive(request)
        if refusal is None:
            asset = self.site.assets.get(_asset_id(request))
            missing = store_problem(404, "BlobNotFound", "The specified blob does not exist.")
            refusal = missing if asset is None else content_answer(request, asset)
        return refusal.with_headers({"date": formatdate(self.clock(), usegmt=True)})

    def _refusal(self, request: Request) -> Response | None:
        if "authorization" in request.headers:
            message = "Only one authentication mechanism is allowed: query or Authorization header."
            return store_problem(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationInfo", message)
        if request.method not in {"GET", "HEAD"}:
            message = "The resource doesn't support specified Http Verb."
            return store_problem(HTTPStatus.METHOD_NOT_ALLOWED, "UnsupportedHttpVerb", message)
        end, given = request.query.get("se", ""), request.query.get("sig", "")
        if not hmac.compare_digest(given.encode(), self._signature(request.path, end).encode()):
            message = "Signature did not match."
            return store_problem(HTTPStatus.FORBIDDEN, "AuthenticationFailed", message)
        now = datetime.fromtimestamp(self.clock(), UTC).strftime(TIME_FORMAT)
        return expired() if now >= end else None

    def _signature(self, path: str, end: str) -> str:
        code = hmac.new(self._key, f"r\n{end}\n{path}".encode(), hashlib.sha256)
        return base64.b64encode(code.digest()).decode()


def _archive(request: Request) -> Response:
    """What stands for an archive: nothing is known of it beforehand, not even its length."""
    return Response(HTTPStatus.OK, {"content-type": "application/x-gzip"}, request.path.encode())


def content_answer(request: Request, asset: Asset) -> Response:
    """The asset's bytes, or the range of them that was asked for."""
    modified = datetime.strptime(asset.created_at, TIME_FORMAT).replace(tzinfo=UTC)
    headers = {
        "content-type": asset.content_type,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(asset.name, safe='')}",
        "etag": f'"0x{asset.id:016X}"',  # new content has a new id
        "last-modified": format_datetime(modified, usegmt=True),
        "accept-ranges": "bytes",
    }
    if request.headers.get("if-range", headers["etag"]) not in {
        headers["etag"],
        headers["last-modified"],
    }:
        return Response(HTTPStatus.OK, headers, _part(asset, range(asset.size)))
    return _ranged(request.headers.get("range", ""), asset, headers)


def _ranged(wanted: str, asset: Asset, headers: dict[str, str]) -> Response:
    span = parsed_range(wanted, asset.size)
    if span is None:
        return Response(HTTPStatus.OK, headers, _part(asset, range(asset.size)))
    if not span:
        message = "The range specified is invalid for the current size of the resource."
        refusal = store_problem(416, "InvalidRange", message)
        return refusal.with_headers({"content-range": f"bytes */{asset.size}"})
    place = {"content-range": f"bytes {span.start}-{span.stop - 1}/{asset.size}"}
    return Response(HTTPStatus.PARTIAL_CONTENT, headers | place, _part(asset, span))


def parsed_range(wanted: str, size: int) -> range | None:
    """Return the bytes that a Range header means (RFC 9110, 14.1.2).

    None means all of them: no header, several ranges, or not understood. An empty range
    cannot be satisfied.
    """
    unit, _, span = wanted.partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first + last).isdecimal():
        return None
    if not first:
        return range(max(size - int(last), 0), size)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None
    return range(int(first), max(stop, int(first)))


def _part(asset: Asset, span: range) -> Body:
    if isinstance(asset.content, bytes):
        return asset.content[span.start : span.stop]
    return FileSpan(asset.content, span.start, len(span))


def _asset_id(request: Request) -> int:
    return int(request.path.rpartition("/")[2])
