"""How a cluster is spoken to: headers as kubectl sends them, TLS, and proxies."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from k8s_toolbox.endpoints import server_of
from k8s_toolbox.identity import identity
from tests.support.certificates import Authority
from tests.support.commands import Finished, run
from tests.support.docker import needs
from tests.support.kube_api import KubeApi, kube_api, write_kubeconfig

from .conftest import Toolbox

Entry = dict[str, Any]
Serve = Callable[..., KubeApi]

SAYS_WHO = ("authorization", "impersonate-")


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


@pytest.mark.parametrize(
    "user",
    [
        {"token": "t0ken"},
        {"username": "müller", "password": "a:b c"},
        {"username": "only"},
        {"token": "t", "as": "jürgen"},
        {"token": "t", "as": "j", "as-uid": "5", "as-groups": ["a", "b,c", "ä"]},
        {"token": "t", "as": "j", "as-user-extra": {"Some/Key%": ["x", "y"], "ü": ["z"]}},
        {"token": "t", "auth-provider": None},
        {},
    ],
)
def test_kubectl_sends_the_same_about_who_we_are(
    tls_api: KubeApi, toolbox: Toolbox, authority: Authority, user: Entry
) -> None:
    ask(tls_api, toolbox, trusted(authority), user)
    ours = who(tls_api)
    tls_api.asked.clear()
    subprocess.run([needs("kubectl"), "get", "pods"], capture_output=True, check=False)
    assert tls_api.asked
    assert ours == who(tls_api)


def who(api: KubeApi) -> Entry:
    found = api.asked[0].headers.items()
    return {name: value for name, value in found if name.startswith(SAYS_WHO)}


def test_groups_are_headers_of_their_own() -> None:
    found = identity({"as": "j", "as-groups": ["a", "b,c"]})
    assert list(found.items())[1:] == [("Impersonate-Group", "a"), ("Impersonate-Group", "b,c")]


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"token": "s3cret\nX-Evil: 1"}, "Authorization header would have letters"),
        ({"as": "a\r\nb"}, "Impersonate-User header would have letters"),
        ({"as-groups": ["a"]}, "the user has as-groups, but no `as`"),
        ({"client-key-data": "s3cret!", "client-certificate-data": "eA=="}, "is not base64"),
    ],
)
def test_what_cannot_be_sent_is_told_without_the_secret(
    tls_api: KubeApi, toolbox: Toolbox, authority: Authority, user: Entry, says: str
) -> None:
    done = ask(tls_api, toolbox, trusted(authority), user)
    assert (done.code, tls_api.asked) == (2, [])
    assert says in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    ("server", "cluster", "user", "url"),
    [
        ("https://h:6443/", {}, {}, "https://h:6443"),
        ("https://h/k8s/clusters/c-1/?q=1#f", {}, {}, "https://h/k8s/clusters/c-1"),
        ("h:8080", {}, {}, "http://h:8080"),
        ("h:6443", {"certificate-authority": "x"}, {}, "https://h:6443"),
        ("h:6443", {"insecure-skip-tls-verify": True}, {}, "https://h:6443"),
        ("h:6443", {}, {"client-certificate-data": "x"}, "https://h:6443"),
        ("[::1]:1", {}, {}, "http://[::1]:1"),
    ],
)
def test_a_server_is_a_url_or_a_host_with_a_port(
    server: str, cluster: Entry, user: Entry, url: str
) -> None:
    assert server_of({"server": server, **cluster}, user).url == url


@pytest.mark.parametrize(
    "server",
    ["ftp://h", "https://", "http://[", "https://h:port", "https://a b", "\x00", "unix:///x"],
)
def test_a_server_that_is_no_url_is_told(tmp_path: Path, toolbox: Toolbox, server: str) -> None:
    done = toolbox("pods", "--kubeconfig", write_kubeconfig(tmp_path / "c", server))
    assert done.code == 2
    assert "the cluster's server is not the URL of one, with http or https" in done.stderr


def test_a_path_of_the_server_is_kept(api: KubeApi, toolbox: Toolbox) -> None:
    toolbox("pods", "--kubeconfig", write_kubeconfig(api.kubeconfig, api.url + "/at/c1/"))
    assert api.paths()[0] == "/at/c1/api/v1/namespaces/team-a/pods"


def test_a_login_in_a_url_is_sent_and_never_shown(
    tls_api: KubeApi, authority: Authority, tmp_path: Path
) -> None:
    url = tls_api.url.replace("//", "//u:s3cr%40t@")
    tls_api.fault = lambda _asked: (418, b"", {})
    path = write_kubeconfig(tls_api.kubeconfig, url, cluster=trusted(authority), user={})
    log = tmp_path / "log"
    done = run("k8s_toolbox", "pods", "--kubeconfig", path, "--log-json", log)
    sent = base64.b64encode(b"u:s3cr@t").decode()
    assert tls_api.asked[0].headers["authorization"] == f"Basic {sent}"
    assert done.code == 69
    for text in (done.stderr, log.read_text()):
        assert "s3cr" not in text
        assert sent not in text


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


class Proxy:
    """What a proxy was asked for, and with which login."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.url = ""
        self.target = ""


@contextmanager
def proxying(target: str) -> Iterator[Proxy]:
    """Run a proxy that leads to one place, whatever it is asked for."""
    proxy = Proxy()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _note(self) -> None:
            login = self.headers.get("Proxy-Authorization")
            proxy.asked.append((self.command, self.path, login))

        def do_GET(self) -> None:
            self._note()
            body = json.dumps({"items": [], "metadata": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            self._note()
            parts = urlsplit(target)
            with socket.create_connection((parts.hostname, parts.port)) as there:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=pour, args=(there, self.connection), daemon=True)
                back.start()
                pour(self.connection, there)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


FAR = "http://far.example"


def test_a_clusters_proxy_is_asked_whatever_no_proxy_says(
    serve: Serve, toolbox: Toolbox, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    api = serve()
    with proxying(api.url) as proxy:
        url = proxy.url.replace("//", "//u:s%40@")
        done = ask(api, toolbox, trusted(authority) | {"proxy-url": url}, {"token": "t"})
    assert done.code == 0
    login = "Basic " + base64.b64encode(b"u:s@").decode()
    assert set(proxy.asked) == {("CONNECT", urlsplit(api.url).netloc, login)}
    assert "proxy-authorization" not in api.asked[0].headers


@pytest.mark.parametrize(("no_proxy", "code"), [("", 0), ("far.example", 69), ("other", 0)])
def test_the_environments_proxy_is_asked_unless_it_names_the_server(
    tmp_path: Path, no_proxy: str, code: int
) -> None:
    path = write_kubeconfig(
        tmp_path / "config", FAR + ".invalid", cluster={"server": FAR + ".invalid"}
    )
    with proxying("") as proxy:
        done = run(
            "k8s_toolbox",
            "pods",
            "--kubeconfig",
            path,
            HTTP_PROXY=proxy.url,
            NO_PROXY=no_proxy and no_proxy + ".invalid",
        )
    assert done.code == code
    assert bool(proxy.asked) == (code == 0)


def test_the_environments_proxy_is_not_asked_for_this_machine(api: KubeApi) -> None:
    """As kubectl does not: clusters on one's own machine go on working."""
    done = run("k8s_toolbox", "pods", HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="")
    assert done.code == 0
    assert api.asked


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("http://u:s3cret@127.0.0.1:9", 69, "cannot be reached through the proxy"),
        ("socks5://u:s3cret@127.0.0.1:9", 2, "proxy-url is not the URL of one, with http"),
        ("s3cret", 2, "proxy-url is not the URL of one"),
    ],
)
def test_a_proxy_that_does_not_work_is_told_without_its_password(
    tls_api: KubeApi, toolbox: Toolbox, url: str, code: int, says: str
) -> None:
    done = ask(tls_api, toolbox, {"proxy-url": url})
    assert done.code == code
    assert says in done.stderr
    assert "s3cret" not in done.stderr
