"""The SDK's client for what a kubeconfig chose, with credentials that are renewed."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import warnings
import weakref
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_kube_config_from_dict
from urllib3.exceptions import InsecureRequestWarning

from toolroll_shared.errors import UsageError
from toolroll_shared.output import is_terminal, oneline
from toolroll_shared.secrets import Secrets

from .credentials import Credentials, credentials_of
from .endpoints import proxy_of, server_of
from .identity import basic, identity, secrets_sent

if TYPE_CHECKING:
    from .endpoints import Endpoint
    from .kubeconfigs import Chosen

    Entry = dict[str, Any]

CONNECTIONS = 64
"""That are kept for further requests: as many as containers are followed at the same time."""

EXPIRY_MARGIN = timedelta(seconds=30)
"""Credentials that end within this time are renewed: our clock may be behind the server's."""

_DATA = ("certificate-authority", "client-certificate", "client-key")


class Access:
    """A way to a cluster: the SDK's client and the headers that say who we are.

    Args:
        chosen: where and as whom.

    Attributes:
        headers: that say who we are.
        secrets: in them; a server may quote what it was sent.

    Raises:
        UsageError: files or settings that make no sense.
        Refused: a plugin gives no credentials.
    """

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self._files = ExitStack()
        weakref.finalize(self, self._files.close)  # the client opens them for each connection
        try:
            server = server_of(chosen.cluster, chosen.user)
            found = self._credentials(server)
            self._stale_at = _stale_at(found.expires)
            self.headers = identity(found.user, login=server.login)
            self.secrets = Secrets(secrets_sent(found.user, login=server.login))
            cluster, user = self._with_files(chosen.cluster), self._with_files(found.user)
            self.client = ApiClient(self._configuration(cluster, user, server))
        except (ConfigException, ValueError, OSError) as error:
            raise UsageError(f"{chosen.origin}: {oneline(str(error))}") from error

    def _credentials(self, server: Endpoint) -> Credentials:
        """Return what says who we are; for a server that is not asked in secret, nothing."""
        user, cluster, environment = self.chosen.user, self.chosen.cluster, self.chosen.environment
        if server.is_secret:
            terminal = is_terminal(sys.stdin)
            return credentials_of(user, cluster, environment=environment, terminal=terminal)
        return Credentials({key: value for key, value in user.items() if key.startswith("as")})

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self.client.configuration.host)

    @property
    def is_stale(self) -> bool:
        """Whether the credentials have ended, or are about to."""
        return self._stale_at is not None and datetime.now(UTC) >= self._stale_at

    def _configuration(self, cluster: Entry, user: Entry, server: Endpoint) -> Configuration:
        if cluster.get("insecure-skip-tls-verify"):
            cluster.pop("certificate-authority", None)  # nobody is to be trusted then
            warnings.simplefilter("ignore", InsecureRequestWarning)  # the user said so
        configuration = Configuration()
        configuration.retries = False  # no silent tries again, and no redirects
        configuration.keep_alive = True
        configuration.connection_pool_maxsize = CONNECTIONS
        pair: Entry = {
            key: user[key] for key in ("client-certificate", "client-key") if key in user
        }
        entry = {**cluster, "server": server.url}
        load_kube_config_from_dict(  # type: ignore[no-untyped-call] # the SDK's
            {
                "current-context": "chosen",
                "contexts": [{"name": "chosen", "context": {"cluster": "it", "user": "us"}}],
                "clusters": [{"name": "it", "cluster": entry}],
                "users": [{"name": "us", "user": pair or {"none": True}}],
            },
            client_configuration=configuration,
        )
        _set_proxy(configuration, server, proxy_of(cluster))
        return configuration

    def _with_files(self, entry: Entry) -> Entry:
        """Return a cluster or user whose PEM data are files: OpenSSL reads nothing else.

        They are files in memory where the system has such: no private key is left on a disk.
        """
        plain = {key: value for key, value in entry.items() if value}
        for key in _DATA:
            if data := plain.pop(f"{key}-data", None):
                plain[key] = self._file(_decoded(f"{key}-data", data))
        return plain

    def _file(self, content: bytes) -> str:
        if hasattr(os, "memfd_create"):
            stream: Any = os.fdopen(os.memfd_create("pem"), "wb")
            path = f"/proc/self/fd/{stream.fileno()}"
        else:
            stream = tempfile.NamedTemporaryFile("wb")  # noqa: SIM115 - it lives as long as we
            path = stream.name
        self._files.enter_context(stream)
        stream.write(content)
        stream.flush()
        return path


def _decoded(key: str, data: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError as error:
        raise ValueError(f"{key} is not base64") from error


def _set_proxy(configuration: Configuration, server: Endpoint, proxy: Endpoint | None) -> None:
    """Ask the proxies that kubectl would ask.

    The SDK lets NO_PROXY overrule the cluster's own, asks the environment's for this very
    machine, and passes over the user and password of either.
    """
    if proxy is not None:
        configuration.no_proxy = ""
    elif server.is_local:
        configuration.proxy = None
    elif configuration.proxy:
        proxy = proxy_of({"proxy-url": configuration.proxy}, what="the environment's proxy")
    if proxy is not None:
        configuration.proxy = proxy.url
        if proxy.login:
            configuration.proxy_headers = {"Proxy-Authorization": basic(proxy.login)}


def _stale_at(expires: str | None) -> datetime | None:
    """Return when to get new credentials: a while before their end, if they last that long."""
    if not expires:
        return None
    try:
        moment = datetime.fromisoformat(expires)
    except ValueError as error:
        raise UsageError(
            f"the exec plugin's expirationTimestamp is no instant: {expires!r}"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment - EXPIRY_MARGIN if moment - EXPIRY_MARGIN > datetime.now(UTC) else moment
