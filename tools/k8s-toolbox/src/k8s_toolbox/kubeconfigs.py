"""Which cluster, as which user, in which namespace: found as kubectl finds it.

The SDK's own reader takes the last file's current context where kubectl takes the first's,
and goes on without a name where a user or a plugin is missing, so it gets what is chosen here.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolroll_shared.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Entry = dict[str, Any]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token (kubernetes.io, "Accessing the API from a Pod")."""

DEFAULT_NAMESPACE = "default"
MAX_SHOWN = 10
"""Contexts that a message lists."""

_FILES = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
}
"""Keys whose relative paths are meant from the kubeconfig's own folder."""


class Chosen(NamedTuple):
    """What a kubeconfig, or the pod we run in, says about one cluster.

    Attributes:
        cluster: `server`, `certificate-authority-data`, ..., as in a kubeconfig.
        user: `token`, `exec`, `client-certificate`, ..., likewise.
        namespace: of the context, or the default one.
        context: its name; None in a pod.
        origin: the file or files, for messages.
    """

    cluster: Entry
    user: Entry
    namespace: str
    context: str | None
    origin: str


def choose(
    environment: Mapping[str, str],
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Chosen:
    """Return the cluster to ask.

    Args:
        environment: the process's: KUBECONFIG, HOME, and in a pod KUBERNETES_SERVICE_HOST.
        kubeconfig: the one file to read, if the user says so.
        context: another one than the current.
        service_account: a pod's own folder.

    Raises:
        UsageError: there is none, or what is there makes no sense.
    """
    places = _places(environment, kubeconfig)
    files = [path for path in places if kubeconfig or path.exists()]
    if not files and context is None and environment.get("KUBERNETES_SERVICE_HOST"):
        return _of_pod(environment, service_account)
    if not files:
        raise UsageError(
            f"no kubeconfig: {' and '.join(map(str, places)) or 'no file'} not there; "
            "set KUBECONFIG, or use --kubeconfig FILE"
        )
    return _of_context(_merged(map(_read, files)), context, origin=", ".join(map(str, files)))


def _places(environment: Mapping[str, str], kubeconfig: str | None) -> list[Path]:
    if kubeconfig is not None:
        return [Path(kubeconfig).expanduser()]
    if several := environment.get("KUBECONFIG"):
        return [Path(name) for name in dict.fromkeys(several.split(os.pathsep)) if name]
    home = environment.get("HOME")
    return [Path(home, ".kube", "config")] if home else []


def _read(path: Path) -> Entry:
    """Return what a kubeconfig says, with its paths made absolute."""
    import yaml  # noqa: PLC0415 - a pod needs none

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is built
    try:
        found = yaml.load(path.read_bytes(), loader) or {}  # noqa: S506 - both are safe
    except OSError as error:
        raise UsageError(f"kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise UsageError(f"kubeconfig {path}: not YAML{place}") from error
    if not isinstance(found, dict):
        raise UsageError(f"kubeconfig {path}: not a kubeconfig")
    for kind, keys in _FILES.items():
        for entry in _named(found.get(kind), kind, path).values():
            _make_absolute(entry, keys, path.absolute().parent)
    return {**found, **{kind: _named(found.get(kind), kind, path) for kind in _KINDS}}


_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}


def _named(entries: Any, kind: str, path: Path) -> dict[str, Entry]:
    """Return a kubeconfig's clusters, users or contexts by their names."""
    found: dict[str, Entry] = {}
    for entry in entries or ():
        try:
            found.setdefault(str(entry["name"]), entry.get(_KINDS[kind]) or {})
        except (TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"kubeconfig {path}: {kind} is not a list of names") from error
    return found


def _make_absolute(entry: Entry, keys: Sequence[str], folder: Path) -> None:
    for key in keys:
        if isinstance(name := entry.get(key), str) and name:
            entry[key] = str(folder / name)
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and "/" in (command := str(plugin.get("command", ""))):
        plugin["command"] = str(folder / command)


def _merged(files: Iterable[Entry]) -> Entry:
    """Return what several files say together: who names a thing first wins, as in kubectl."""
    merged: Entry = {kind: {} for kind in _KINDS} | {"current-context": ""}
    for found in files:
        for kind in _KINDS:
            merged[kind] = found[kind] | merged[kind]
        merged["current-context"] = merged["current-context"] or found.get("current-context")
    return merged


def _of_context(found: Entry, name: str | None, *, origin: str) -> Chosen:
    name = name or found["current-context"]
    known = ", ".join(sorted(found["contexts"])[:MAX_SHOWN]) or "none"
    if not name:
        raise UsageError(f"no context is chosen in {origin}: use --context (there are: {known})")
    if name not in found["contexts"]:
        near = get_close_matches(name, found["contexts"], n=3)
        hint = f"do you mean {' or '.join(near)}?" if near else f"there are: {known}"
        raise UsageError(f"no context {name!r} in {origin}; {hint}")
    context: Entry = found["contexts"][name]
    return Chosen(
        cluster=_part(found, "clusters", context, name, origin),
        user=_part(found, "users", context, name, origin) if context.get("user") else {},
        namespace=str(context.get("namespace") or DEFAULT_NAMESPACE),
        context=name,
        origin=origin,
    )


def _part(found: Entry, kind: str, context: Entry, context_name: str, origin: str) -> Entry:
    """Return the cluster or the user of a context."""
    key = _KINDS[kind]
    name = str(context.get(key) or "")
    part: Entry | None = found[kind].get(name)
    if part is None:
        raise UsageError(f"context {context_name!r} in {origin}: there is no {key} {name!r}")
    if kind == "clusters" and not part.get("server"):
        raise UsageError(f"cluster {name!r} in {origin} has no server")
    return part


def _of_pod(environment: Mapping[str, str], folder: Path) -> Chosen:
    """Return the cluster that the pod runs in, in which we do."""
    host = environment["KUBERNETES_SERVICE_HOST"]
    port = environment.get("KUBERNETES_SERVICE_PORT") or "443"
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    token = folder / "token"
    if not token.is_file():
        raise UsageError(f"no kubeconfig, and no token of a service account: {token} is not there")
    try:
        namespace = (folder / "namespace").read_text().strip()
    except OSError:
        namespace = ""
    return Chosen(
        cluster={"server": server, "certificate-authority": str(folder / "ca.crt")},
        user={"tokenFile": str(token)},
        namespace=environment.get("POD_NAMESPACE") or namespace or DEFAULT_NAMESPACE,
        context=None,
        origin="the pod's service account",
    )
