"""image-pruner tells no user and password of a daemon's address, nor what registries take."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.rawserver import Connection, RawServer, Request, response
from tests.support.secrets import PASSWORD, SIGNED, TOKEN, Left, login, planted

VERSION = {"ApiVersion": "1.44", "MinAPIVersion": "1.24", "Version": "25.0"}
ANSWERS = {"version": VERSION, "info": {"ID": "x", "Driver": "overlay2"}, "images": [], "df": {}}


def daemon(status: int, failing: str) -> RawServer:
    """A daemon that answers that status where a path has such a word, and quotes all it knows."""

    def answer(connection: Connection, request: Request) -> None:
        seen = request.headers.get("authorization", "")
        name = request.target.partition("?")[0].split("/")[-1]
        body = json.dumps(ANSWERS.get(name, []))
        code = 200
        if failing in request.target:
            url = login("tcp://h:2375") + f"/?{SIGNED}"
            body, code = json.dumps({"message": f"{seen} {url} {TOKEN} " * 9}), status
        kind = "application/json"
        connection.send(response(body.encode(), status=code, content_type=kind, warning=seen))

    return RawServer(answer)


def pruned(folder: Path, host: str, *more: str) -> Left:
    """Run it, with credentials for a registry in docker's settings."""
    place = folder / "docker"
    place.mkdir()
    basic = b64encode(f"m4ry:{PASSWORD}".encode()).decode()
    settings = {
        "auths": {"h.example": {"auth": basic, "identitytoken": TOKEN}},
        "HttpHeaders": {"X-Token": TOKEN},
    }
    (place / "config.json").write_text(json.dumps(settings))
    how = {"DOCKER_HOST": host, "DOCKER_CONFIG": str(place), "REGISTRY_PASSWORD": PASSWORD}
    return planted(folder, "image_pruner", "--timeout", "5s", *more, **how)


@pytest.mark.parametrize(
    ("failing", "status"),
    [("nothing", 200), *(("version", one) for one in (401, 404, 500)), ("images", 403)],
)
def test_a_daemon_that_quotes_what_it_knows_gets_it_no_further(
    tmp_path: Path, status: int, failing: str
) -> None:
    with daemon(status, failing) as server:
        host = login(server.url.replace("http:", "tcp:"))
        left = pruned(tmp_path, host, "--json", "--plan", "plan")
    assert left.log
    assert left.leaks() == []


@pytest.mark.parametrize(
    "url",
    [
        *("tcp://127.0.0.1:1", "http://127.0.0.1:x", "https://[::1]:1", "ssh://127.0.0.1:1"),
        *("tcp:///socket", "http://", "https:///x"),
    ],
)
def test_a_daemon_that_is_not_there_is_named_without_user_and_password(
    tmp_path: Path, url: str
) -> None:
    left = pruned(tmp_path, f"{login(url)}/?{SIGNED}")
    assert left.code != 0
    assert left.leaks() == []


@pytest.mark.parametrize("host", [f"m4ry:{PASSWORD}@h:1", f"ftp://m4ry:{PASSWORD}@h", TOKEN])
def test_an_address_that_makes_no_sense_is_told_without_its_secrets(
    tmp_path: Path, host: str
) -> None:
    left = planted(tmp_path, "image_pruner", DOCKER_HOST=host)
    assert left.code != 0
    assert left.leaks() == []


def test_settings_that_make_no_sense_are_not_quoted(tmp_path: Path) -> None:
    place = tmp_path / "docker"
    place.mkdir()
    for text in (f"{TOKEN}", f'{{"auths": "{TOKEN}"', f'{{"auths": {{"h": "{TOKEN}"}}}}'):
        (place / "config.json").write_text(text)
        how = {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CONFIG": str(place)}
        assert planted(tmp_path, "image_pruner", **how, GH_TOKEN="").leaks() == []
