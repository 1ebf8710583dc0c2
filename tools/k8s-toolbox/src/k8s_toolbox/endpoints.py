"""Where requests go: the API server's URL, and the proxy before it, as kubectl understands them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = Mapping[str, Any]

_TLS_KEYS = ("certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify")
_PAIR_KEYS = ("client-certificate", "client-certificate-data")


class Endpoint(NamedTuple):
    """A URL, and the user that was written into it.

    Attributes:
        url: without user, password, query and fragment, so that it can be shown.
        login: `user:password`; None if there is none.
    """

    url: str
    login: str | None

    @property
    def is_secret(self) -> bool:
        """Whether others cannot read along: only then kubectl says who we are."""
        return self.url.startswith("https:")

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: Go asks no proxy of the environment for that."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def server_of(cluster: Entry, user: Entry) -> Endpoint:
    """Return a cluster's server.

    Args:
        cluster: of a kubeconfig.
        user: likewise: one with a certificate speaks TLS where nobody says.

    Raises:
        ValueError: it is no URL of a server.
    """
    text = cluster["server"]
    if "://" not in text:
        tls = any(map(cluster.get, _TLS_KEYS)) or any(map(user.get, _PAIR_KEYS))
        text = f"http{'s' if tls else ''}://{text}"
    return _endpoint(text, "the cluster's server", {"http", "https"})


def proxy_of(cluster: Entry, *, what: str = "the cluster's proxy-url") -> Endpoint | None:
    """Return the proxy that a cluster names; `what` calls it so in messages.

    Raises:
        ValueError: it is no URL of a proxy.
    """
    text = cluster.get("proxy-url")
    return _endpoint(text, what, {"http", "https"}) if text else None


def _endpoint(text: str, what: str, schemes: set[str]) -> Endpoint:
    parts = _split(text)
    if parts is None or parts.scheme not in schemes:
        raise ValueError(f"{what} is not the URL of one, with {' or '.join(sorted(schemes))}")
    login, _, place = parts.netloc.rpartition("@")
    url = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
    return Endpoint(url, unquote(login) if login else None)


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL that names a host; None for what is none."""
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # it is parsed when it is asked for
    except ValueError:
        return None
    return parts if parts.hostname else None
