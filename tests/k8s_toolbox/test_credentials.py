"""What proves who we are: tokens that rotate, and plugins that kubectl would run, too."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s_toolbox.credentials import credentials_of
from tests.support.commands import argv, environment
from tests.support.docker import needs
from tests.support.kube_api import Asked, KubeApi, write_kubeconfig
from tests.support.kube_state import status
from tests.support.waiting import until
from toolroll_shared.errors import Refused, UsageError

from .conftest import Toolbox

Entry = dict[str, Any]
Credential = Callable[..., dict[str, Any]]

V1 = "client.authentication.k8s.io/v1"
BETA = "client.authentication.k8s.io/v1beta1"
UNAUTHORIZED = 401, status(401, "Unauthorized", "Unauthorized"), {"x": "y"}
NOT_OK = 3
CLUSTER = {"server": "https://it.example"}


class Plugin:
    """A script that counts its runs and keeps what it was told."""

    def __init__(self, folder: Path, body: str) -> None:
        self._folder = folder
        self.path = folder / "plugin"
        self.path.write_text(
            f"#!/bin/sh\necho run >> {folder}/runs\n"
            f'printf %s "$KUBERNETES_EXEC_INFO" > {folder}/info\n{body}\n'
        )
        self.path.chmod(0o755)

    @property
    def runs(self) -> int:
        return len((self._folder / "runs").read_text().splitlines())

    @property
    def info(self) -> Any:
        return json.loads((self._folder / "info").read_text())

    def user(self, **more: Any) -> Entry:
        mode = {"apiVersion": V1, "interactiveMode": "IfAvailable"}
        return {"exec": {"command": str(self.path), **mode, **more}}


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[str], Plugin]:
    return lambda body: Plugin(tmp_path, body)


def printed(version: str = V1, **found: Any) -> str:
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": found}
    return f"cat <<'END'\n{json.dumps(answer)}\nEND"


def of(user: Entry, cluster: Entry | None = None, *, terminal: bool = False) -> Entry:
    cluster = cluster or CLUSTER
    return credentials_of(user, cluster, environment=os.environ, terminal=terminal).user


def use(api: KubeApi, user: Entry, **more: Any) -> None:
    """Change the user of a kubeconfig, and add to its cluster."""
    found = json.loads(api.kubeconfig.read_text())
    cluster = found["clusters"][0]["cluster"] | more.get("cluster", {})
    write_kubeconfig(api.kubeconfig, api.url, user=user, cluster=cluster)


def sent(api: KubeApi) -> list[str]:
    return [one.headers.get("authorization", "") for one in api.asked]


def test_a_plugins_token_is_sent(
    tls_api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin]
) -> None:
    tool = plugin(printed(token="of-plugin"))
    use(tls_api, tool.user())
    assert toolbox("pods").code == 0
    assert set(sent(tls_api)) == {"Bearer of-plugin"}
    assert tool.runs == 1


def test_the_older_version_of_the_protocol_is_known(plugin: Callable[[str], Plugin]) -> None:
    tool = plugin(printed(BETA, token="t"))
    assert of(tool.user(apiVersion=BETA)) == {"token": "t"}


def test_a_plugin_gives_a_certificate(plugin: Callable[[str], Plugin]) -> None:
    tool = plugin(printed(clientCertificateData="PEM", clientKeyData="KEY"))
    found = of(tool.user())
    assert found == {"client-certificate-data": "UEVN", "client-key-data": "S0VZ"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("echo junk", "it does not print an ExecCredential"),
        ("echo '[1]'", "it does not print an ExecCredential"),
        ("true", "it does not print an ExecCredential"),
        (printed(BETA, token="t"), f"it answers with '{BETA}' instead of '{V1}'"),
        (printed(), "it gives neither a token nor a certificate"),
        (printed(token=5), "a status that is none"),
        (printed(token="t", expirationTimestamp=5), "a status that is none"),
        (printed(clientCertificateData="x"), "it gives only one"),
        (printed(token="t", clientKeyData="x"), "it gives only one"),
        ("echo no luck >&2; exit 3", "it ended with 3: no luck"),
        ("exit 3", "it ended with 3$"),
        ("printf 'a\\033[31m\\nb' >&2; exit 3", r"it ended with 3: a\\x1b\[31m b"),
        ("kill -9 $$", "it ended with -9"),
    ],
)
def test_a_plugin_that_fails_is_told(plugin: Callable[[str], Plugin], body: str, says: str) -> None:
    with pytest.raises(Refused, match=f"exec plugin /.*/plugin: .*{says}"):
        of(plugin(body).user())


def test_a_plugin_that_is_not_there_is_told_with_the_hint(tmp_path: Path) -> None:
    user = {"exec": {"command": "no-such-plugin", "apiVersion": V1, "installHint": "get\nit"}}
    with pytest.raises(UsageError, match=r"no-such-plugin: No such file or directory; get it"):
        of(user)
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="plain: Permission denied"):
        of({"exec": {"command": str(tmp_path / "plain"), "apiVersion": V1}})


def test_a_plugin_of_an_unknown_version_is_not_run(plugin: Callable[[str], Plugin]) -> None:
    with pytest.raises(UsageError, match=r"has the API version 'v9'; known are client"):
        of(plugin(printed(token="t")).user(apiVersion="v9"))


def test_a_plugin_gets_its_arguments_and_environment(plugin: Callable[[str], Plugin]) -> None:
    tool = plugin('printf \'{"apiVersion":"%s","status":{"token":"%s"}}\' "$1" "$WHO-$KEPT"')
    user = tool.user(args=[V1], env=[{"name": "WHO", "value": "me"}, {"name": "EMPTY"}])
    found = credentials_of(user, CLUSTER, environment={"KEPT": "too"}, terminal=False)
    assert found.user == {"token": "me-too"}


def test_a_command_beside_the_kubeconfig_is_found(
    tls_api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin]
) -> None:
    """The plugin stands in the folder of the kubeconfig, and we do not."""
    tool = plugin(printed(token="t"))
    use(tls_api, tool.user(command="./plugin"))
    assert toolbox("pods").code == 0


@pytest.mark.parametrize("interactive", ["Never", "IfAvailable"])
@pytest.mark.parametrize("wants", [True, False])
def test_kubectl_tells_a_plugin_the_same(
    tls_api: KubeApi,
    toolbox: Toolbox,
    plugin: Callable[[str], Plugin],
    interactive: str,
    *,
    wants: bool,
) -> None:
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"own": [1, "x"]}}
    cluster = {"tls-server-name": "127.0.0.1", "extensions": [extension]}
    tool = plugin(printed(token="t"))
    user = tool.user(provideClusterInfo=wants, interactiveMode=interactive)
    use(tls_api, user, cluster=cluster)
    assert toolbox("pods").code == 0
    ours = tool.info
    kubectl = [needs("kubectl"), "get", "pods"]
    subprocess.run(kubectl, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert tool.runs > 1
    assert ours == tool.info
    assert ("cluster" in ours["spec"]) == wants


def test_an_authority_that_is_not_there_is_not_blamed_on_the_plugin(
    plugin: Callable[[str], Plugin],
) -> None:
    cluster = CLUSTER | {"certificate-authority": "/no/ca"}
    user = plugin(printed(token="t")).user(provideClusterInfo=True)
    with pytest.raises(UsageError, match=r"^certificate-authority /no/ca: No such file"):
        of(user, cluster)


def test_a_plugin_that_must_ask_somebody_needs_a_terminal(plugin: Callable[[str], Plugin]) -> None:
    tool = plugin(printed(token="t"))
    user = tool.user(interactiveMode="Always")
    with pytest.raises(Refused, match="it needs a terminal"):
        of(user)
    assert of(user, terminal=True) == {"token": "t"}
    assert tool.info["spec"]["interactive"] is True


def test_a_plugin_that_never_asks_is_told_so_on_a_terminal(
    plugin: Callable[[str], Plugin],
) -> None:
    tool = plugin(printed(token="t"))
    of(tool.user(interactiveMode="Never"), terminal=True)
    assert tool.info["spec"]["interactive"] is False


def test_a_plugin_does_not_eat_a_scripts_input(
    tls_api: KubeApi, plugin: Callable[[str], Plugin]
) -> None:
    use(tls_api, plugin(f"cat > /dev/null\n{printed(token='t')}").user())
    command = f"{sys.executable} -m k8s_toolbox pods 2>/dev/null; cat"
    done = subprocess.run(["sh", "-c", command], input=b"mine", capture_output=True, check=False)
    assert done.stdout == b"mine"


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_us_and_a_plugin_that_hangs(
    tls_api: KubeApi,
    plugin: Callable[[str], Plugin],
    tmp_path: Path,
    number: signal.Signals,
    *,
    renewed: bool,
) -> None:
    """Also in a thread, where it is to give new credentials."""
    if not renewed:
        (tmp_path / "again").touch()
    hang = f"[ -e {tmp_path}/again ] && echo $$ > {tmp_path}/pid && exec sleep 1000"
    use(tls_api, plugin(f"{hang}\ntouch {tmp_path}/again\n{printed(token='t')}").user())
    tls_api.fault = lambda _asked: UNAUTHORIZED
    us = subprocess.Popen(
        argv("k8s_toolbox", "pods"), env=environment({}), stderr=subprocess.PIPE, text=True
    )
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    us.send_signal(number)
    _, said = us.communicate(timeout=30)
    assert us.returncode == 128 + number
    assert said.count("\n") <= 1
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    done = subprocess.run(["ps", "-o", "stat=", str(pid)], capture_output=True, check=False)
    return done.stdout.strip()[:1] not in {b"", b"Z"}


def test_a_401_makes_the_plugin_run_once_more(
    tls_api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin]
) -> None:
    tool = plugin('printf \'{"apiVersion":"%s","status":{"token":"%s"}}\' ' + V1 + ' "$(wc -l < '
                  '"$(dirname "$0")/runs" | tr -d " ")"')  # fmt: skip
    use(tls_api, tool.user())
    tls_api.fault = lambda asked: UNAUTHORIZED if sent_by(asked) == "Bearer 1" else None
    assert toolbox("pods").code == 0
    assert tool.runs == 2
    tls_api.fault = lambda _asked: UNAUTHORIZED
    done = toolbox("pods")
    assert done.code == 77
    assert "does not take our credentials (401)" in done.stderr
    assert tool.runs == 4


def sent_by(asked: Asked) -> str:
    return asked.headers.get("authorization", "")


@pytest.mark.parametrize(
    ("expires", "runs"),
    [("2020-01-01T00:00:00Z", 2), ("2999-01-01T00:00:00.123456789Z", 1), ("", 1)],
)
def test_credentials_that_have_ended_are_renewed_before_the_next_request(
    tls_api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin], expires: str, runs: int
) -> None:
    tool = plugin(printed(token="t", expirationTimestamp=expires))
    use(tls_api, tool.user())
    tls_api.fault = lambda asked: None if "pods" in asked.path else (200, b"{}", {})
    toolbox("pods", "-A")
    assert tool.runs == runs


def test_an_end_that_is_no_instant_is_told(
    tls_api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin]
) -> None:
    use(tls_api, plugin(printed(token="t", expirationTimestamp="soon")).user())
    done = toolbox("pods")
    assert (done.code, tls_api.asked) == (2, [])
    assert "expirationTimestamp is no instant: 'soon'" in done.stderr


def test_a_token_file_is_read_again_after_a_401(
    tls_api: KubeApi, toolbox: Toolbox, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")

    def rotate(asked: Asked) -> tuple[int, bytes, dict[str, str]] | None:
        if sent_by(asked) != "Bearer old":
            return None
        path.write_text("new\n")
        return UNAUTHORIZED

    tls_api.fault = rotate
    use(tls_api, {"tokenFile": "token"})
    assert toolbox("pods").code == 0
    assert sent(tls_api)[:2] == ["Bearer old", "Bearer new"]


def test_a_token_file_wins_over_a_token_unless_it_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    user = {"tokenFile": str(path), "token": "plain"}
    assert of(user)["token"] == "plain"
    path.write_text("filed")
    assert of(user)["token"] == "filed"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "it is empty"), (b"\xff\xfe", "not text")],
)
def test_a_token_file_that_is_none_is_told(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(UsageError, match=f"^tokenFile .*/token: {says}"):
        of({"tokenFile": str(tmp_path / "token")})
    with pytest.raises(UsageError, match="null byte"):
        of({"exec": {"command": "a\0b", "apiVersion": V1}})


def test_a_token_wins_over_a_plugin(plugin: Callable[[str], Plugin]) -> None:
    user = plugin(printed(token="of-plugin")).user() | {"token": "plain"}
    assert of(user)["token"] == "plain"


def test_the_id_token_of_an_auth_provider_is_taken_as_it_is() -> None:
    config = {"id-token": "it", "refresh-token": "r", "client-id": "c"}
    assert of({"auth-provider": {"name": "oidc", "config": config}}) == {"token": "it"}
    assert of({"auth-provider": {"name": "oidc"}}) == {}


def test_no_credentials_go_where_others_can_read_along(
    api: KubeApi, toolbox: Toolbox, plugin: Callable[[str], Plugin], tmp_path: Path
) -> None:
    """As with kubectl, which does not even run the plugin."""
    tool = plugin(printed(token="of-plugin"))
    for user in ({"token": "t"}, {"username": "u", "password": "p"}, tool.user()):
        use(api, user | {"as": "someone"})
        assert toolbox("pods").code == 0
        subprocess.run([needs("kubectl"), "get", "pods"], capture_output=True, check=False)
    assert set(sent(api)) == {""}
    assert {one.headers.get("impersonate-user") for one in api.asked} == {"someone"}
    assert not (tmp_path / "runs").exists()
    api.fault = lambda _asked: UNAUTHORIZED
    assert "none are sent where others can read along; use https" in toolbox("pods").stderr
