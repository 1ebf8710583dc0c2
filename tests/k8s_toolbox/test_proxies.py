"""Proxies before a cluster: the kubeconfig's, and those of the environment."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.certificates import Authority
from tests.support.commands import Finished, run
from tests.support.kube_api import KubeApi, write_kubeconfig

from .conftest import Toolbox

Entry = dict[str, Any]


def ask(api: KubeApi, toolbox: Toolbox, cluster: Entry, user: Entry | None = None) -> Finished:
    path = write_kubeconfig(api.kubeconfig, api.url, cluster=cluster, user=user or {})
    return toolbox("pods", "--kubeconfig", path)


def trusted(authority: Authority) -> Entry:
    return {"certificate-authority": str(authority.certificate)}


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
    tls_api: KubeApi, toolbox: Toolbox, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    api = tls_api
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
