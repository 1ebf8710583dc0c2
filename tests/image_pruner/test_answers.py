"""Daemons that answer otherwise than usual, or not at all: what is told is what is wrong."""

import json
import socket

import pytest

from image_pruner.stocks import container_of, stock_of
from tests.image_pruner.conftest import Prune
from tests.support.commands import run
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.socket_proxy import Answer, Proxy

OLD = "2020-01-01T00:00:00Z"
BUSY = (500, b'{"message": "a disk usage operation is already running"}')


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "code", "words"),
    [
        ("tcp://127.0.0.1:{port}", 69, "cannot be reached: Connection refused"),
        ("https://127.0.0.1:{port}", 69, "cannot be reached: Connection refused"),
        ("tcp://127.0.0.1", 2, "port is required"),
        ("unix://{port}", 69, "cannot be reached: No such file or directory"),
    ],
)
def test_who_is_not_there_is_not_called_slow(host: str, code: int, words: str) -> None:
    done = run("image_pruner", "--host", host.format(port=free_port()))
    assert done.code == code
    assert words in done.stderr
    assert "in time" not in done.stderr


@pytest.mark.parametrize("path", ["/version", "/info", "/system/df", "/images/json", "/containers"])
def test_who_knows_no_such_page_is_no_daemon(proxy: Proxy, path: str) -> None:
    proxy.before("GET", f"^{path}", lambda: (404, b'{"message": "page not found"}'))
    done = run("image_pruner", DOCKER_HOST=proxy.host)  # which leaves other calls to themselves
    assert done.code == 69
    assert f"the daemon at {proxy.host} (DOCKER_HOST)" in done.stderr
    assert "page not found" in done.stderr


def test_a_daemon_that_counts_for_somebody_else_is_asked_again(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    engine.load(Made((), (layer("a", 500),), OLD))
    answers: list[Answer | None] = [BUSY, BUSY, None, BUSY, None]
    proxy.before("GET", "^/system/df", lambda: answers.pop(0), once=False)
    done = prune("--yes", "--json")
    assert (done.code, done.json["freed_bytes"]) == (0, 500)
    assert answers == []


def test_a_daemon_that_counts_for_others_for_ever_is_busy(proxy: Proxy) -> None:
    proxy.before("GET", "^/system/df", lambda: BUSY, once=False)
    done = run("image_pruner", "--timeout", "1s", DOCKER_HOST=proxy.host)
    assert done.code == 75
    assert "already running" in done.stderr


def test_a_container_is_called_by_its_own_name_not_by_a_link_to_it() -> None:
    entry = {"Id": "ab" * 32, "Names": ["/web/db", "/db1"], "ImageID": "cd" * 32, "State": "dead"}
    assert container_of(entry).name == "db1"
    assert container_of({**entry, "Names": None}).name == "ab" * 6


def test_an_image_that_is_listed_once_for_each_name_is_one_image() -> None:
    entry = {"Id": "sha256:" + "a" * 64, "Size": 5, "RepoTags": ["web:1"]}
    found = stock_of([{**entry, "RepoTags": ["app:1"]}, entry], [], {}, {}, is_podman=False)
    assert [image.tags for image in found.images] == [("app:1", "web:1")]


def test_a_date_that_is_none_makes_no_sense_rather_than_a_crash(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    (identity,) = engine.load(Made(("app:1",), (layer("a", 500),), OLD))
    entry = {"Id": identity, "Size": 5, "RepoTags": ["app:1"], "Created": "long ago"}
    proxy.before("GET", "^/images/json", lambda: (200, json.dumps([entry]).encode()))
    done = prune("--older-than", "30")
    assert (done.code, "does not answer as Docker's API does" in done.stderr) == (69, True)
