import pytest

from tests.gh_releases.conftest import TOKEN, Run, answering
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit


@pytest.fixture(autouse=True)
def one_release(repo: Repository) -> None:
    repo.add_release("v1")


def test_a_token_that_is_not_accepted_is_77(
    gh_releases: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "another-t0ken")
    ran = gh_releases()
    assert (ran.code, ran.stdout) == (Exit.REFUSED, "")
    assert ran.stderr == "gh-releases: octo/tool: Bad credentials (401): check GH_TOKEN\n"


@pytest.mark.parametrize(
    ("token", "why"),
    [(None, "no token was sent"), (TOKEN, "the token that was sent may not see it")],
)
@pytest.mark.parametrize("status", [404, 410, 451])
def test_what_is_not_there_is_1_and_says_whether_a_token_was_sent(
    gh_releases: Run,
    github: GitHub,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    token: str | None,
    why: str,
) -> None:
    if token:
        monkeypatch.setenv("GH_TOKEN", token)
    github.fault("/releases", faults.status(status))
    ran = gh_releases()
    assert (ran.code, ran.stdout, len(github.requests)) == (Exit.FAILED, "", 1)
    assert ran.stderr == f"gh-releases: octo/tool: not found ({status}), or private: {why}\n"


def test_a_private_repository_is_there_for_the_token_only(
    gh_releases: Run, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.add_repository("octo/secret", private=True).add_release("v1")
    assert gh_releases(repository="octo/secret").code == Exit.FAILED
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert gh_releases(repository="octo/secret").tags == ["v1"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "no message"),
        (b"<html>\n  <p>Forbidden</p>\n</html>", "<html> <p>Forbidden</p> </html>"),
        ({"message": "Resource not accessible"}, "Resource not accessible"),
        ({"message": ["no", "text"]}, '{"message": ["no", "text"]}'),
        (["no", "object"], '["no", "object"]'),
        ({"message": "two\nlines \x1b[31m"}, "two lines \\x1b[31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 5000, "x" * 100),
        (b"[" * 100_000, "[" * 100),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_refusal_is_told_in_the_servers_words_and_on_one_line(
    gh_releases: Run, github: GitHub, body: object, shown: str
) -> None:
    github.fault("/releases", answering(body, 403))
    ran = gh_releases()
    assert (ran.code, ran.stdout) == (Exit.REFUSED, "")
    assert ran.stderr == f"gh-releases: octo/tool: the API refuses: 403: {shown}\n"


def test_a_rename_is_told_on_stderr_once(gh_releases: Run, repo: Repository) -> None:
    repo.rename("octo/instrument")
    ran = gh_releases()
    assert (ran.code, ran.tags, ran.stderr.count("\n")) == (0, ["v1"], 1)
    assert "octo/tool is octo/instrument now" in ran.stderr


@pytest.mark.parametrize("trick", ["%1B%5B31mred", "%0Agh-releases:%20all%20is%20well", "%C2%9B1m"])
def test_an_address_that_could_steer_a_terminal_is_shown_safely(
    gh_releases: Run, github: GitHub, trick: str
) -> None:
    github.fault("/repos/", faults.redirect(f"/repositories/{trick}", 301))
    github.fault("/repositories/", answering([]))
    ran = gh_releases()
    lines = ran.stderr.split("\n")
    assert (ran.code, len(lines)) == (Exit.OK, 2)
    assert "octo/tool is at /repositories/" in ran.stderr
    assert all(line.isprintable() for line in lines), ran.stderr
