import json
from typing import Any

import pytest

from gh_releases import answers
from tests.gh_releases.conftest import Run, adding, answering, list_releases
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.github_json import release_json
from toolroll_shared.errors import Exit, Unreachable

MISSING = object()


@pytest.fixture
def release(repo: Repository) -> dict[str, Any]:
    """A release with one asset, as GitHub writes it."""
    added = repo.add_release("v1")
    added.add_asset("tool.bin", b"0123456789")
    return release_json(added)


def changed(record: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    """A record with another value in a field, or without it."""
    rest = {name: old for name, old in record.items() if name != field}
    return rest if value is MISSING else {**rest, field: value}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("id", MISSING, "Object missing required field `id` - at `$[0]`"),
        ("id", "7", "Expected `int`, got `str` - at `$[0].id`"),
        ("id", True, "Expected `int`, got `bool` - at `$[0].id`"),
        ("id", 7.0, "Expected `int`, got `float` - at `$[0].id`"),
        ("id", -1, "Expected `int` >= 0 - at `$[0].id`"),
        ("id", 2**63, "Expected `int` <= 9223372036854775807 - at `$[0].id`"),
        ("tag_name", None, "Expected `str`, got `null` - at `$[0].tag_name`"),
        ("name", 7, "Expected `str | null`, got `int` - at `$[0].name`"),
        ("draft", 0, "Expected `bool`, got `int` - at `$[0].draft`"),
        ("prerelease", "no", "Expected `bool`, got `str` - at `$[0].prerelease`"),
        ("created_at", MISSING, "Object missing required field `created_at` - at `$[0]`"),
        ("created_at", "yesterday", "Invalid RFC3339 encoded datetime - at `$[0].created_at`"),
        ("published_at", 1_700_000_000, "Expected `datetime | null`, got `int`"),
        ("published_at", "2024-01-01T00:00:00", "Expected `datetime` with a timezone component"),
        ("html_url", {}, "Expected `str`, got `object` - at `$[0].html_url`"),
        ("assets", MISSING, "Object missing required field `assets` - at `$[0]`"),
        ("assets", {}, "Expected `array`, got `object` - at `$[0].assets`"),
        ("assets", [None], "Expected `object`, got `null` - at `$[0].assets[0]`"),
    ],
    ids=lambda value: "missing" if value is MISSING else None,
)
def test_a_release_with_a_wrong_field_is_an_error_that_names_it(
    github: GitHub, release: dict[str, Any], field: str, value: object, problem: str
) -> None:
    github.fault("/releases", answering([changed(release, field, value)]))
    listing = list_releases(github)
    assert isinstance(listing.error, Unreachable)
    assert f": the answer is not GitHub's: {problem}" in str(listing.error)
    assert (listing.waits, listing.releases) == ([], [])


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "name",
        "size",
        "content_type",
        "state",
        "download_count",
        "created_at",
        "updated_at",
        "url",
        "browser_download_url",
    ],
)
@pytest.mark.parametrize("value", [MISSING, 1.5], ids=["missing", "1.5"])
def test_an_asset_with_a_wrong_field_is_an_error_that_names_it(
    github: GitHub, release: dict[str, Any], field: str, value: object
) -> None:
    assets = [changed(release["assets"][0], field, value)]
    github.fault("/releases", answering([{**release, "assets": assets}]))
    listing = list_releases(github)
    assert isinstance(listing.error, Unreachable)
    assert ": the answer is not GitHub's: " in str(listing.error)
    assert f"`{field}`" in str(listing.error) or f".assets[0].{field}`" in str(listing.error)


def test_what_github_may_leave_out_or_add_is_no_error(
    github: GitHub, release: dict[str, Any]
) -> None:
    bare = changed(changed(release, "name", MISSING), "published_at", MISSING)
    assets = [changed(release["assets"][0], "digest", MISSING)]
    github.fault("/releases", answering([{**bare, "assets": assets, "news": [1]}]))
    [listed] = list_releases(github).releases
    assert (listed.name, listed.published_at, listed.assets[0].digest) == (None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"message": "hello"},
        ["a release"],
        [[]],
        [None],
        "text",
        None,
        7,
        b"NaN",
        b"[1e999]",
        b"[" * 100_000,
        b'[{"id":' * 100_000,
        b"[" + b"9" * 5000 + b"]",
        b"",
        b"\xff\xfe[",
        b'["\xff"]',
    ],
    ids=lambda body: str(body)[:20],
)
def test_an_answer_that_makes_no_sense_is_one_clear_line_and_69(
    gh_releases: Run, github: GitHub, repo: Repository, body: object
) -> None:
    github.fault("/releases", answering(body))
    ran = gh_releases("--retries", 0)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.UNREACHABLE, "", 1)
    assert f"{repo.full_name}/releases?...: the answer is not " in ran.stderr


@pytest.mark.parametrize(
    "headers",
    [
        {"content_encoding": "gzip"},
        {"content_encoding": "deflate"},
        {"content_type": "text/html; charset=no-such-charset"},
        {"content_encoding": "no-such-encoding"},
    ],
    ids=str,
)
def test_a_body_under_wrong_headers_is_no_bug(
    github: GitHub, release: dict[str, Any], headers: dict[str, str]
) -> None:
    github.fault("/releases", adding(**headers))
    listing = list_releases(github, retries=0)
    assert listing.tags == [release["tag_name"]] or isinstance(listing.error, Unreachable)


def test_a_compressed_answer_is_understood(github: GitHub, release: dict[str, Any]) -> None:
    github.fault("/releases", faults.gzip_body())
    assert list_releases(github).tags == [release["tag_name"]]


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
def test_an_answer_beyond_the_cap_is_refused(
    gh_releases: Run,
    github: GitHub,
    repo: Repository,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    packed: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 10_000)
    huge = answering(json.dumps([0] * 10_000).encode(), status)
    github.fault("/releases", _compressed(huge) if packed else huge)
    ran = gh_releases()
    assert (ran.code, ran.stdout, len(github.requests)) == (Exit.UNREACHABLE, "", 1)
    assert ran.stderr == (
        f"gh-releases: {github.api_url}/repos/{repo.full_name}/releases?...: "
        "the answer exceeds 10000 bytes\n"
    )


def _compressed(fault: faults.Fault) -> faults.Fault:
    pack = faults.gzip_body().answer
    return faults.Fault(
        "compressed", answer=lambda request, usual: pack(request, fault.answer(request, usual))
    )


def test_a_body_that_never_ends_is_given_up_in_time(github: GitHub, repo: Repository) -> None:
    repo.add_release("v1")
    github.fault("/releases", faults.slow_body(chunk=1, delay=0.01))
    listing = list_releases(github, timeout=0.2, retries=0)
    assert str(listing.error).endswith(": no answer within 0.2 s (on the only try)")


@pytest.mark.parametrize("status", [201, 204, 206, 300, 302, 304])
def test_a_status_that_the_api_does_not_use_is_an_error_that_names_it(
    gh_releases: Run, github: GitHub, repo: Repository, status: int
) -> None:
    repo.add_release("v1")
    github.fault("/releases", answering(b"", status))
    ran = gh_releases("--retries", 0)
    assert (ran.stdout, ran.stderr.count("\n")) == ("", 1)
    assert ran.code in {Exit.UNREACHABLE, Exit.REFUSED}
    assert str(status) in ran.stderr
