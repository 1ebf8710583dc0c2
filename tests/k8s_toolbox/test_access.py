"""How a cluster is spoken to: the server, and headers as kubectl sends them."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from k8s_toolbox.endpoints import server_of
from k8s_toolbox.identity import identity
from tests.support.certificates import Authority
from tests.support.commands import Finished, run
from tests.support.docker import needs
from tests.support.kube_api import KubeApi, write_kubeconfig

from .conftest import Toolbox

Entry = dict[str, Any]

SAYS_WHO = ("authorization", "impersonate-")


def ask(api: KubeApi, toolbox: Toolbox, cluster: Entry, user: Entry | None = None) -> Finished:
    path = write_kubeconfig(api.kubeconfig, api.url, cluster=cluster, user=user or {})
    return toolbox("pods", "--kubeconfig", path)


def trusted(authority: Authority) -> Entry:
    return {"certificate-authority": str(authority.certificate)}


@pytest.mark.parametrize(
    "user",
    [
        {"token": "t0ken"},
        {"username": "müller", "password": "a:b c"},
        {"username": "only"},
        {"token": "t", "as": "jürgen"},
        {"token": "t", "as": "j", "as-uid": "5", "as-groups": ["a", "b,c", "ä"]},
        {"token": "t", "as": "j", "as-user-extra": {"Some/Key%": ["x", "y"], "ü": ["z"]}},
        {"token": "t", "auth-provider": None},  # without any of them, kubectl asks for a name
    ],
)
def test_kubectl_sends_the_same_about_who_we_are(
    tls_api: KubeApi, toolbox: Toolbox, authority: Authority, user: Entry
) -> None:
    ask(tls_api, toolbox, trusted(authority), user)
    ours = who(tls_api)
    tls_api.asked.clear()
    command = [needs("kubectl"), "get", "pods"]
    nothing = subprocess.DEVNULL
    done = subprocess.run(command, stdin=nothing, capture_output=True, check=False)
    assert tls_api.asked, done.stderr
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
