"""TLS with a cluster: whom we trust, and what we show."""

import base64
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.commands import Finished, run
from tests.support.kube_api import KubeApi, kube_api, write_kubeconfig

from .conftest import Toolbox

Entry = dict[str, Any]
Serve = Callable[..., KubeApi]


@pytest.fixture
def serve(tmp_path: Path, authority: Authority) -> Iterator[Serve]:
    """Run a stand-in with some certificate, which may ask for one of the client."""

    def begin(
        certificate: tuple[Path, Path] | None = None, *, demand: Authority | None = None
    ) -> KubeApi:
        pki = authority.certificate.parent
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(certificate or (pki / "server.crt", pki / "server.key")))
        if demand is not None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 a reset may overtake the no
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(demand.certificate)
        return stack.enter_context(kube_api(tmp_path, tls=context))

    with ExitStack() as stack:
        yield begin


def ask(api: KubeApi, toolbox: Toolbox, cluster: Entry, user: Entry | None = None) -> Finished:
    path = write_kubeconfig(api.kubeconfig, api.url, cluster=cluster, user=user or {})
    return toolbox("pods", "--kubeconfig", path)


def trusted(authority: Authority) -> Entry:
    return {"certificate-authority": str(authority.certificate)}


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def data_of(folder: Path) -> Entry:
    return {
        "client-certificate-data": base64_of(folder / "cert.pem"),
        "client-key-data": base64_of(folder / "key.pem"),
    }


def files_of(folder: Path) -> Entry:
    return {
        "client-certificate": str(folder / "cert.pem"),
        "client-key": str(folder / "key.pem"),
    }


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "another")


@pytest.fixture(scope="module")
def client(authority: Authority) -> Path:
    return authority.client("client")


def test_a_certificate_of_the_kubeconfigs_authority_is_trusted(
    serve: Serve, toolbox: Toolbox, authority: Authority
) -> None:
    api = serve()
    assert ask(api, toolbox, trusted(authority)).code == 0
    data = base64_of(authority.certificate)
    folded = "\n".join(data[at : at + 64] for at in range(0, len(data), 64))
    assert ask(api, toolbox, {"certificate-authority-data": folded}).code == 0
    data_wins = {"certificate-authority-data": data, "certificate-authority": "/no/such"}
    assert ask(api, toolbox, data_wins).code == 0


def test_another_authoritys_certificate_is_not_trusted(
    serve: Serve, toolbox: Toolbox, another: Authority
) -> None:
    api = serve()
    done = ask(api, toolbox, trusted(another), {"token": "s3cret"})
    assert (done.code, api.asked) == (69, [])
    assert "certificate-authority did not sign its certificate" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("elsewhere", {"san": "DNS:other.example"}, "IP address mismatch"),
        ("old", {"days": -1}, "certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_fit_is_told(
    serve: Serve, toolbox: Toolbox, authority: Authority, name: str, settings: Entry, says: str
) -> None:
    done = ask(serve(authority.server(name, **settings)), toolbox, trusted(authority))
    assert done.code == 69
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_verification_can_be_switched_off_without_a_word(serve: Serve, another: Authority) -> None:
    api = serve()
    cluster = {"insecure-skip-tls-verify": True, **trusted(another)}
    path = write_kubeconfig(api.kubeconfig, api.url, cluster=cluster)
    done = run("k8s_toolbox", "pods", "--kubeconfig", path)
    assert (done.code, done.stderr) == (0, "k8s-toolbox: no pods in team-a\n")


def test_the_servers_name_in_its_certificate_can_be_another(
    serve: Serve, toolbox: Toolbox, authority: Authority
) -> None:
    api = serve(authority.server("named", san="DNS:kubernetes"))
    cluster = trusted(authority)
    assert ask(api, toolbox, cluster).code == 69
    assert ask(api, toolbox, cluster | {"tls-server-name": "kubernetes"}).code == 0
    assert ask(api, toolbox, cluster | {"tls-server-name": "other"}).code == 69


def test_a_client_certificate_is_shown_from_files_and_from_data(
    serve: Serve, toolbox: Toolbox, authority: Authority, client: Path
) -> None:
    api = serve(demand=authority)
    for user in (files_of(client), data_of(client), files_of(Path("/no")) | data_of(client)):
        assert ask(api, toolbox, trusted(authority), user).code == 0


def test_a_server_that_demands_a_client_certificate_says_so(
    serve: Serve, toolbox: Toolbox, authority: Authority, another: Authority
) -> None:
    api = serve(demand=authority)
    done = ask(api, toolbox, trusted(authority))
    assert done.code == 69
    assert "client certificate" in done.stderr
    stranger = another.client("stranger")
    done = ask(api, toolbox, trusted(authority), files_of(stranger))
    assert done.code == 69
    assert "client certificate" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda user: {**user, "client-key-data": "anVuaw=="}, "is not PEM"),
        (lambda user: {**user, "client-certificate-data": "anVuaw=="}, "is not PEM"),
        (lambda user: {**user, "client-key": "/no/key", "client-key-data": ""}, "/no/key"),
    ],
)
def test_a_client_certificate_that_is_none_is_told(
    serve: Serve, toolbox: Toolbox, authority: Authority, client: Path, spoil: Any, says: str
) -> None:
    done = ask(serve(), toolbox, trusted(authority), spoil(data_of(client)))
    assert done.code == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_of_another_certificate_is_told(
    serve: Serve, toolbox: Toolbox, authority: Authority, client: Path
) -> None:
    other = data_of(authority.client("other"))
    user = data_of(client) | {"client-key-data": other["client-key-data"]}
    done = ask(serve(), toolbox, trusted(authority), user)
    assert done.code == 2
    assert "client-key is not the key of client-certificate" in done.stderr


def test_an_authority_that_is_no_certificate_is_told(serve: Serve, toolbox: Toolbox) -> None:
    done = ask(serve(), toolbox, {"certificate-authority-data": "anVuaw=="})
    assert done.code == 2
    assert "is not PEM" in done.stderr
    done = ask(serve(), toolbox, {"certificate-authority": "/no/ca"})
    assert (done.code, "/no/ca" in done.stderr) == (2, True)


def test_no_private_key_is_written_to_a_disk(
    serve: Serve, authority: Authority, client: Path, tmp_path: Path
) -> None:
    """What is opened for writing is memory, or nothing that is a file of ours."""
    api, trace, place = serve(demand=authority), tmp_path / "trace", tmp_path / "tmp"
    place.mkdir()
    user = data_of(client)
    write_kubeconfig(api.kubeconfig, api.url, cluster=trusted(authority), user=user)
    settings = {"KUBECONFIG": str(api.kubeconfig), "TMPDIR": str(place)}
    hook = (
        "import os, sys\n"
        f"trace = os.open({str(trace)!r}, os.O_WRONLY | os.O_CREAT)\n"
        "def hear(event, found):\n"
        "    if event == 'open' and isinstance(found[2], int) and found[2] & 3:\n"
        "        os.write(trace, repr(found[0]).encode() + b'\\n')\n"
        "sys.addaudithook(hear)\n"
        "from k8s_toolbox.cli import main\n"
        "sys.exit(main(['pods']))\n"
    )
    (tmp_path / "hook.py").write_text(hook)
    done = run_script(tmp_path / "hook.py", settings)
    assert done.code == 0, done.stderr
    opened = trace.read_text().splitlines()
    assert not [name for name in opened if name.startswith("'") and "/dev/" not in name]
    assert list(place.iterdir()) == []


def run_script(path: Path, settings: dict[str, str]) -> Finished:
    done = subprocess.run(
        [sys.executable, "-B", path],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_http_to_a_port_that_speaks_tls_is_told(serve: Serve, toolbox: Toolbox) -> None:
    api = serve()
    path = write_kubeconfig(api.kubeconfig, api.url.replace("https", "http"))
    done = toolbox("pods", "--kubeconfig", path)
    assert done.code == 69
    assert done.stderr.count("\n") == 1


def test_tls_to_a_port_that_speaks_http_is_told(api: KubeApi, toolbox: Toolbox) -> None:
    path = write_kubeconfig(api.kubeconfig, api.url.replace("http", "https"))
    done = toolbox("pods", "--kubeconfig", path)
    assert done.code == 69
    assert "it does not speak TLS there" in done.stderr
