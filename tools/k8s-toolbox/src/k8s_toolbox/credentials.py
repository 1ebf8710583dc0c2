"""A user's credentials: token files, and plugins (`exec`) that kubectl would run.

Protocol of the plugins: kubernetes.io, "client-go credential plugins", and
client.authentication.k8s.io/v1 and v1beta1.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from toolroll_shared.errors import Refused, UsageError
from toolroll_shared.output import oneline

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entry = dict[str, Any]

PLUGIN_TIMEOUT_S = 120.0
"""A plugin may have to ask an identity provider, or a person."""

TEXT_LIMIT = 300
"""Letters of what a plugin says that are shown."""

_STATUS_KEYS = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")

_RUNNING: list[subprocess.Popen[bytes]] = []
"""Plugins that a thread waits for, and that are not to outlive us."""

_STARTING = threading.Lock()
"""Held while one is started and not yet among them."""

_START_S = 5
"""How long the end waits for that."""

_VERSIONS = tuple(f"client.authentication.k8s.io/{one}" for one in ("v1", "v1beta1", "v1alpha1"))


class Credentials(NamedTuple):
    """What proves who we are.

    Attributes:
        user: keys of a kubeconfig's user that need no further work: `token`, `username` and
            `password`, `client-certificate` or `client-certificate-data` with its key.
        expires: when it ends, as the plugin wrote it (RFC 3339); None where nobody said.
    """

    user: Entry
    expires: str | None = None


def credentials_of(
    user: Entry, cluster: Entry, *, environment: Mapping[str, str], terminal: bool
) -> Credentials:
    """Return a user's credentials as they are now.

    Args:
        user: of a kubeconfig.
        cluster: of the same context; a plugin may want to know it.
        environment: what a plugin inherits.
        terminal: whether a plugin may ask the person at the terminal.

    Raises:
        UsageError: a file cannot be read, or the plugin cannot be run.
        Refused: the plugin gives none.
    """
    plain = {key: value for key, value in user.items() if key not in {"exec", "auth-provider"}}
    if name := user.get("tokenFile"):  # it wins over `token`, and is read anew: it rotates
        return Credentials({**plain, "token": _token(Path(name), user.get("token"))})
    if plain.get("token") or plain.get("username") or not user.get("exec"):
        return Credentials({**_of_provider(user.get("auth-provider")), **plain})
    status = _Plugin(user["exec"], cluster, environment).run(terminal=terminal)
    return Credentials({**plain, **_of_status(status)}, status.get("expirationTimestamp"))


def end_plugins() -> None:
    """End the plugins that still run: this process is about to end without its threads."""
    _STARTING.acquire(timeout=_START_S)  # and kept: nothing more is to start
    for process in _RUNNING.copy():
        process.kill()


def _token(path: Path, instead: str | None) -> str:
    """Return what a file has; where it cannot be read, kubectl takes the other token."""
    try:
        token = path.read_text().strip()
        reason = "it is empty"
    except (OSError, ValueError) as error:
        token, reason = "", getattr(error, "strerror", None) or "not text"
    if not token and not instead:
        raise UsageError(f"tokenFile {path}: {reason}")
    return token or str(instead)


def _of_provider(provider: Entry | None) -> Entry:
    """Return the token of an `auth-provider`, as it is: only kubectl may renew and store it."""
    config = (provider or {}).get("config") or {}
    token = config.get("id-token") or config.get("access-token")
    return {"token": token} if token else {}


def _of_status(status: Entry) -> Entry:
    found: Entry = {}
    if token := status.get("token"):
        found["token"] = token
    for source, key in (
        ("clientCertificateData", "client-certificate-data"),
        ("clientKeyData", "client-key-data"),
    ):
        if pem := status.get(source):
            found[key] = base64.b64encode(pem.encode()).decode()
    return found


def _is_status(status: object) -> TypeGuard[Entry]:
    """Tell whether a plugin's answer is a map of texts, as far as we know the keys."""
    return isinstance(status, dict) and all(
        isinstance(status.get(key), str | None) for key in _STATUS_KEYS
    )


def _pem(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"certificate-authority {path}: {reason}") from error


class _Plugin:
    """A command that prints an ExecCredential."""

    def __init__(self, settings: Entry, cluster: Entry, environment: Mapping[str, str]) -> None:
        self._command: str = settings.get("command") or ""
        self._arguments: list[str] = settings.get("args") or []
        self._version: str = settings.get("apiVersion") or ""
        self._interactive: str = settings.get("interactiveMode") or "IfAvailable"
        self._hint = oneline(settings.get("installHint") or "")
        self._cluster = cluster if settings.get("provideClusterInfo") else None
        own = {one["name"]: one.get("value") or "" for one in settings.get("env") or ()}
        self._environment = {**environment, **own}
        if not self._command or self._version not in _VERSIONS:
            raise UsageError(
                f"the user's exec plugin {self._command!r} has the API version {self._version!r}; "
                f"known are {', '.join(_VERSIONS)}"
            )

    def run(self, *, terminal: bool) -> Entry:
        """Run it and return the `status` that it prints."""
        if self._interactive == "Always" and not terminal:
            raise Refused(f"exec plugin {self._command}: it needs a terminal to ask you something")
        interactive = terminal and self._interactive != "Never"
        environment = {**self._environment, "KUBERNETES_EXEC_INFO": self._info(interactive)}
        try:
            code, printed, said = self._ended(environment, interactive=interactive)
        except (OSError, ValueError) as error:  # the latter for a NUL in its arguments
            reason = getattr(error, "strerror", None) or str(error)
            hint = f"; {self._hint}" if self._hint else ""
            raise UsageError(f"exec plugin {self._command}: {reason}{hint}") from error
        except subprocess.TimeoutExpired as error:
            raise self._refusal(f"no answer in {PLUGIN_TIMEOUT_S:g} s") from error
        if code:
            text = oneline((said or b"").decode(errors="replace"))[:TEXT_LIMIT]
            raise self._refusal(f"it ended with {code}{': ' if text else ''}{text}")
        return self._status(printed)

    def _ended(
        self, environment: Mapping[str, str], *, interactive: bool
    ) -> tuple[int, bytes, bytes | None]:
        """Run it to its end, or to ours; return its code, and what it printed and said."""
        with _STARTING:
            started = subprocess.Popen(  # noqa: S603 - the kubeconfig is the user's
                [self._command, *self._arguments],
                env=environment,
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if interactive else subprocess.PIPE,
            )
            _RUNNING.append(started)
        with started as process:
            try:
                printed, said = process.communicate(timeout=PLUGIN_TIMEOUT_S)
            except BaseException:
                process.kill()
                raise
            finally:
                _RUNNING.remove(process)
        return process.returncode, printed, said

    def _info(self, interactive: bool) -> str:  # noqa: FBT001 - the protocol's own flag
        spec: Entry = {"interactive": interactive}
        if self._cluster is not None:
            spec["cluster"] = self._cluster_info(self._cluster)
        return json.dumps({"apiVersion": self._version, "kind": "ExecCredential", "spec": spec})

    @staticmethod
    def _cluster_info(cluster: Entry) -> Entry:
        authority = cluster.get("certificate-authority-data")
        if not authority and (name := cluster.get("certificate-authority")):
            authority = base64.b64encode(_pem(Path(name))).decode()
        extensions = {one["name"]: one for one in cluster.get("extensions") or ()}
        found = {
            "server": cluster["server"],
            "tls-server-name": cluster.get("tls-server-name"),
            "insecure-skip-tls-verify": cluster.get("insecure-skip-tls-verify"),
            "certificate-authority-data": authority,
            "proxy-url": cluster.get("proxy-url"),
            "config": extensions.get("client.authentication.k8s.io/exec", {}).get("extension"),
        }
        return {key: value for key, value in found.items() if value}

    def _status(self, text: bytes) -> Entry:
        try:
            answer = json.loads(text)
            version, status = answer["apiVersion"], answer["status"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._refusal("it does not print an ExecCredential") from error
        if version != self._version:
            raise self._refusal(f"it answers with {version!r} instead of {self._version!r}")
        if not _is_status(status):
            raise self._refusal("its ExecCredential has a status that is none")
        if not status.get("token") and not status.get("clientCertificateData"):
            raise self._refusal("it gives neither a token nor a certificate")
        if bool(status.get("clientCertificateData")) != bool(status.get("clientKeyData")):
            raise self._refusal("of clientCertificateData and clientKeyData it gives only one")
        return status

    def _refusal(self, reason: str) -> Refused:
        return Refused(f"exec plugin {self._command}: {reason}")
