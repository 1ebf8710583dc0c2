"""A client of docker's SDK for an endpoint, with an API version that both sides speak."""

from __future__ import annotations

import json
from contextlib import closing
from importlib.util import find_spec
from ssl import VERIFY_X509_STRICT
from typing import TYPE_CHECKING, Any

from docker import APIClient
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.utils import version_lt
from requests.adapters import HTTPAdapter
from urllib3 import disable_warnings
from urllib3.exceptions import InsecureRequestWarning
from urllib3.util.ssl_ import create_urllib3_context

from toolroll_shared.errors import Unreachable

from .troubles import asking, senseless

if TYPE_CHECKING:
    from .endpoints import Endpoint

OLDEST_API = "1.25"
"""Of Docker 1.13 (2017), the first with `/system/df`."""

NEWEST_API = DEFAULT_DOCKER_API_VERSION
"""The newest that the SDK was written for; a newer daemon may answer otherwise."""


def connect(endpoint: Endpoint, timeout: float) -> tuple[APIClient, bool]:
    """Return a client, and whether it is Podman that answers it.

    Args:
        endpoint: where the daemon is.
        timeout: for each answer, in seconds.

    Raises:
        ToolError: it cannot be reached, refuses us, or speaks too old or too new an API.
    """
    if endpoint.host.startswith("ssh:") and not find_spec("paramiko"):
        raise Unreachable(f"{endpoint.host}: ssh needs paramiko: pip install paramiko")
    with closing(_client(endpoint, timeout, OLDEST_API)) as client, asking(endpoint):
        about = client.version(api_version=False)
        version = _common_version(endpoint, about)
        return _client(endpoint, timeout, version), "podman" in json.dumps(about).lower()


def _client(endpoint: Endpoint, timeout: float, version: str) -> APIClient:
    """Return a client, which connects when it is asked something."""
    try:
        client = APIClient(
            base_url=endpoint.host,
            version=version,
            timeout=timeout,  # type: ignore[arg-type] # floats are as good
            tls=_tls(endpoint) or False,
            use_ssh_client=True,
        )
    except (DockerException, ValueError) as error:  # what an address or file is not like
        raise senseless(endpoint, error) from error
    if endpoint.tls and endpoint.tls.verify:
        client.mount("https://", _Lenient())
    client.trust_env = False  # proxies and certificates of the web are none of a daemon's
    return client


class _Lenient(HTTPAdapter):
    """TLS that takes an authority made after Docker's own instructions.

    From Python 3.13 on, one without a key usage is refused by default; docker takes it.
    """

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        context = create_urllib3_context()
        context.verify_flags &= ~VERIFY_X509_STRICT
        super().init_poolmanager(*args, **settings, ssl_context=context)


def _tls(endpoint: Endpoint) -> TLSConfig | None:
    tls = endpoint.tls
    if tls is None:
        return None
    if not tls.verify:  # as was asked for
        disable_warnings(InsecureRequestWarning)
    return TLSConfig(
        client_cert=(str(tls.certificate), str(tls.key)) if tls.certificate else None,
        ca_cert=str(tls.authority) if tls.authority else None,
        verify=tls.verify,
    )


def _common_version(endpoint: Endpoint, about: dict[str, Any]) -> str:
    newest, oldest = str(about["ApiVersion"]), str(about.get("MinAPIVersion") or OLDEST_API)
    if version_lt(newest, OLDEST_API):
        raise Unreachable(
            f"the daemon at {endpoint.host} speaks API {newest}; {OLDEST_API} (Docker 1.13) is "
            "the oldest that will do"
        )
    if version_lt(NEWEST_API, oldest):
        raise Unreachable(
            f"the daemon at {endpoint.host} speaks API {oldest} or newer, and this {NEWEST_API} "
            "at most: a newer image-pruner is needed"
        )
    return newest if version_lt(newest, NEWEST_API) else NEWEST_API
