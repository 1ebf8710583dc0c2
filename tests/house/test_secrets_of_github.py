"""What gh-releases, artifact-index and release-mirror leave behind tells no secret.

The token is the user's, and comes back from the server in all that it says; the signatures are
those of the URLs to which downloads are redirected.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gh_releases.conftest import answering, linked
from tests.release_mirror.serving import serving
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.rawserver import RawServer, response
from tests.support.secrets import PASSWORD, SIGNED, TOKEN, Left, leaks_in, login, planted

COMMANDS = {
    "gh-releases": ("gh_releases", "octo/tool", "--json", "--meta"),
    "gh-releases --assets": ("gh_releases", "octo/tool", "--assets", "--ndjson"),
    "artifact-index": ("artifact_index", "octo/tool", "--db", "db", "--json"),
    "release-mirror": ("release_mirror", "octo/tool", "--dest", "mirror", "--json"),
}
HURRY = ("--retries", 0, "--max-wait", 0, "--timeout", "5s")


@pytest.fixture
def github() -> Iterator[GitHub]:
    """The stand-in, with the planted token and a release."""
    with GitHub(token=TOKEN) as server:
        repository = server.add_repository("octo/tool", private=True)
        repository.add_release("v1").add_asset("a.bin", b"bytes")
        yield server


def echoes(text: str) -> list[Fault]:
    """The ways in which a server may tell something, with the statuses that we know."""
    said = {"message": f"you sent {text} to us", "documentation_url": f"https://h/?token={text}"}
    split = (text * 40)[: 500 - len("no: ") - 5]  # what is quoted of it ends in the middle of one
    return [
        *(answering(said, status) for status in (401, 403, 404, 422, 500)),
        answering({"message": f"no: {split}"}, 403),
        answering(text.encode(), 403),
        answering([{"tag_name": text}], 200),
        answering([], 200, x_github_request_id=text, etag=f'"{text}"'),
        answering([], 200, link=f'</repositories/1/releases?t={text}&page=2>; rel="next"'),
        faults.redirect(f"/{text}?token={text}"),
        faults.redirect(f"https://m4ry:{text}@127.0.0.1:1/?{SIGNED}"),
        linked(f"https://m4ry:{text}@127.0.0.1:1/?{SIGNED}"),
        faults.throttled(429, retry_after=text),
    ]


IN_BASE64 = b64encode(f"x-access-token:{TOKEN}".encode()).decode()
ECHOES = [*echoes(TOKEN), *echoes(IN_BASE64)[5:7]]


@pytest.mark.parametrize("at", range(len(ECHOES)))
def test_a_server_that_tells_the_token_gets_it_no_further(
    tmp_path: Path, github: GitHub, at: int
) -> None:
    words = list(COMMANDS.values())[at % len(COMMANDS)]
    github.fault("/releases", ECHOES[at])
    left = planted(tmp_path, *words, "--api-url", github.api_url, *HURRY)
    assert left.log
    assert left.leaks() == []


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_what_works_leaves_no_secret_in_caches_databases_and_mirrors(
    tmp_path: Path, github: GitHub, words: tuple[str, ...]
) -> None:
    arguments = ("--api-url", github.api_url, *HURRY)
    planted(tmp_path, *words, *arguments)
    left = planted(tmp_path, *words, *arguments)  # it finds what the first has kept
    assert (left.code, left.leaks()) == (0, [])
    assert {record["ok"] for record in map(json.loads, left.log.splitlines())} == {True}
    assert left.files


@pytest.mark.parametrize(
    ("words", "host"),
    [
        *((words, "127.0.0.1:1") for words in COMMANDS.values()),
        (COMMANDS["gh-releases"], "127.0.0.1:99999"),
        (COMMANDS["gh-releases"], "no such host"),
    ],
)
def test_a_proxys_password_is_not_told_where_the_proxy_is_dead(
    tmp_path: Path, words: tuple[str, ...], host: str
) -> None:
    proxy = login(f"http://{host}")
    left = planted(tmp_path, *words, *HURRY, HTTPS_PROXY=proxy, ALL_PROXY=proxy)
    assert left.code != 0
    assert left.leaks() == []


@pytest.mark.parametrize(
    ("words", "status"), [*zip(COMMANDS.values(), [200, 403, 407, 502], strict=True)]
)
def test_a_proxy_that_tells_what_it_was_sent_gets_it_no_further(
    tmp_path: Path, words: tuple[str, ...], status: int
) -> None:
    basic = b64encode(f"m4ry:{PASSWORD}".encode()).decode()
    body = f"{PASSWORD} {basic} {login('http://proxy')}".encode()
    told = response(body, status=status, x_seen=basic, proxy_authenticate=f"Basic realm={basic}")
    with RawServer(lambda connection, _request: connection.send(told)) as proxy:
        place = login(proxy.url)
        left = planted(tmp_path, *words, *HURRY, HTTPS_PROXY=place, https_proxy=place)
        assert proxy.requests
    assert left.code != 0
    assert left.leaks() == []


def mirrored(folder: Path, github: GitHub, *more: object) -> Left:
    words = COMMANDS["release-mirror"]
    return planted(folder, *words, "--api-url", github.api_url, *HURRY, *more)


PLACES = ["S/a", "http://127.0.0.1:1/a", "http://no such host/a", "ftp://127.0.0.1/a", "S/again"]


@pytest.mark.parametrize(
    ("place", "status"), [*((one, 200) for one in PLACES), ("S/a", 403), ("S/again", 500)]
)
def test_the_signed_url_that_a_download_leads_to_is_told_nowhere(
    tmp_path: Path, github: GitHub, place: str, status: int
) -> None:
    with RawServer(lambda connection, request: connection.send(told(request.target))) as store:

        def told(target: str) -> bytes:
            if target.startswith("/again"):
                onwards = f"{login(store.url)}/a?{SIGNED}&token={TOKEN}"
                return response(status=302, location=onwards)
            return response(f"{TOKEN} {login(store.url)}{target}".encode(), status=status)

        url = f"{login(place.replace('S', store.url))}?{SIGNED}#{TOKEN}"
        github.fault("/assets/", faults.redirect(url))
        left = mirrored(tmp_path, github)
    assert left.code != 0
    assert [leak for leak in left.leaks() if ".partial" not in leak[0]] == []


def test_a_mirror_that_is_looked_at_and_pruned_tells_nothing(
    tmp_path: Path, github: GitHub
) -> None:
    assert mirrored(tmp_path, github).leaks() == []
    for words in (["verify"], ["status"], ["prune", "--keep-last", "1"]):
        left = planted(tmp_path, "release_mirror", *words, "--dest", "mirror", "--json")
        assert (left.code, left.leaks()) == (0, [])


def test_a_mirror_that_is_served_records_no_secret_of_those_who_ask(
    tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mirrored(tmp_path, github).code == 0
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    place = f"{login('http://h')}/repos/octo/tool/releases?{SIGNED}"
    asked = [
        f"/repos/octo/tool/releases?{SIGNED}",
        f"/{TOKEN}?token={TOKEN}#{TOKEN}",
        place,
        f"/{place}",
        f"/repos/octo/{login('http://h')}/releases",
    ]
    with serving(tmp_path / "work" / "mirror") as served:
        answers = [served.ask(path, host="h", authorization=f"Bearer {TOKEN}") for path in asked]
        log = json.dumps(served.records(len(asked)))
        _, stderr = served.end()
    told = "".join(answer.body.decode() + str(answer.headers) for answer in answers)
    assert leaks_in(told + log + stderr) == []
