"""The stand-in's answers are what GitHub's own description of its API says."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.support.github import GitHub
from tests.support.github_data import Asset, Release, Repository
from tests.support.layout import ROOT

DESCRIPTION = ROOT / "build" / "openapi" / "api.github.com.json"  # `make openapi` fetches it


@cache
def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip("GitHub's description of its API is not here: make openapi")
    text: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    return text


@cache
def schema(path: str, status: str) -> dict[str, Any]:
    """The schema of an answer, with all schemas that it may refer to."""
    answer = description()["paths"][path]["get"]["responses"][status]
    while "$ref" in answer:
        *_, name = answer["$ref"].split("/")
        answer = description()["components"]["responses"][name]
    content = answer["content"]["application/json"]["schema"]
    parts = description()["components"]["schemas"]
    schemas = {name: draft_4(part) for name, part in parts.items()}
    return {**draft_4(content), "components": {"schemas": schemas}}


def draft_4(value: Any) -> Any:
    """Say `nullable`, which is OpenAPI's own, in the words of JSON Schema."""
    if isinstance(value, list):
        return [draft_4(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: draft_4(item) for key, item in value.items() if key != "nullable"}
    return {"anyOf": [{"type": "null"}, rest]} if value.get("nullable") is True else rest


def problems(path: str, status: str, value: Any) -> list[str]:
    errors: Iterator[Any] = Draft4Validator(schema(path, status)).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]


def get(url: str) -> tuple[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer t0ken-s3cret"})
    try:
        with urllib.request.urlopen(request) as answer:
            return str(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return str(error.code), json.load(error)


@pytest.fixture
def release(repo: Repository) -> Release:
    """The richest of many kinds of releases: with assets of many kinds."""
    repo.add_release("bare")
    repo.add_release("draft", draft=True, name="A draft").add_asset("a", b"a")
    repo.add_release("pre", prerelease=True, body="text", name="\u7b2c\u4e8c")
    full = repo.add_release("v1.0+full", body="* news", immutable=True, target_commitish="dev")
    full.add_asset("tool.tar.gz", b"x" * 1000, download_count=7, label="for Linux")
    full.add_asset("old.zip", b"", digest=False)
    full.add_asset("now.bin", b"half", state="open", content_type="text/plain; charset=utf-8")
    return full


@pytest.fixture
def asset(release: Release) -> Asset:
    return next(iter(release.assets.values()))


LIST = "/repos/{owner}/{repo}/releases"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/repos/{owner}/{repo}", "200"),
        (LIST, "200"),
        (LIST + "/latest", "200"),
        (LIST + "/{release_id}", "200"),
        (LIST + "/tags/{tag}", "200"),
        (LIST + "/{release_id}/assets", "200"),
        (LIST + "/assets/{asset_id}", "200"),
        ("/repos/{missing}/{repo}", "404"),
        ("/repos/{missing}/{repo}/releases", "404"),
    ],
)
def test_what_the_stand_in_answers_is_what_github_describes(
    github: GitHub, release: Release, asset: Asset, path: str, status: str
) -> None:
    place = path.format(
        owner="octo",
        repo="tool",
        release_id=release.id,
        asset_id=asset.id,
        tag=release.tag,
        missing="nobody",
    )
    got, value = get(github.api_url + place)
    described = path.replace("{missing}", "{owner}")
    assert (got, problems(described, status, value)) == (status, [])
    if path == LIST:
        assert len(value) == 4, "the draft too"
        assert any(len(one["assets"]) == 3 for one in value)


def test_the_description_would_notice_a_wrong_answer(github: GitHub, release: Release) -> None:
    _, releases = get(f"{github.api_url}/repos/octo/tool/releases")
    [full] = [one for one in releases if one["id"] == release.id]
    full["assets"][0]["digest"] = 7
    full["assets"][1]["state"] = "lost"
    del full["tag_name"]
    found = problems(LIST, "200", releases)
    for part in ("'tag_name' is a required property", "assets[0].digest", "assets[1].state"):
        assert any(part in problem for problem in found), (part, found)
