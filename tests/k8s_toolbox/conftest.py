"""A stand-in for an API server for each test, which KUBECONFIG names; a real one in e2e/."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from k8s_toolbox.cli import main
from tests.support.certificates import Authority
from tests.support.commands import Finished, call
from tests.support.kube_api import KubeApi, kube_api, write_kubeconfig

Toolbox = Callable[..., Finished]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep kubectl from taking us for the server that another test had at the same port."""
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path_factory.mktemp("kubectl")))


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    with kube_api(tmp_path) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        yield found


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that has signed `server` for this machine."""
    found = Authority(tmp_path_factory.mktemp("pki") / "authority")
    found.server("server")
    return found


@pytest.fixture
def tls_api(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KubeApi]:
    """The stand-in behind TLS: credentials are sent to no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pki = authority.certificate.parent
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    with kube_api(tmp_path, tls=context) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        cluster = {"certificate-authority": str(authority.certificate)}
        write_kubeconfig(found.kubeconfig, found.url, cluster=cluster)
        yield found


@pytest.fixture
def toolbox(capsys: pytest.CaptureFixture[str]) -> Toolbox:
    """Run the command in this process."""
    return lambda *arguments: call(Finished, main, capsys, *arguments)
