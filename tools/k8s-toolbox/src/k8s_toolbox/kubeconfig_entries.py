"""What may stand in a kubeconfig: only the fields that are used (API: client-go, clientcmd/api/v1).

Texts must be texts: kubectl does not take a number or `"false"` for one or the other either.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field


class Entry(Struct, rename="kebab", omit_defaults=True):
    """A map of a kubeconfig; null is as good as nothing."""


class NamedCluster(Entry):
    """An entry of `clusters`."""

    name: str
    cluster: Cluster | None = None


class Cluster(Entry):
    """Where an API server is, and whom to trust."""

    server: str | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    proxy_url: str | None = None
    extensions: list[Extension] | None = None


class Extension(Entry):
    """Anything, under a name."""

    name: str
    extension: Any = None


class NamedUser(Entry):
    """An entry of `users`."""

    name: str
    user: User | None = None


class User(Entry):
    """What proves who we are, and whom we act for."""

    token: str | None = None
    token_file: str | None = field(name="tokenFile", default=None)
    username: str | None = None
    password: str | None = None
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    as_: str | None = field(name="as", default=None)
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str] | None] | None = None
    auth_provider: AuthProvider | None = None
    exec: Plugin | None = None


class AuthProvider(Entry):
    """A way to log in that kubectl itself had once."""

    name: str | None = None
    config: dict[str, Any] | None = None


class Plugin(Entry, rename="camel"):
    """A command that gives credentials."""

    api_version: str | None = None
    command: str | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool | None = None
    interactive_mode: Literal["Never", "IfAvailable", "Always", ""] | None = None


class Variable(Entry):
    """Of a plugin's environment."""

    name: str
    value: str | None = None


class NamedContext(Entry):
    """An entry of `contexts`."""

    name: str
    context: Context | None = None


class Context(Entry):
    """Which cluster, as which user, in which namespace."""

    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None


class Kubeconfig(Entry):
    """A whole file."""

    current_context: str | None = None
    clusters: list[NamedCluster] | None = None
    users: list[NamedUser] | None = None
    contexts: list[NamedContext] | None = None
