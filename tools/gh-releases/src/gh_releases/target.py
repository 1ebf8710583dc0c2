"""Which repository is meant, on which host: the forms that people have at hand."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from .options import DEFAULT_API_URL

REPOSITORY_FORMS = "[HOST/]OWNER/REPO, or a repository's https URL"

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}$)[A-Za-z0-9_.-]+"
_SHORT = re.compile(rf"(?:(?P<host>[^/]+)/)?(?P<name>{_NAME})")
_NAMES_OF_GITHUB = dict.fromkeys(("www.github.com", "api.github.com"), "github.com")
_HOST = re.compile(r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]{1,5})?")
_SCP = re.compile(r"^(git@[^:/]+):")
_PATH = re.compile(r"/([^/]+/[^/]+?)(?:\.git)?(?:/releases(?:/.*)?)?/?")


@dataclass(frozen=True, slots=True)
class Target:
    """A repository as a user names it; `host` is None where none was named."""

    name: str
    host: str | None = None


def parse_target(text: str) -> Target:
    """Read `OWNER/REPO`, `HOST/OWNER/REPO`, or a URL of the repository, its releases or its git.

    The API is asked over https, whatever the URL says.

    Raises:
        ValueError: it is none of them.
    """
    if text.startswith(("https://", "http://", "ssh://", "git@")):
        text = _from_url(text)
    match = _SHORT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not {REPOSITORY_FORMS}")
    host = match["host"]
    if host is not None:
        host = host.lower().removesuffix(":443")
        host = _NAMES_OF_GITHUB.get(host, host)
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host's name, as in HOST/OWNER/REPO")
    return Target(match["name"], host)


def is_repository_name(text: str) -> bool:
    """Tell whether a text is `OWNER/REPO` with characters that GitHub allows in them."""
    return re.fullmatch(_NAME, text) is not None


def api_url_of(host: str) -> str:
    """Return the root of a host's REST API: github.com's, a ghe.com tenant's, or a server's."""
    if host == "github.com":
        return DEFAULT_API_URL
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def is_github_cloud(host: str) -> bool:
    """Tell whether a host is GitHub's own, and not somebody's GitHub Enterprise Server."""
    return host == "github.com" or host.endswith(".ghe.com")


def _from_url(url: str) -> str:
    """Return the short form of a URL; its query and fragment mean nothing here."""
    parts = urlsplit(_SCP.sub(r"ssh://\1/", url))
    match = _PATH.fullmatch(parts.path)
    if parts.scheme == "ssh":
        parts = parts._replace(netloc=parts.netloc.removeprefix("git@"))
    if match is None or "@" in parts.netloc:
        raise ValueError("the URL is not that of a repository, such as https://github.com/cli/cli")
    return f"{parts.netloc}/{match[1]}"
