"""Which cluster, as which user, in which namespace: found as kubectl finds it.

The SDK's own reader takes the last file's current context where kubectl takes the first's,
and goes on without a name where a user or a plugin is missing, so it gets what is chosen here.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from toolroll_shared.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Entry = dict[str, Any]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token (kubernetes.io, "Accessing the API from a Pod")."""

DEFAULT_NAMESPACE = "default"
MAX_BYTES = 16 << 20
"""Of one file: some thousand clusters; it may be a device without an end."""

MAX_DEPTH = 100
"""Of maps and lists in each other, which only plugins' settings need."""

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
        file: the one that the user named, which kubectl has to be told, too.
        environment: what a plugin inherits.
    """

    cluster: Entry
    user: Entry
    namespace: str
    context: str | None
    origin: str
    file: str | None = None
    environment: Mapping[str, str] = MappingProxyType({})


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
    files = [path for path in places if kubeconfig or _is_there(path)]
    merged = _merged(map(_read, files))
    empty = not merged["current-context"] and not merged["contexts"]
    if empty and kubeconfig is context is None and environment.get("KUBERNETES_SERVICE_HOST"):
        return _of_pod(environment, service_account)
    if not files:
        raise UsageError(
            f"no kubeconfig: {' and '.join(map(str, places)) or 'no file'} not there; "
            "set KUBECONFIG, or use --kubeconfig FILE"
        )
    chosen = _of_context(merged, context, origin=", ".join(map(str, files)))
    return chosen._replace(file=kubeconfig, environment=environment)


def _places(environment: Mapping[str, str], kubeconfig: str | None) -> list[Path]:
    if kubeconfig is not None:
        return [Path(kubeconfig).expanduser()]
    if several := environment.get("KUBECONFIG"):
        return [Path(name) for name in dict.fromkeys(several.split(os.pathsep)) if name]
    home = environment.get("HOME")
    return [Path(home, ".kube", "config")] if home else []


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that we may not look into: reading it will say so
        return True


def _read(path: Path) -> Entry:
    """Return what a kubeconfig says, with its paths made absolute."""
    import msgspec  # noqa: PLC0415 - a pod needs neither
    import yaml  # noqa: PLC0415

    from .kubeconfig_entries import Kubeconfig  # noqa: PLC0415

    try:
        found = _parsed(_content(path)) or {}
        entry: Entry = msgspec.to_builtins(msgspec.convert(found, Kubeconfig))
    except OSError as error:
        raise UsageError(f"kubeconfig {path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"kubeconfig {path}: {str(error).replace('`', '')}") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise UsageError(f"kubeconfig {path}: not YAML{place}") from error
    named = {kind: _named(entry.get(kind), kind, path) for kind in _KINDS}
    for kind, keys in _FILES.items():
        for one in named[kind].values():
            _make_absolute(one, keys, path.absolute().parent)
    return {**named, "current-context": entry.get("current-context")}


def _content(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(f"kubeconfig {path}: it has more than {MAX_BYTES >> 20} MiB")
    return content


def _parsed(content: bytes) -> object:
    """Return what YAML, or JSON, says; what is nested too deeply would take the process down."""
    import yaml  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is built
    depth = 0
    for event in yaml.parse(content, loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
    return yaml.load(content, loader)  # noqa: S506 - both are safe


_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}


def _named(entries: Sequence[Entry] | None, kind: str, path: Path) -> dict[str, Entry]:
    """Return a kubeconfig's clusters, users or contexts by their names."""
    found: dict[str, Entry] = {}
    for entry in entries or ():
        name = entry["name"]
        if name in found:
            raise UsageError(f"kubeconfig {path}: {kind} has {name!r} twice")
        found[name] = entry.get(_KINDS[kind]) or {}
    return found


def _make_absolute(entry: Entry, keys: Sequence[str], folder: Path) -> None:
    for key in keys:
        if name := entry.get(key):
            entry[key] = str(folder / name)
    plugin = entry.get("exec")
    if plugin and "/" in (command := plugin.get("command", "")):
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
        namespace=context.get("namespace") or DEFAULT_NAMESPACE,
        context=name,
        origin=origin,
    )


def _part(found: Entry, kind: str, context: Entry, context_name: str, origin: str) -> Entry:
    """Return the cluster or the user of a context."""
    key = _KINDS[kind]
    name = context.get(key) or ""
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
