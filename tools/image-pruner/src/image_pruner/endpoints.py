"""Which daemon is meant: `--host`, `--context`, the variables that docker has, its settings.

The order is docker's. The SDK's own reader of contexts is not used: it takes the default
daemon for a context that is not there, and looks for contexts in the current folder where there
is no config.json.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from toolroll_shared.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_HOST = "unix:///var/run/docker.sock"
DEFAULT_TLS_HOST = "tcp://localhost:2376"
"""Docker's, where the environment asks for TLS and for no host."""

_ADDRESS = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):\d+")
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
    if host is not None and context:
        raise UsageError("--host and --context both say which daemon")
    folder = Path(environ.get("DOCKER_CONFIG") or _home(environ) / ".docker")
    if host is not None:
        return _by_host(host, "--host", environ, folder)
    origin, named = _context(environ, folder) if not context else ("--context", context)
    if named != "default":
        return _by_context(named, origin, folder)
    if from_environment := environ.get("DOCKER_HOST"):
        return _by_host(from_environment, "DOCKER_HOST", environ, folder)
    return _default(environ, folder)


def _home(environ: Mapping[str, str]) -> Path:
    if home := environ.get("HOME"):
        return Path(home)
    from pwd import getpwuid  # noqa: PLC0415 - rarely needed, and not on Windows

    try:
        return Path(getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/")


def _context(environ: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """Return who says which context, and which."""
    if environ.get("DOCKER_HOST"):
        return "DOCKER_HOST", "default"
    if from_environment := environ.get("DOCKER_CONTEXT"):
        return "DOCKER_CONTEXT", from_environment
    settings = folder / "config.json"
    named = (_read(settings) or {}).get("currentContext") or "default"
    if not isinstance(named, str):
        raise UsageError(f"{settings}: currentContext is no name")
    return str(settings), named


def _default(environ: Mapping[str, str], folder: Path) -> Endpoint:
    tls = _tls_of_environment(environ, folder, asked=False)
    return Endpoint(host=DEFAULT_TLS_HOST, tls=tls) if tls else Endpoint(host=DEFAULT_HOST)


def _by_host(host: str, origin: str, environ: Mapping[str, str], folder: Path) -> Endpoint:
    if host.startswith("/"):
        host = f"unix://{host}"
    if _ADDRESS.fullmatch(host):
        host = f"tcp://{host}"
    if not host.startswith(SCHEMES):
        place = host.rpartition("@")[2]  # without a user and a password
        raise UsageError(f"{origin} {place!r}: not one of {', '.join(SCHEMES)}")
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
    key = sha256(name.encode()).hexdigest()
    place = folder / "contexts" / "meta" / key / "meta.json"
    meta = _read(place)
    if meta is None:
        raise UsageError(f"{origin}: there is no context {name!r} (see 'docker context ls')")
    try:
        settings = meta["Endpoints"]["docker"]
        host, unverified = settings["Host"], settings.get("SkipTLSVerify", False)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{place}: not a context of docker") from error
    found = _by_host(str(host), f"context {name}", {}, folder)
    files = folder / "contexts" / "tls" / key / "docker"
    if not (files.is_dir() or unverified):
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


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: not a JSON object")
    return found
