"""How to ask for an asset's bytes: which address, with which headers, and what a refusal means."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

from toolroll_shared.errors import Refused

from .options import API_VERSION, ClientOptions
from .throttle import throttle_of

_REFUSED_BY_A_SIGNED_URL = {400, 401, 403}
"""What hosts of signed URLs answer when one has expired."""


class Downloadable(Protocol):
    """What has a name and two addresses: an `Asset`, or one like it."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def url(self) -> str:
        """The API's address."""

    @property
    def browser_download_url(self) -> str:
        """The public address."""


def download_request(asset: Downloadable, options: ClientOptions) -> tuple[str, dict[str, str]]:
    """Return the URL and headers that fetch an asset's bytes.

    With a token it is the API's address, which serves private repositories too and answers
    with the bytes or a redirect to a signed URL on another host. Without one it is the
    public address: it costs no quota, of which there are only 60 requests an hour.

    Raises:
        Refused: the asset claims an API address at another origin; the token stays here.
    """
    if options.token is None:
        return asset.browser_download_url, {}
    try:
        own = _origin(asset.url) == _origin(options.api_url)
    except ValueError:
        own = False
    if not own:
        raise Refused(f"{asset.name}: its API address is at another origin, or none")
    return asset.url, {
        "Accept": "application/octet-stream",
        "Authorization": f"Bearer {options.token}",
        "X-GitHub-Api-Version": API_VERSION,
    }


def download_wait(
    status: int, headers: Mapping[str, str], text: str, *, redirected: bool
) -> float | None:
    """Return how long to wait before a refused download is asked for anew, in seconds.

    None says that asking anew is of no use, as far as GitHub's rules tell. A signed URL that
    an answer led to may have expired: a new one is there at once.

    Args:
        status: the HTTP status of the refusal.
        headers: its headers, by their names in lower case.
        text: the start of its body.
        redirected: whether it came from where the asset's address had led to.
    """
    if redirected and status in _REFUSED_BY_A_SIGNED_URL:
        return 0.0
    throttle = throttle_of(status, headers, text, now=_time_at(headers), earlier=0)
    return None if throttle is None else throttle.seconds


def _time_at(headers: Mapping[str, str]) -> float:
    """Return the server's time, in seconds since the epoch, or else ours."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return time.time()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, comparable.

    Raises:
        ValueError: it is no URL.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
