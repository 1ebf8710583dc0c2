"""Which daemon is meant: `--host`, `--context`, the variables that docker has, its settings.

The order is docker's. The SDK's own reader of contexts is not used: it takes the default
daemon for a context that is not there, and looks for contexts in the current folder where there
is no config.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from toolroll_shared.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_CONTEXT = "default"
"""Where DOCKER_HOST says, else `DEFAULT_HOST`."""
DEFAULT_HOST = "unix:///var/run/docker.sock"
SCHEMES = ("unix://", "tcp://", "http://", "https://", "ssh://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What TLS needs: files, where there are, and whether the daemon has to prove itself."""

    authority: Path | None
    certificate: Path | None
    key: Path | None
    verify: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a daemon is, and `origin`, who says so, for messages."""

    host: str
    origin: str = "the default"
    tls: Certificates | None = None

    @property
    def socket(self) -> Path | None:
        """The path of its socket, if it has one."""
        return Path(self.host.removeprefix("unix://")) if self.host.startswith("unix://") else None


def find_endpoint(
    environ: Mapping[str, str], *, host: str | None = None, context: str | None = None
) -> Endpoint:
    """Return the daemon that is meant.

    Args:
        environ: the environment.
        host: what `--host` says.
        context: what `--context` says.

    Raises:
        UsageError: both are given, or one makes no sense, or a file of it cannot be read.
    """
    if host and context:
        raise UsageError("--host and --context both say which daemon")
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "/") / ".docker")
    if host:
        return _by_host(host, "--host", environ, folder)
    if context and context != DEFAULT_CONTEXT:
        return _by_context(context, "--context", folder)
    if named := environ.get("DOCKER_HOST"):
        return _by_host(named, "DOCKER_HOST", environ, folder)
    if context:
        return Endpoint(host=DEFAULT_HOST)
    if named := environ.get("DOCKER_CONTEXT"):
        return _by_context(named, "DOCKER_CONTEXT", folder)
    settings = folder / "config.json"
    named = _read(settings).get("currentContext") if settings.exists() else None
    return _by_context(named or DEFAULT_CONTEXT, str(settings), folder)


def _by_host(host: str, origin: str, environ: Mapping[str, str], folder: Path) -> Endpoint:
    if host.startswith("/"):
        host = f"unix://{host}"
    if not host.startswith(SCHEMES):
        raise UsageError(f"{origin} {host}: not one of {', '.join(SCHEMES)}")
    tls = None
    if not host.startswith(("unix://", "ssh://", "http://")):
        tls = _tls_of_environment(environ, folder, asked=host.startswith("https://"))
    return Endpoint(host=host, origin=origin, tls=tls)


def _tls_of_environment(
    environ: Mapping[str, str], folder: Path, *, asked: bool
) -> Certificates | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not (asked or verify or environ.get("DOCKER_TLS")):
        return None
    place = Path(environ.get("DOCKER_CERT_PATH") or folder)
    if environ.get("DOCKER_CERT_PATH") and not (place / "ca.pem").exists():
        raise UsageError(f"DOCKER_CERT_PATH {place}: there is no ca.pem")
    return _certificates(place, verify=verify or not environ.get("DOCKER_TLS"))


def _by_context(name: str, origin: str, folder: Path) -> Endpoint:
    if name == DEFAULT_CONTEXT:
        return Endpoint(host=DEFAULT_HOST)
    key = sha256(name.encode()).hexdigest()
    place = folder / "contexts" / "meta" / key / "meta.json"
    if not place.exists():
        raise UsageError(f"{origin}: there is no context {name!r} (see 'docker context ls')")
    try:
        settings = _read(place)["Endpoints"]["docker"]
        host, unverified = settings["Host"], settings.get("SkipTLSVerify", False)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{place}: not a context of docker") from error
    found = _by_host(str(host), f"context {name}", {}, folder)
    files = folder / "contexts" / "tls" / key / "docker"
    if not files.is_dir():
        return found
    return Endpoint(
        host=found.host, origin=found.origin, tls=_certificates(files, verify=not unverified)
    )


def _certificates(folder: Path, *, verify: bool) -> Certificates:
    """Return which of a folder's files there are."""
    authority, certificate, key = (
        path if (path := folder / f"{name}.pem").exists() else None
        for name in ("ca", "cert", "key")
    )
    if (certificate is None) != (key is None):
        raise UsageError(f"{folder}: cert.pem and key.pem belong together, and one is missing")
    return Certificates(authority=authority, certificate=certificate, key=key, verify=verify)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: not a JSON object")
    return found
