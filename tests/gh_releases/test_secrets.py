import base64
import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from gh_releases import ClientOptions, download_request
from gh_releases.cli import build_parser, client_options
from gh_releases.models import Asset
from tests.gh_releases.conftest import TOKEN, Run, answering, linked, list_releases
from tests.support import faults
from tests.support.commands import run
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit, Refused, UsageError

ODD_TOKENS = [
    "s3cret\nt0ken",
    "s3cret\r\nX-Evil: t0ken",
    "s3crét-t0ken",
    "s3cret t0ken",
    "\x1bs3cret",
]


def disguises(token: str) -> Iterator[str]:
    """What a token may look like in a text: raw, quoted, escaped, and in base64 at any place."""
    yield from (token, quote(token, safe=""), repr(token)[1:-1], token.encode().hex())
    yield from (part for part in token.split() if len(part) >= 6)
    for before in (b"", b"x", b"xx"):
        text = base64.b64encode(before + token.encode() + b"xx").decode()
        yield text[4:-4]


def assert_hidden(token: str, *texts: str) -> None:
    for text in texts:
        assert [form for form in disguises(token) if form in text] == [], text


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (None, Exit.OK),
        (faults.status(401), Exit.REFUSED),
        (faults.status(404), Exit.FAILED),
        (faults.status(500), Exit.UNREACHABLE),
        (faults.cut_before_headers(), Exit.UNREACHABLE),
        (faults.not_json(), Exit.UNREACHABLE),
        (faults.throttled(retry_after=1000), Exit.TRY_LATER),
        (faults.redirect("http://127.0.0.1:1/"), Exit.REFUSED),
        (faults.redirect("http://["), Exit.REFUSED),
        (linked("http://127.0.0.1:1/"), Exit.REFUSED),
        (answering([{}]), Exit.UNREACHABLE),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_token_is_never_shown(
    gh_releases: Run,
    github: GitHub,
    repo: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault | None,
    code: Exit,
) -> None:
    repo.add_release("v1")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    monkeypatch.setenv("TOOLROLL_TRACEBACK", "1")
    if fault:
        github.fault("/releases", fault)
    log = tmp_path / "log"
    ran = gh_releases("--retries", 0, "--json", "--log-json", log)
    assert ran.code == code
    assert github.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert_hidden(TOKEN, ran.stdout, ran.stderr, log.read_text())


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_a_token_that_no_header_can_carry_is_refused_unseen(
    gh_releases: Run, github: GitHub, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", token)
    monkeypatch.setenv("TOOLROLL_TRACEBACK", "1")
    ran = gh_releases("--log-json", "-")
    assert (ran.code, ran.stdout, github.requests) == (Exit.USAGE, "", [])
    assert ran.stderr == "gh-releases: GITHUB_TOKEN: holds characters that no token has\n"


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_a_library_user_may_have_such_a_token_and_it_is_not_shown_either(
    github: GitHub, repo: Repository, token: str
) -> None:
    repo.add_release("v1")
    shown: list[str] = []
    try:
        listing = list_releases(github, token=token, retries=1)
        shown = [*listing.said, *traceback.format_exception(listing.error)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not show the token
        shown = traceback.format_exception(error)
    assert_hidden(token, *shown)


def test_a_process_that_fails_with_a_traceback_asked_for_shows_no_token(
    github: GitHub, repo: Repository
) -> None:
    github.fault("/releases", faults.status(500))
    arguments = [repo.full_name, "--api-url", github.api_url, "--retries", 0, "--log-json", "-"]
    done = run("gh_releases", *arguments, GH_TOKEN=TOKEN, TOOLROLL_TRACEBACK="1")
    assert done.code == Exit.UNREACHABLE
    assert_hidden(TOKEN, done.stdout, done.stderr)


ECHOES = [
    faults.redirect(f"/{TOKEN}/{TOKEN}"),
    faults.redirect(f"http://{TOKEN}.invalid/"),
    faults.redirect(f"http://127.0.0.1:{TOKEN}/"),
    linked(f"http://127.0.0.1:1/{TOKEN}"),
    linked(f"http://127.0.0.1:{TOKEN}/"),
    answering({"message": f"you sent {TOKEN}"}, 403),
    answering(json.dumps({"message": TOKEN}).replace("t", "\\u0074").encode(), 422),
    answering(TOKEN.encode(), 500),
    answering([], 200, x_github_request_id=TOKEN, etag=f'"{TOKEN}"'),
    answering([], 200, content_encoding=TOKEN),
    faults.throttled(429, retry_after=TOKEN),
]


@pytest.mark.parametrize("fault", ECHOES, ids=lambda fault: fault.name.replace(TOKEN, "T"))
def test_a_server_that_echoes_the_token_gets_it_no_further(
    gh_releases: Run,
    github: GitHub,
    repo: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    repo.add_release("v1")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    github.fault("/releases", fault)
    log = tmp_path / "log"
    options = ("--retries", 0, "--max-wait", 0, "--json", "--meta", "--log-json", log)
    ran = gh_releases(*options)
    kept = [path.read_text() for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert_hidden(TOKEN, ran.stdout, ran.stderr, log.read_text(), *kept)


def test_a_token_that_may_not_leave_this_machine_is_not_sent_through_a_proxy(
    gh_releases: Run, github: GitHub, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.add_release("v1")
    with GitHub() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.api_url)
        monkeypatch.setenv("ALL_PROXY", proxy.api_url)
        monkeypatch.setenv("GH_TOKEN", TOKEN)
        assert gh_releases().tags == ["v1"]
        assert proxy.requests == []
        monkeypatch.delenv("GH_TOKEN")
        assert gh_releases().code == Exit.FAILED, "the proxy knows no such repository"
        assert len(proxy.requests) == 1
    assert len(github.requests) == 2


def test_options_do_not_show_their_token() -> None:
    assert_hidden(TOKEN, repr(ClientOptions(token=TOKEN)), str(ClientOptions(token=TOKEN)))


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({}, None),
        ({"GH_TOKEN": "", "GITHUB_TOKEN": " "}, None),
        ({"GITHUB_TOKEN": "second"}, "second"),
        ({"GH_TOKEN": "first", "GITHUB_TOKEN": "second"}, "first"),
        ({"GH_TOKEN": "", "GITHUB_TOKEN": "second"}, "second"),
        ({"GH_TOKEN": "from-a-file\n"}, "from-a-file"),
    ],
)
def test_the_token_is_that_of_gh_then_that_of_actions(
    environ: dict[str, str], token: str | None
) -> None:
    arguments = build_parser().parse_args(["octo/tool"])
    assert client_options(arguments, None, environ).token == token


SAFE = [
    "https://api.github.com",
    "https://ghe.example/api/v3/",
    "http://localhost:8000",
    "http://LOCALHOST",
    "http://github.localhost",
    "http://127.0.0.1:8000",
    "http://127.1.2.3",
    "http://[::1]:8000",
]
UNSAFE = [
    "http://api.github.com",
    "http://127.0.0.1.example",
    "http://localhost.example",
    "http://notlocalhost",
    "http://0.0.0.0",
    "http://10.0.0.1",
    "http://[::2]",
    "HTTP://example.org",
]


@pytest.mark.parametrize("url", SAFE + UNSAFE)
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_token_travels_encrypted_or_on_loopback_only(url: str, by: str) -> None:
    environ = {"GH_TOKEN": TOKEN} | ({"GITHUB_API_URL": url} if by == "environment" else {})
    arguments = build_parser().parse_args(
        ["octo/tool", *(["--api-url", url] if by == "argument" else [])]
    )
    if url in SAFE:
        assert client_options(arguments, None, environ).api_url == url.rstrip("/")
    else:
        with pytest.raises(UsageError, match="a token would travel unencrypted: use https"):
            client_options(arguments, None, environ)
    assert client_options(arguments, None, {**environ, "GH_TOKEN": ""}).token is None


@pytest.mark.parametrize(
    "part", ["user:t0ken-s3cret@host", "host/?t0ken-s3cret", "host/#t0ken-s3cret"]
)
def test_a_token_in_the_address_is_refused_unseen(gh_releases: Run, part: str) -> None:
    ran = gh_releases("--api-url", f"https://{part}")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.USAGE, "", 1)
    assert_hidden(TOKEN, ran.stderr)


def asset(url: str) -> Asset:
    return Asset(
        id=7,
        name="tool.bin",
        size=1,
        digest=None,
        content_type="application/octet-stream",
        state="uploaded",
        download_count=0,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        updated_at=datetime(2024, 1, 1, tzinfo=UTC),
        url=url,
        browser_download_url="https://github.example/octo/tool/releases/download/v1/tool.bin",
    )


def test_a_download_carries_the_token_to_the_api_only() -> None:
    here = asset("https://api.example/repos/octo/tool/releases/assets/7")
    url, headers = download_request(here, ClientOptions(api_url="https://api.example", token=TOKEN))
    assert (url, headers["Authorization"]) == (here.url, f"Bearer {TOKEN}")
    assert headers["Accept"] == "application/octet-stream"
    assert download_request(here, ClientOptions(api_url="https://api.example")) == (
        here.browser_download_url,
        {},
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/assets/7",
        "http://api.example/assets/7",
        "https://api.example:444/assets/7",
        "https://api.example@evil.example/assets/7",
        "https://api.example.evil.example/assets/7",
        "//api.example/assets/7",
        "file:///assets/7",
        "",
    ],
)
def test_a_download_from_elsewhere_is_refused_where_there_is_a_token(url: str) -> None:
    options = ClientOptions(api_url="https://api.example", token=TOKEN)
    with pytest.raises(Refused, match=r"tool\.bin: its API address is at another origin"):
        download_request(asset(url), options)
