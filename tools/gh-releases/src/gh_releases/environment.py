"""What the environment says about reaching GitHub, in the way that gh and Actions use it.

The environment is an argument here: only `cli` knows the process's own.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from toolroll_shared.errors import UsageError

from .options import is_token
from .target import api_url_of, is_github_cloud, parse_target

GITHUB_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")

_LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.[0-9]+){3}|::1")


def find_api(
    environ: Mapping[str, str], *, api_url: str | None, host: str | None
) -> tuple[str, str | None]:
    """Return the API's root and the token for it.

    The order is: the URL that is an argument, the host that was named with the repository,
    GH_HOST, GITHUB_API_URL, github.com. GitHub's own hosts get GitHub's token. Another host
    gets the token for servers, unless GH_HOST says that it is for another one. A URL gets
    what there is: who gives it means it.

    Args:
        environ: the environment.
        api_url: the argument that names the API, if there is one.
        host: the host that was named with the repository, if one was.

    Raises:
        UsageError: the URL, the host or the token cannot be used.
    """
    if api_url is not None:
        return _api_at(environ, api_url, "--api-url")
    preferred = _host_of(environ)
    if host is None and preferred is None and (url := environ.get("GITHUB_API_URL")):
        return _api_at(environ, url, "GITHUB_API_URL")
    host = host or preferred or "github.com"
    token = _token_of(environ, _names_for(host, preferred))
    return _checked(api_url_of(host), host, with_token=token is not None), token


def _api_at(environ: Mapping[str, str], url: str, source: str) -> tuple[str, str | None]:
    names = GITHUB_TOKENS if _is_cloud_api(url) else ENTERPRISE_TOKENS + GITHUB_TOKENS
    token = _token_of(environ, names)
    return _checked(url, source, with_token=token is not None), token


def cache_folder(environ: Mapping[str, str], name: str) -> Path | None:
    """Return the folder that `name` may keep a cache in, or None where there is no home.

    The rule is that of the XDG base directory specification: a relative path counts as none.
    Windows has LOCALAPPDATA instead.
    """
    home, root = Path(environ.get("HOME", "")), Path(environ.get("XDG_CACHE_HOME", ""))
    if not root.is_absolute():
        root = Path(environ.get("LOCALAPPDATA", "")) if sys.platform == "win32" else home / ".cache"
    return root / "toolroll" / name if root.is_absolute() else None


def _host_of(environ: Mapping[str, str]) -> str | None:
    text = environ.get("GH_HOST", "").strip()
    if not text:
        return None
    try:
        return parse_target(f"{text}/owner/repo").host
    except ValueError as error:
        raise UsageError(f"GH_HOST: {error}") from error


def _names_for(host: str, preferred: str | None) -> tuple[str, ...]:
    if is_github_cloud(host):
        return GITHUB_TOKENS
    return ENTERPRISE_TOKENS if preferred in {None, host} else ()


def _token_of(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if token := environ.get(name, "").strip():
            if not is_token(token):
                raise UsageError(f"{name}: holds characters that no token has")
            return token
    return None


def _is_cloud_api(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True  # and it is refused for what it is
    return is_github_cloud(host.removeprefix("api."))


def _checked(url: str, source: str, *, with_token: bool) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{source}: not an http or https URL")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(f"{source}: only scheme, host, port and path; the token is in GH_TOKEN")
    if with_token and parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname):
        raise UsageError(
            f"{source}: a token would travel unencrypted: use https, or unset GH_TOKEN"
        )
    return url.rstrip("/")
