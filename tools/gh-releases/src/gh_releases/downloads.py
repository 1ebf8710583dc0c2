"""How to ask for an asset's bytes: which address, with which headers."""

from urllib.parse import urlsplit

from toolroll_shared.errors import Refused

from .models import Asset
from .options import API_VERSION, ClientOptions


def download_request(asset: Asset, options: ClientOptions) -> tuple[str, dict[str, str]]:
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


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, comparable.

    Raises:
        ValueError: it is no URL.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
