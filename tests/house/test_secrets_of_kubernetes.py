"""k8s-toolbox tells no credential of a kubeconfig or a plugin, nor what a server makes of it."""

import json
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.kube_api import Answer, Asked, KubeApi, kube_api, write_kubeconfig
from tests.support.kube_objects import pod
from tests.support.kube_state import status
from tests.support.rawserver import RawServer, response
from tests.support.secrets import PASSWORD, SIGNATURE, TOKEN, login, planted

COMMANDS = [
    ("pods",),
    ("pods", "--json"),
    ("logs", "web-0"),
    ("logs", "--selector", "a=b"),
    ("events", "--json"),
]
V1 = "client.authentication.k8s.io/v1"


def plugin(body: str, folder: Path) -> dict[str, Any]:
    """A user whose exec plugin runs a script."""
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return {"exec": {"command": str(path), "apiVersion": V1, "interactiveMode": "Never"}}


def printed(**found: Any) -> str:
    answer = {"apiVersion": V1, "kind": "ExecCredential", "status": found}
    return f"cat <<'END'\n{json.dumps(answer)}\nEND"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    found = Authority(tmp_path_factory.mktemp("pki") / "authority")
    found.server("server")
    return found


@pytest.fixture
def api(tmp_path: Path, authority: Authority) -> Iterator[KubeApi]:
    """The stand-in behind TLS, with a pod."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pki = authority.certificate.parent
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    with kube_api(tmp_path, tls=context) as found:
        found.pods.put(pod("web-0"))
        found.log("team-a", "web-0", "app").write("a line")
        found.log("team-a", "web-0", "app").end()
        yield found


def use(api: KubeApi, authority: Authority, user: dict[str, Any], **cluster: Any) -> str:
    """Write the kubeconfig; return its path."""
    cluster = {"certificate-authority": str(authority.certificate), **cluster}
    return str(write_kubeconfig(api.kubeconfig, api.url, cluster=cluster, user=user))


USERS = ["token", "basic", "plugin", "in the URL"]


def user_of(kind: str, folder: Path) -> dict[str, Any]:
    return {
        "token": {"token": TOKEN},
        "basic": {"username": "m4ry", "password": PASSWORD},
        "plugin": plugin(printed(token=TOKEN), folder),
        "in the URL": {},
    }[kind]


def plain(header: str) -> str:
    """What an Authorization header says."""
    scheme, _, value = header.partition(" ")
    return b64decode(value).decode() if scheme == "Basic" else value


@pytest.mark.parametrize("kind", USERS)
@pytest.mark.parametrize("code", [200, 401, 403, 404, 422, 500])
def test_what_a_server_tells_of_our_credentials_gets_no_further(
    tmp_path: Path, api: KubeApi, authority: Authority, kind: str, code: int
) -> None:
    seen = []

    def tells(asked: Asked) -> Answer | None:
        seen.append(said := asked.headers.get("authorization", ""))
        text = f'User "{said}" sent {said} {plain(said)} ' + said * 20
        return (code, status(code, "Odd", text), {"Warning": f'299 - "{said}"'})

    server = {"server": login(api.url)} if kind == "in the URL" else {}
    config = use(api, authority, user_of(kind, tmp_path), **server)
    api.fault = tells
    words = COMMANDS[code % len(COMMANDS)]
    left = planted(tmp_path, "k8s_toolbox", *words, "--kubeconfig", config, GH_TOKEN="")
    assert (left.code == 0) <= (code == 200)
    assert any(seen)
    assert left.log
    assert left.leaks() == []


@pytest.mark.parametrize(("words", "kind"), [*zip(COMMANDS, [*USERS, USERS[0]], strict=True)])
def test_what_works_tells_no_credential(
    tmp_path: Path, api: KubeApi, authority: Authority, kind: str, words: tuple[str, ...]
) -> None:
    server = {"server": login(api.url)} if kind == "in the URL" else {}
    config = use(api, authority, user_of(kind, tmp_path), **server)
    left = planted(tmp_path, "k8s_toolbox", *words, "--kubeconfig", config)
    assert left.leaks() == []
    assert json.loads(left.log.splitlines()[-1])["action"] == "run"


SPOILT = {
    "a plugin that tells what it has": f"echo 'no: {TOKEN}' >&2; exit 3",
    "a plugin that prints what is none": f"echo '{TOKEN}'",
    "a plugin of another version": printed(token=TOKEN).replace("/v1", f"/{SIGNATURE}"),
    "a plugin with half a pair": printed(token=TOKEN, clientKeyData=TOKEN),
    "a plugin with no pair": printed(clientCertificateData=TOKEN, clientKeyData=PASSWORD),
    "a plugin's token that cannot be sent": printed(token=f"{TOKEN}\n{PASSWORD}"),
}


@pytest.mark.parametrize("body", SPOILT.values(), ids=SPOILT)
def test_a_plugin_that_fails_tells_no_secret_of_the_environment(
    tmp_path: Path, api: KubeApi, authority: Authority, body: str
) -> None:
    config = use(api, authority, plugin(body, tmp_path))
    settings = {"MY_PASSWORD": PASSWORD, "A_SECRET": SIGNATURE}
    left = planted(tmp_path, "k8s_toolbox", "pods", "--kubeconfig", config, **settings)
    assert left.code != 0
    assert left.leaks() == []


@pytest.mark.parametrize(
    "user",
    [
        {"token": f"{TOKEN}\nX: {PASSWORD}"},
        {"token": [TOKEN]},
        {"username": [PASSWORD], "password": {"a": PASSWORD}},
        {"username": f"a:{SIGNATURE}", "password": PASSWORD + "\ud7ff\x00"},
        {"client-certificate-data": TOKEN, "client-key-data": b64encode(TOKEN.encode()).decode()},
        {"client-key-data": PASSWORD},
        {"tokenFile": login("https://h/x")},
        {"exec": {"command": TOKEN, "apiVersion": V1, "env": [{"name": "X", "value": TOKEN}]}},
        {"exec": {"command": "/bin/false", "args": [TOKEN], "apiVersion": V1}},
        {"exec": PASSWORD},
        {"auth-provider": {"name": "x", "config": {"id-token": f"{TOKEN}\n"}}},
        {"impersonate": TOKEN, "token": TOKEN},
        TOKEN,
    ],
    ids=str,
)
def test_a_user_that_makes_no_sense_is_refused_without_telling_it(
    tmp_path: Path, api: KubeApi, authority: Authority, user: Any
) -> None:
    config = use(api, authority, user)
    left = planted(tmp_path, "k8s_toolbox", "pods", "--kubeconfig", config)
    assert left.leaks() == []


@pytest.mark.parametrize("text", [f"{{users: [{TOKEN}", f"a: b: {PASSWORD}\n", f"- {TOKEN}\n"])
def test_a_kubeconfig_that_cannot_be_read_is_not_quoted(tmp_path: Path, text: str) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(text)
    left = planted(tmp_path, "k8s_toolbox", "pods", "--kubeconfig", config, GH_TOKEN="")
    assert left.code != 0
    assert left.leaks() == []


@pytest.mark.parametrize("how", ["proxy-url", "variable"])
@pytest.mark.parametrize("code", [None, 200, 407, 502])
def test_a_proxys_password_is_told_nowhere(tmp_path: Path, how: str, code: int | None) -> None:
    basic = b64encode(f"m4ry:{PASSWORD}".encode()).decode()
    told = response(f"{PASSWORD} {basic}".encode(), status=code or 200, x_seen=basic)
    with RawServer(lambda connection, _request: connection.send(told)) as server:
        proxy = login(server.url if code else "http://127.0.0.1:1")
        cluster = {"proxy-url": proxy} if how == "proxy-url" else {}
        path = tmp_path / "kubeconfig"
        config = write_kubeconfig(
            path, login("https://it.invalid"), cluster=cluster, user={"token": TOKEN}
        )
        left = planted(tmp_path, "k8s_toolbox", "pods", "--kubeconfig", config, HTTPS_PROXY=proxy)
    assert left.code != 0
    assert left.leaks() == []
