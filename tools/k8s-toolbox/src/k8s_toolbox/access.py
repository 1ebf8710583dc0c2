"""The SDK's client for what a kubeconfig chose, with credentials that are renewed."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import ConfigException, load_kube_config_from_dict
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import InsecureRequestWarning

from toolroll_shared.errors import UsageError
from toolroll_shared.output import is_terminal, oneline

from .credentials import credentials_of

if TYPE_CHECKING:
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

    Raises:
        UsageError: files or settings that make no sense.
        Refused: a plugin gives no credentials.
    """

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen
        self._files: list[Any] = []
        found = credentials_of(chosen.user, chosen.cluster, terminal=is_terminal(sys.stdin))
        self._expires = _instant(found.expires)
        try:
            self.client = ApiClient(self._configuration(found.user))
            self.headers = _headers(self.client.configuration, chosen.user)
        except (ConfigException, ValueError, OSError, TypeError, AttributeError) as error:
            raise UsageError(f"{chosen.origin}: {oneline(str(error))}") from error

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self.client.configuration.host)

    @property
    def is_stale(self) -> bool:
        """Whether the credentials are about to end."""
        return self._expires is not None and datetime.now(UTC) > self._expires - EXPIRY_MARGIN

    def _configuration(self, user: Entry) -> Configuration:
        cluster = self._with_files(self.chosen.cluster)
        if cluster.get("insecure-skip-tls-verify"):
            cluster.pop("certificate-authority", None)  # nobody is to be trusted then
            warnings.simplefilter("ignore", InsecureRequestWarning)  # the user said so
        configuration = Configuration()
        configuration.retries = False  # no silent tries again, and no redirects
        configuration.keep_alive = True
        configuration.connection_pool_maxsize = CONNECTIONS
        load_kube_config_from_dict(  # type: ignore[no-untyped-call] # the SDK's
            {
                "current-context": "chosen",
                "contexts": [{"name": "chosen", "context": {"cluster": "it", "user": "us"}}],
                "clusters": [{"name": "it", "cluster": cluster}],
                "users": [{"name": "us", "user": self._with_files(user) or {"none": True}}],
            },
            client_configuration=configuration,
        )
        return configuration

    def _with_files(self, entry: Entry) -> Entry:
        """Return a cluster or user whose PEM data are files: OpenSSL reads nothing else.

        They are files in memory where the system has such: no private key is left on a disk.
        """
        plain = {key: value for key, value in entry.items() if value}
        for key in _DATA:
            if data := plain.pop(f"{key}-data", None):
                plain[key] = self._file(base64.b64decode(data, validate=False))
        return plain

    def _file(self, content: bytes) -> str:
        if hasattr(os, "memfd_create"):
            stream: Any = os.fdopen(os.memfd_create("pem"), "wb")
            path = f"/proc/self/fd/{stream.fileno()}"
        else:
            stream = tempfile.NamedTemporaryFile("wb")  # noqa: SIM115 - it lives as long as we
            path = stream.name
        stream.write(content)
        stream.flush()
        self._files.append(stream)
        return path


def _headers(configuration: Configuration, user: Entry) -> HTTPHeaderDict:
    """Return the headers that say who we are, and whom we act for."""
    headers = HTTPHeaderDict()
    if authorization := configuration.get_api_key_with_prefix("BearerToken"):
        headers["Authorization"] = str(authorization)
    for key, name in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if value := user.get(key):
            headers[name] = str(value)
    for group in user.get("as-groups") or ():
        headers.add("Impersonate-Group", str(group))
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values:
            headers.add(f"Impersonate-Extra-{key}", str(value))
    return headers


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"the exec plugin's expirationTimestamp is no instant: {text!r}"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
