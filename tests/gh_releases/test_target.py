"""How a repository may be named, and which API and token that means."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gh_releases import ClientOptions, Target, parse_target
from gh_releases.cli import build_parser, client_options
from gh_releases.target import is_repository_name
from tests.gh_releases.conftest import Run
from tests.support.commands import run
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.rawserver import RawServer, response, sends
from toolroll_shared.errors import UsageError

CLOUD, ENTERPRISE = "t0ken-of-github", "t0ken-of-the-server"
TOKENS = {"GH_TOKEN": CLOUD, "GH_ENTERPRISE_TOKEN": ENTERPRISE}


@pytest.mark.parametrize(
    ("text", "name", "host"),
    [
        ("cli/cli", "cli/cli", None),
        ("o/.github", "o/.github", None),
        ("o/a.b_c-d", "o/a.b_c-d", None),
        ("o/tool.git", "o/tool.git", None),
        ("github.com/cli/cli", "cli/cli", "github.com"),
        ("GitHub.com/Cli/CLI", "Cli/CLI", "github.com"),
        ("www.github.com/cli/cli", "cli/cli", "github.com"),
        ("ghe.example:8443/o/r", "o/r", "ghe.example:8443"),
        ("github.com:443/o/r", "o/r", "github.com"),
        ("api.github.com/o/r", "o/r", "github.com"),
        ("localhost/o/r", "o/r", "localhost"),
        ("https://github.com/cli/cli", "cli/cli", "github.com"),
        ("https://github.com/cli/cli/", "cli/cli", "github.com"),
        ("https://github.com/cli/cli.git", "cli/cli", "github.com"),
        ("https://github.com/cli/cli/releases", "cli/cli", "github.com"),
        ("https://github.com/cli/cli/releases/tag/v2.0.0", "cli/cli", "github.com"),
        ("https://github.com/cli/cli/releases?page=2#top", "cli/cli", "github.com"),
        ("https://www.github.com/o/releases", "o/releases", "github.com"),
        ("https://octo.ghe.com/o/r", "o/r", "octo.ghe.com"),
        ("http://github.com/cli/cli", "cli/cli", "github.com"),
        ("git@github.com:cli/cli.git", "cli/cli", "github.com"),
        ("ssh://git@github.com/cli/cli.git", "cli/cli", "github.com"),
    ],
)
def test_a_repository_may_be_named_as_people_have_it(
    text: str, name: str, host: str | None
) -> None:
    assert parse_target(text) == Target(name, host)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cli",
        "/cli",
        "cli/",
        "o/..",
        "o/.",
        "a/b/c/d",
        "not a host/o/r",
        "host/o/r",
        "ghe.example:port/o/r",
        ".example/o/r",
        "user@ghe.example/o/r",
        "ftp://github.com/cli/cli",
        "ssh://root@github.com/cli/cli",
        "https://git@github.com/cli/cli",
        "git@github.com:cli",
        "git@github.com/cli/cli",
        "https://github.com/cli",
        "https://github.com/",
        "https://user:word@github.com/cli/cli",
        "https://github.com/cli/cli/pulls",
        "https://github.com/cli/../cli",
        "https://[::1/o/r",
        "https:///o/r",
        "o/r\n",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_target(text)
    assert "t0ken" not in str(caught.value)


@given(text=st.text() | st.text("ab/.:@-_%?#", max_size=20).map("https://".__add__))
def test_any_text_is_a_repository_or_an_error(text: str) -> None:
    try:
        target = parse_target(text)
    except ValueError:
        return
    assert is_repository_name(target.name)


def options(text: str, *arguments: str, **environ: str) -> ClientOptions:
    parsed = build_parser().parse_args([text, *arguments])
    return client_options(parsed, parsed.repository.host, environ)


@pytest.mark.parametrize(
    ("text", "environ", "api_url", "token"),
    [
        ("o/r", {}, "https://api.github.com", CLOUD),
        ("github.com/o/r", {}, "https://api.github.com", CLOUD),
        ("https://github.com/o/r", {}, "https://api.github.com", CLOUD),
        ("octo.ghe.com/o/r", {}, "https://api.octo.ghe.com", CLOUD),
        ("ghe.example/o/r", {}, "https://ghe.example/api/v3", ENTERPRISE),
        ("ghe.example:8443/o/r", {}, "https://ghe.example:8443/api/v3", ENTERPRISE),
        ("github.com.evil.example/o/r", {}, "https://github.com.evil.example/api/v3", ENTERPRISE),
        ("evilghe.com/o/r", {}, "https://evilghe.com/api/v3", ENTERPRISE),
        ("o/r", {"GH_HOST": "ghe.example"}, "https://ghe.example/api/v3", ENTERPRISE),
        ("o/r", {"GH_HOST": "github.com"}, "https://api.github.com", CLOUD),
        ("github.com/o/r", {"GH_HOST": "ghe.example"}, "https://api.github.com", CLOUD),
        ("o/r", {"GH_HOST": ""}, "https://api.github.com", CLOUD),
        # On a runner of a server, Actions sets the URL and the token that belongs to it.
        (
            "o/r",
            {"GITHUB_API_URL": "https://ghe.example/api/v3"},
            "https://ghe.example/api/v3",
            ENTERPRISE,
        ),
        ("o/r", {"GITHUB_API_URL": "https://api.github.com"}, "https://api.github.com", CLOUD),
        ("o/r", {"GITHUB_API_URL": "https://api.octo.ghe.com"}, "https://api.octo.ghe.com", CLOUD),
        (
            "o/r",
            {"GITHUB_API_URL": "https://ghe.example/api/v3", "GH_HOST": "other.example"},
            "https://other.example/api/v3",
            ENTERPRISE,
        ),
        (
            "other.example/o/r",
            {"GITHUB_API_URL": "https://ghe.example/api/v3"},
            "https://other.example/api/v3",
            ENTERPRISE,
        ),
    ],
)
def test_a_host_gets_the_token_that_is_meant_for_it(
    text: str, environ: dict[str, str], api_url: str, token: str
) -> None:
    chosen = options(text, **TOKENS, **environ)
    assert (chosen.api_url, chosen.token) == (api_url, token)


def test_a_url_alone_gets_the_token_that_there_is() -> None:
    """On a runner of a server, Actions sets the URL and GITHUB_TOKEN, which belongs to it."""
    chosen = options("o/r", GITHUB_API_URL="https://ghe.example/api/v3", GITHUB_TOKEN=CLOUD)
    assert chosen.token == CLOUD


def test_a_host_beside_the_one_that_the_environment_prefers_gets_no_token() -> None:
    chosen = options(
        "https://gitlab.example/o/r",
        GH_HOST="ghe.example",
        GH_TOKEN=CLOUD,
        GH_ENTERPRISE_TOKEN=ENTERPRISE,
    )
    assert (chosen.api_url, chosen.token) == ("https://gitlab.example/api/v3", None)


def test_githubs_token_does_not_go_to_another_host_where_that_has_none() -> None:
    assert options("ghe.example/o/r", GH_TOKEN=CLOUD, GITHUB_TOKEN=CLOUD).token is None
    assert options("ghe.example/o/r", GITHUB_ENTERPRISE_TOKEN=ENTERPRISE).token == ENTERPRISE


def test_an_api_url_goes_before_a_host() -> None:
    chosen = options(
        "ghe.example/o/r",
        "--api-url",
        "https://proxy.example/api",
        GH_TOKEN=CLOUD,
        GH_ENTERPRISE_TOKEN=ENTERPRISE,
    )
    assert (chosen.api_url, chosen.token) == ("https://proxy.example/api", ENTERPRISE)


@pytest.mark.parametrize(
    ("arguments", "environ", "source"),
    [
        (["--api-url", ""], {}, "--api-url"),
        (["--api-url", "ftp://a.example"], {}, "--api-url"),
        ([], {"GITHUB_API_URL": "a.example"}, "GITHUB_API_URL"),
        ([], {"GITHUB_API_URL": "http://a.example", "GH_TOKEN": CLOUD}, "GITHUB_API_URL"),
        ([], {"GH_HOST": "ghe.example:99999"}, "ghe.example:99999"),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_the_name_of_its_source(
    arguments: list[str], environ: dict[str, str], source: str
) -> None:
    with pytest.raises(UsageError) as caught:
        options("o/r", *arguments, **environ)
    assert str(caught.value).startswith(f"{source}: ")


@pytest.mark.parametrize("host", ["not a host", "a/b", "ftp://ghe.example", "x"])
def test_a_host_in_the_environment_that_is_none_is_bad_usage(host: str) -> None:
    with pytest.raises(UsageError, match=r"^GH_HOST: "):
        options("o/r", GH_HOST=host)


def test_a_url_is_listed_like_its_short_form(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    repo.add_release("v1")
    assert gh_releases(repository="https://github.com/octo/tool/releases").tags == ["v1"]
    assert github.requests[0].path.startswith("/repos/octo/tool/releases?")


def test_a_server_is_asked_below_its_own_root_over_tls_and_with_its_own_token(
    trusted_tls: ssl.SSLContext,
) -> None:
    with RawServer(sends(response(b"[]")), tls=trusted_tls) as server:
        place = f"127.0.0.1:{server.port}/octo/tool"
        done = run("gh_releases", place, "--json", GH_TOKEN=CLOUD, GH_ENTERPRISE_TOKEN=ENTERPRISE)
        [request] = server.requests
    assert (done.code, done.stdout, done.stderr) == (0, "[]\n", "")
    assert request.target == "/api/v3/repos/octo/tool/releases?per_page=100"
    assert request.headers["authorization"] == f"Bearer {ENTERPRISE}"


def test_a_server_that_nobody_vouches_for_gets_no_token(tls: ssl.SSLContext) -> None:
    with RawServer(sends(response(b"[]")), tls=tls) as server:
        place = f"127.0.0.1:{server.port}/octo/tool"
        done = run(
            "gh_releases",
            place,
            "--json",
            "--retries",
            0,
            GH_TOKEN=CLOUD,
            GH_ENTERPRISE_TOKEN=ENTERPRISE,
        )
        assert server.requests == []
    assert (done.code, done.stdout) == (69, "")
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
