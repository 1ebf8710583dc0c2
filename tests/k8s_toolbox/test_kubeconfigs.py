"""Which cluster is chosen: as real kubectl chooses, and in one clear line where it cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8s_toolbox.cli import main
from k8s_toolbox.kubeconfigs import Chosen, choose
from tests.support.commands import run
from tests.support.docker import needs
from tests.support.kube_api import KubeApi, write_kubeconfig
from toolroll_shared.errors import UsageError

from .conftest import Toolbox

Entry = dict[str, Any]

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
PLUGIN = "client.authentication.k8s.io/v1"
EXAMPLES = 25  # kubectl takes a tenth of a second for each


def a_config(context: str = "one", **more: Any) -> Entry:
    return {
        "current-context": context,
        "clusters": [{"name": "a", "cluster": {"server": "https://a.example"}}],
        "users": [{"name": "b", "user": {"token": "t"}}],
        "contexts": [{"name": context, "context": {"cluster": "a", "user": "b"}}],
        **more,
    }


def written(path: Path, text: str | Entry) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def chosen(path: Path, **more: Any) -> Chosen:
    return choose({"KUBECONFIG": str(path)}, **more)


names = st.sampled_from("ABC")
paths = st.sampled_from(["x.pem", "in/x.pem", "../x.pem", "/x.pem"])


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
    return st.fixed_dictionaries({}, optional={k.replace("_", "-"): v for k, v in fields.items()})


def named(kind: str, entries: st.SearchStrategy[Entry]) -> st.SearchStrategy[list[Entry]]:
    of_one = st.dictionaries(names, entries, max_size=3)
    return of_one.map(lambda found: [{"name": k, kind: v} for k, v in found.items()])


plugins = st.builds(
    lambda command: {"apiVersion": PLUGIN, "interactiveMode": "Never", "command": command},
    st.sampled_from(["plugin", "in/plugin", "/plugin"]),
)
servers = st.integers(0, 999).map(lambda number: f"https://h{number}")
clusters = maybe(server=servers, certificate_authority=paths, tls_server_name=names)
tokens = st.integers(0, 999).map(str)
users = maybe(token=tokens, client_certificate=paths, client_key=paths, exec=plugins) | maybe(
    tokenFile=paths, username=tokens, password=tokens
)
contexts = st.fixed_dictionaries(
    {"cluster": names}, optional={"user": names, "namespace": st.sampled_from(["n1", "n2"])}
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "clusters": named("cluster", clusters),
        "users": named("user", users),
        "contexts": named("context", contexts),
        "current-context": names | st.just(""),
    },
)
files = st.none() | st.just("") | configs


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(found=st.lists(files, min_size=1, max_size=3), context=st.none() | names)
def test_kubectl_chooses_the_same_of_any_set_of_files(
    tmp_path: Path, found: list[str | Entry | None], context: str | None
) -> None:
    places = [tmp_path / str(number) / "config" for number in range(len(found))]
    for place, content in zip(places, found, strict=True):
        place.unlink(missing_ok=True)
        if content is not None:
            written(place, content)
    environment = {"KUBECONFIG": os.pathsep.join(map(str, places)), "HOME": str(tmp_path)}
    theirs = of_kubectl(environment, context)
    if theirs is None or not theirs[0].get("server"):
        with pytest.raises(UsageError):
            choose(environment, context=context)
    else:
        ours = choose(environment, context=context)
        folders = [str(place.parent) + "/" for place in places]
        parts = (relative(ours.cluster, folders), relative(ours.user, folders))
        assert (*parts, ours.namespace, ours.context) == theirs


def of_kubectl(
    environment: dict[str, str], context: str | None
) -> tuple[Entry, Entry, str, str] | None:
    """Return the cluster, user, namespace and context that kubectl means; None if none."""
    command = [needs("kubectl"), "config", "view", "--minify", "--raw", "-o", "json"]
    command += ["--context", context] if context else []
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        return None
    found = json.loads(done.stdout)
    inner: Entry = found["contexts"][0]["context"]
    cluster = found["clusters"][0]["cluster"] if found["clusters"] else {}
    user = found["users"][0]["user"] if found["users"] else {}
    if "exec" in user:
        user["exec"] = {key: value for key, value in user["exec"].items() if value}
    if inner.get("user") and not found["users"]:
        return None
    return cluster, user, inner.get("namespace", "default"), found["current-context"]


def relative(entry: Entry, folders: list[str]) -> Entry:
    """Return an entry with paths as they stand in the files."""

    def shortened(value: Any) -> Any:
        if isinstance(value, dict):
            return relative(value, folders)
        for folder in folders:
            value = value.removeprefix(folder)
        return value

    return {key: shortened(value) for key, value in entry.items()}


def test_kubeconfig_of_the_command_line_is_the_only_one(tmp_path: Path) -> None:
    mine = written(tmp_path / "mine", a_config("mine"))
    environment = {"KUBECONFIG": str(written(tmp_path / "other", a_config("other")))}
    found = choose(environment, kubeconfig=str(mine))
    assert (found.context, found.file) == ("mine", str(mine))


def test_home_is_asked_last(tmp_path: Path) -> None:
    written(tmp_path / ".kube" / "config", a_config("home"))
    assert choose({"HOME": str(tmp_path)}).context == "home"
    assert choose({"HOME": str(tmp_path), "KUBECONFIG": ""}).context == "home"


def test_yaml_and_json_are_both_kubeconfigs(tmp_path: Path) -> None:
    yaml = "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
    yaml += "clusters:\n- name: k\n  cluster: {server: 'https://k', extra: {of: [others]}}\n"
    assert chosen(written(tmp_path / "yaml", yaml)).cluster == {"server": "https://k"}
    assert chosen(written(tmp_path / "json", a_config())).context == "one"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]x", "not YAML"),
        ("a: [", "not YAML in line"),
        ("- a", "Expected object, got array"),
        ("just words", "Expected object, got str"),
        ("contexts: {}", "Expected array"),
        ("contexts: [1]", "got int - at $.contexts[0]"),
        ("clusters: [{cluster: {server: x}}]", "missing required field name"),
        ("users: [{name: 1}]", "Expected str, got int"),
        ("users: [{name: a}, {name: a}]", "users has 'a' twice"),
        ("current-context: [a]", "at $.current-context"),
        ("clusters: [{name: a, cluster: [x]}]", "at $.clusters[0].cluster"),
        ("users: [{name: a, user: {exec: {args: {a: b}}}}]", "user.exec.args"),
        ("users: [{name: a, user: {as-groups: all}}]", "as-groups"),
        ("\x00\x01\x02", "not YAML"),
        ("[" * 200_000, "not YAML"),
        ("- " * 200_000, "not YAML"),
        ("#" * ((16 << 20) + 1), "more than 16 MiB"),
        ("&a [*a]", "Expected object"),
    ],
)
def test_junk_is_told_in_one_line(
    tmp_path: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "config", text)
    assert main(["pods", "--kubeconfig", str(path)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert str(path) in said
    assert said.count("\n") == 1


def test_switching_verification_off_takes_a_boolean(tmp_path: Path) -> None:
    """As a text, "false" is true."""
    cluster = {"server": "https://a", "insecure-skip-tls-verify": "false"}
    path = written(tmp_path / "c", a_config(clusters=[{"name": "a", "cluster": cluster}]))
    with pytest.raises(UsageError, match="Expected bool"):
        chosen(path)


def test_no_secret_is_in_a_message_about_junk(tmp_path: Path) -> None:
    user = {"token": {"s3cret": "s3cret"}, "password": ["s3cret"]}
    path = written(tmp_path / "c", a_config(users=[{"name": "b", "user": user}]))
    with pytest.raises(UsageError, match=r"users\[0\]\.user") as caught:
        chosen(path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to("/dev/zero"), "more than 16 MiB"),
        (lambda path: path.write_bytes(os.urandom(100) + b"\x00\xff"), "not YAML"),
    ],
)
def test_what_is_no_text_is_told(tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "config"
    make(path)
    with pytest.raises(UsageError, match=says):
        chosen(path)


def test_a_name_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="File name too long"):
        chosen(tmp_path / ("x" * 300))


def test_a_pipe_is_a_kubeconfig(api: KubeApi) -> None:
    """As in `--kubeconfig <(make it)`."""
    command = f"{sys.executable} -m k8s_toolbox pods --kubeconfig <(cat {api.kubeconfig})"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "k8s-toolbox: no pods in team-a\n")


def test_without_any_kubeconfig_it_says_where_one_may_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no kubeconfig: .*/\.kube/config not there; set KUBECO"):
        choose({"HOME": str(tmp_path)})
    with pytest.raises(UsageError, match=r"kubeconfig .*/none: No such file"):
        choose({}, kubeconfig=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ("oen", "no context 'oen' in .*; do you mean one?"),
        ("zzz", "no context 'zzz' in .*; there are: one$"),
    ],
)
def test_an_unknown_context_is_told_with_those_that_there_are(
    tmp_path: Path, context: str, says: str
) -> None:
    path = written(tmp_path / "config", a_config())
    with pytest.raises(UsageError, match=says):
        chosen(path, context=context)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"current-context": ""}, "no context is chosen .*there are: one"),
        ({"clusters": None}, "there is no cluster 'a'"),
        ({"users": []}, "there is no user 'b'"),
        ({"clusters": [{"name": "a"}]}, "cluster 'a' in .* has no server"),
        ({"contexts": [{"name": "one"}]}, "there is no cluster ''"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, change: Entry, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        chosen(written(tmp_path / "config", a_config() | change))


def test_a_pod_finds_its_own_cluster(tmp_path: Path) -> None:
    for name, text in (("token", "t\n"), ("namespace", "mine\n"), ("ca.crt", "x")):
        (tmp_path / name).write_text(text)
    found = choose(POD, service_account=tmp_path)
    assert found.cluster["server"] == "https://10.0.0.1:6443"
    assert found.user == {"tokenFile": str(tmp_path / "token")}
    assert (found.namespace, found.context) == ("mine", None)
    moved = choose(POD | {"POD_NAMESPACE": "theirs"}, service_account=tmp_path)
    assert moved.namespace == "theirs"


def test_an_ipv6_address_of_a_pods_cluster_is_put_in_brackets(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    found = choose({"KUBERNETES_SERVICE_HOST": "fd00::1"}, service_account=tmp_path)
    assert found.cluster["server"] == "https://[fd00::1]:443"
    assert found.namespace == "default"


def test_a_kubeconfig_wins_over_the_pod_but_an_empty_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    full, empty = written(tmp_path / "full", a_config()), written(tmp_path / "empty", "")
    found = choose(POD | {"KUBECONFIG": str(full)}, service_account=tmp_path)
    assert found.context == "one"
    found = choose(POD | {"KUBECONFIG": str(empty)}, service_account=tmp_path)
    assert found.context is None


def test_a_pod_without_a_token_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no token of a service account"):
        choose(POD, service_account=tmp_path)


def test_the_namespace_is_the_contexts_unless_another_is_asked_for(
    api: KubeApi, toolbox: Toolbox
) -> None:
    toolbox("pods")
    toolbox("pods", "-n", "team-b")
    lists = [path for path in api.paths() if path.endswith("/pods")]
    assert lists == [f"/api/v1/namespaces/{name}/pods" for name in ("team-a", "team-b")]


def test_the_environments_home_is_where_a_tilde_leads(api: KubeApi, tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "mine", api.url)
    done = run("k8s_toolbox", "pods", "--kubeconfig", "~/mine", HOME=str(tmp_path))
    assert done.code == 0
