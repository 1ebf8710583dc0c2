"""Nothing is ever changed: neither can the source ask for it, nor is it seen on the wire."""

import ast
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import k8s_toolbox
from tests.support.commands import argv, environment
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import event, pod
from tests.support.waiting import until

from .conftest import Toolbox

PACKAGE = Path(k8s_toolbox.__file__).parent
ONE_PLACE = PACKAGE / "cluster.py"

SPEAKERS = {"kubernetes", "urllib3", "http", "urllib", "socket", "ssl", "requests", "httpx"}
"""Libraries that can send something, if all of them were used."""

HARMLESS = {
    "kubernetes.client.ApiClient",
    "kubernetes.client.Configuration",
    "kubernetes.config.ConfigException",
    "kubernetes.config.load_kube_config_from_dict",
    "http.HTTPStatus",
    "socket.gaierror",
    "ssl",  # for its exceptions: see below
    "urllib3.HTTPHeaderDict",
    "urllib3.HTTPResponse",  # a type
}
"""Of these libraries, what is imported and cannot send anything by itself."""

SENDS = {"call_api", "request", "urlopen", "rest_client", "pool_manager", "param_serialize"}
WRITES = {"POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "HEAD"}
BEGINS_OTHERS = {"subprocess", "multiprocessing", "ctypes", "asyncio", "importlib", "pty"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from (f"{node.module}.{one.name}" for one in node.names)


def test_requests_are_made_in_one_place_and_only_with_get() -> None:
    calls = [
        (path, node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SENDS
    ]
    assert [(path, node.attr) for path, node in calls] == [(ONE_PLACE, "call_api")]
    call = next(
        node
        for node in ast.walk(ast.parse(ONE_PLACE.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "call_api"
    )
    assert isinstance(call.args[0], ast.Constant)
    assert call.args[0].value == "GET"
    assert not {word.arg for word in call.keywords} & {"body", "post_params", "method", None}
    assert not any(isinstance(one, ast.Starred) for one in call.args)


def test_nothing_else_that_could_send_is_imported() -> None:
    for path, tree in trees():
        for name in imported(tree):
            if name.split(".")[0] in SPEAKERS:
                harmless = name.startswith(("urllib3.exceptions.", "urllib.parse."))
                assert harmless or name in HARMLESS, f"{path.name} imports {name}"


def test_the_sdks_classes_for_resources_are_never_imported() -> None:
    """They know how to create and delete."""
    names = {name for _, tree in trees() for name in imported(tree)}
    of_the_sdk = {name for name in names if name.startswith("kubernetes")}
    assert {name for name in of_the_sdk if "Api" in name} == {"kubernetes.client.ApiClient"}


def test_no_other_method_is_named_anywhere() -> None:
    for path, tree in trees():
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not words & WRITES, path.name


def test_names_are_not_made_up_as_it_runs() -> None:
    """A `getattr` with a name that is made up could reach what the checks above look for."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "__import__", "compile"}, path.name
                if node.func.id == "getattr":
                    assert isinstance(node.args[1], ast.Constant), path.name


def test_other_processes_are_only_plugins_for_credentials() -> None:
    found = {
        (path.name, name)
        for path, tree in trees()
        for name in imported(tree)
        if name.split(".")[0] in BEGINS_OTHERS
    }
    assert found == {("credentials.py", "subprocess")}


EVERYTHING = [
    ["pods", "-o", "wide", "--sort-by=-restarts"],
    ["pods", "-A", "--problems", "--json"],
    ["pods", "web-0", "nope"],
    ["pods", "-l", "app=web", "--field-selector", "status.phase=Running"],
    ["pods", "-n", "no-such"],
    ["pods", "-l", "="],
    ["logs", "web-0", "--tail", "1", "--timestamps"],
    ["logs", "web-0", "web-1", "--all-containers", "--since", "1h", "--json"],
    ["logs", "web-0", "--previous", "--since-time", "2020-01-01T00:00:00Z", "--grep", "x"],
    ["logs", "-l", "app=web", "--no-prefix", "-c", "app", "--max-log-requests", "9"],
    ["logs", "nope"],
    ["events", "--since", "1h", "--types", "Warning", "--json"],
    ["events", "-A", "--for", "pod/web-0"],
]


@pytest.fixture
def busy_api(api: KubeApi) -> KubeApi:
    for name in ("web-0", "web-1"):
        api.pods.put(pod(name, labels={"app": "web"}))
        log = api.log("team-a", name)
        log.write("one", "two")
    api.events.put(event("e1"))
    return api


@pytest.mark.parametrize("arguments", EVERYTHING, ids=" ".join)
def test_a_command_only_reads(busy_api: KubeApi, toolbox: Toolbox, arguments: list[str]) -> None:
    toolbox(*arguments)
    assert_only_read(busy_api)


ENDLESS = [
    ["pods", "--watch"],
    ["events", "--watch", "-A"],
    ["logs", "web-0", "--follow"],
    ["logs", "-l", "app=web", "--follow", "--tail", "0"],
]


@pytest.mark.parametrize("arguments", ENDLESS, ids=" ".join)
def test_what_goes_on_for_ever_only_reads(busy_api: KubeApi, arguments: list[str]) -> None:
    us = subprocess.Popen(
        argv("k8s_toolbox", *arguments),
        env=environment({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: busy_api.streaming > 0)
    us.send_signal(signal.SIGINT)
    assert us.wait(timeout=30) == 130
    assert_only_read(busy_api)


def assert_only_read(api: KubeApi) -> None:
    assert api.asked
    assert {one.method for one in api.asked} == {"GET"}
    assert {one.headers.get("content-length", "0") for one in api.asked} == {"0"}
    ends = {"exec", "attach", "portforward", "proxy", "eviction", "binding"}
    assert not [one.path for one in api.asked if ends & set(one.path.split("/"))]


def test_the_stand_in_would_refuse_anything_else(api: KubeApi) -> None:
    """So that the tests above mean something."""
    request = urllib.request.Request(api.url + "/api/v1/pods", method="DELETE")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request)
    assert api.asked[0].method == "DELETE"
