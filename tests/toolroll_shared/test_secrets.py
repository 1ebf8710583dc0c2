"""What is hidden, what is left alone, and what it costs."""

import json
import time
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolroll_shared.loglines import LINE_BYTES, line_of
from toolroll_shared.secrets import HIDDEN, MIN_LENGTH, Secrets, secrets_of, without_url_secrets

TOKEN = "s3cr3t/T0ken+w&rd"
NOTHING = Secrets(())

a_secret = st.text(min_size=MIN_LENGTH, max_size=40).filter(lambda text: len(set(text)) >= 3)
a_plain_secret = st.from_regex(r"[A-Za-z0-9_-]{8,40}", fullmatch=True).filter(
    lambda text: len(set(text)) >= 3
)


@given(before=st.text(), secret=a_secret, after=st.text())
@example(before="***", secret="***x***y", after="***")
def test_a_secret_is_hidden_wherever_it_is(before: str, secret: str, after: str) -> None:
    assert secret not in Secrets([secret]).hidden(before + secret + after)


@given(user=st.binary(max_size=20), secret=a_plain_secret, after=st.binary(max_size=5))
def test_a_secret_is_hidden_in_base64_of_something_longer(
    user: bytes, secret: str, after: bytes
) -> None:
    for encode in (b64encode, urlsafe_b64encode):
        text = encode(user + secret.encode() + after).decode()
        shown = Secrets([secret]).hidden(f"Basic {text}")
        assert HIDDEN in shown
        assert len(shown.replace(HIDDEN, "")) <= len(text) + 6 - len(secret)


@given(secret=a_secret.filter(lambda text: "\\" not in text))
@pytest.mark.parametrize(
    "written",
    [
        lambda secret: quote(secret, safe=""),
        quote_plus,
        lambda secret: quote(secret, safe="").lower() if secret.islower() else quote(secret),
        json.dumps,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        repr,
    ],
)
def test_a_secret_is_hidden_however_it_is_written(written: Any, secret: str) -> None:
    try:
        form = written(secret)
    except UnicodeEncodeError:  # no URL holds half a letter
        return
    assert form.strip("\"'") not in Secrets([secret]).hidden(f"x{form}y")


@given(text=st.text(), values=st.lists(st.text()))
def test_what_is_hidden_is_hidden_once_and_for_all(text: str, values: list[str]) -> None:
    secrets = Secrets(values)
    once = secrets.hidden(text)
    assert secrets.hidden(once) == once


@given(text=st.text().filter(lambda text: "//" not in text), secret=a_secret)
def test_text_without_secrets_is_left_alone(text: str, secret: str) -> None:
    if secret not in text and len(secret) > len(text):
        assert Secrets([secret]).hidden(text) == text


PLAIN = [
    "http://h/a/b.c;d=e",
    "https://h:8080/@scope/package",
    "https://h/image@sha256:0123",
    "http://[::1]:80/a@b",
    "http://127.0.0.1:99999/",
    "such as http://HOST:PORT/metrics",
    "mail me@example.org? #1",
    "C://x",
    "C:/x@y?",
    '{"url": "http://h/a", "mail": "me@h"}',
    "'http://h:80/', 'a@b'",
    "postgres://db1:5432,db2:5432/x",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_url_without_a_login_and_a_query_is_left_alone(text: str) -> None:
    assert without_url_secrets(text) == text


S = "s3cr3t-w0rd"
URLS = [
    (f"http://m4ry:{S}@h/a", "http://h/a"),
    (f"http://{S}@h/a", "http://h/a"),
    (f"HTTP://m4ry:{S}@H:80/a", "HTTP://H:80/a"),
    (f"socks5h://m4ry:{S}@h:1080", "socks5h://h:1080"),
    (f"postgres://m4ry:{S}@h/db", "postgres://h/db"),
    (f"1http://m4ry:{S}@h", "1http://h"),
    (f"http://m4ry:{S}@[::1]:80/a", "http://[::1]:80/a"),
    (f"http://m4ry:p@{S}@h/a", "http://h/a"),
    (f"http://m4ry:p:{S}@h/a", "http://h/a"),
    (f"http://m4ry:p/{S}@h/a", "http://h/a"),
    (f"http://m4ry:p@ss/{S}@h/a", "http://h/a"),
    (f"http://m4ry:p?{S}@h/a", "http://h/a"),
    (f"http://m4ry:p#{S}@h/a?b", "http://h/a?..."),
    (f"http://m4ry:p\\{S}@h/a", "http://h/a"),
    (f"http://m4ry:{S}\\@h/a", "http://h/a"),
    (f"http:\\/\\/m4ry:{S}@h\\/a?sig={S}", "http:\\/\\/h\\/a?..."),
    (f"http://h/a?X-Amz-Signature={S}&b=c", "http://h/a?..."),
    (f"http://h?sig={S}", "http://h?..."),
    (f"https:/m4ry:{S}@h/a?sig={S}", "https:/h/a?..."),
    (f"http://h/a#access_token={S}", "http://h/a?..."),
    (f"http://h/login?next=http://m4ry:{S}@h/", "http://h/login?..."),
]


@pytest.mark.parametrize(("url", "shown"), URLS)
@pytest.mark.parametrize("around", ["{}", "see {} .", '"{}"', "'{}'", "<{}>", '{{"a": "{}"}}'])
def test_login_query_and_fragment_of_a_url_are_hidden(url: str, shown: str, around: str) -> None:
    assert without_url_secrets(around.format(url)) == around.format(shown)


def test_a_login_is_hidden_also_where_the_url_is_within_json_within_json() -> None:
    inner = json.dumps({"url": f"http://m4ry:{S}@h/?sig={S}", "next": "x"})
    shown = without_url_secrets(json.dumps({"body": inner}))
    assert json.loads(json.loads(shown)["body"]) == {"url": "http://h/?...", "next": "x"}


odd_text = st.text() | st.lists(
    st.sampled_from(
        [*'"\\/@?#:<>[] {}', "http://", ":\\/\\/", "u:p@", TOKEN, "\ud800", "\U0001f600"]
    )
).map("".join)
a_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_text | st.builds(Path),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_text, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(record=st.dictionaries(odd_text, a_value, max_size=8), values=st.lists(odd_text, max_size=3))
@example(record={"n": 12345678, "ok": True}, values=["12345678", '"ok": true'])
@example(record={"a": "x" * 240 + TOKEN, "b": "y" * LINE_BYTES}, values=[TOKEN])
@example(record={"a": f"http://u:p@h/?x={TOKEN}\\", "b": '"'}, values=[])
def test_a_line_stays_one_short_json_object_whatever_it_holds(
    record: dict[str, Any], values: list[str]
) -> None:
    line = line_of(record, Secrets([*values, TOKEN]))
    assert (line.count(b"\n"), line.isascii(), len(line) <= LINE_BYTES) == (1, True, True)
    assert isinstance(json.loads(line, parse_constant=pytest.fail), dict)
    assert TOKEN.encode() not in line


def test_a_text_that_is_cut_has_lost_its_secrets_before() -> None:
    record = {"error": "x" * 245 + TOKEN, "more": "y" * LINE_BYTES}
    error = json.loads(line_of(record, Secrets([TOKEN])))["error"]
    assert error == "x" * 245 + HIDDEN


SECRET_NAMES = [
    *("GH_TOKEN", "GITHUB_TOKEN", "PGPASSWORD", "MYSQL_PWD", "SSHPASS", "API_KEY", "APIKEY"),
    *("AWS_SECRET_ACCESS_KEY", "client_secret", "SECRET_KEY_BASE", "NPM_TOKEN_2", "GITHUB_PAT"),
    *("REGISTRY_PASS", "GPG_PASSPHRASE", "AWS_CREDENTIALS", "HTTP_AUTHORIZATION", "DEPLOY_KEY"),
]
OTHER_NAMES = ["SSH_AUTH_SOCK", "XAUTHORITY", "PWD", "HOME", "SSH_ASKPASS", "TOKEN_URL", "KEYBOARD"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_variable_that_is_named_for_a_secret_holds_one(name: str) -> None:
    assert secrets_of({name: TOKEN}).hidden(f"a {TOKEN} b") == "a *** b"


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_variables_hold_none(name: str) -> None:
    assert secrets_of({name: TOKEN}).hidden(f"a {TOKEN} b") == f"a {TOKEN} b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY", "short"),
        ("SORT_KEY", "published_at"),
        ("PASSWORD", "********"),
        ("TOKEN", ""),
        ("GOOGLE_APPLICATION_CREDENTIALS", __file__),
        ("DOCKER_HOST", "ssh://administrator@host"),
    ],
)
def test_a_word_or_a_file_is_no_secret(name: str, value: str) -> None:
    assert secrets_of({name: value}).hidden(f"a {value[-12:]} b") == f"a {value[-12:]} b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", f"http://m4ry:{S}@h:1"),
        ("https_proxy", f"m4ry:{S}@h:1"),
        ("DATABASE_URL", f"postgres://m4ry:{S}@h/db"),
        ("REPOSITORY", f"https://{S}@h/x"),
        ("ALL_PROXY", f"socks5h://m4ry:{quote(S).replace('-', '%2D')}@h"),
    ],
)
def test_the_password_of_a_url_in_the_environment_is_hidden(name: str, value: str) -> None:
    secrets = secrets_of({name: value})
    assert secrets.hidden(f"a {S} b") == "a *** b"
    assert S not in secrets.hidden(value)


def test_a_short_password_is_hidden_with_its_user_in_base64() -> None:
    login = b64encode(b"m4ry:short").decode()
    assert login[:-2] not in secrets_of({"HTTP_PROXY": "http://m4ry:short@h"}).hidden(login)


HOSTILE = {
    "scheme": "a." * 500_000 + "://@",
    "starts": "://" * 333_333 + "@",
    "logins": "://a@" * 200_000,
    "colons": "://a:" + "a:" * 500_000 + "@",
    "backslashes": "@://" + "\\" * 1_000_000,
    "slashes": "@:" + "\\/" * 500_000,
    "brackets": "://" + "[" * 1_000_000 + "@",
    "ports": "://x:y" * 160_000 + "@",
    "many": "://x:y " * 140_000 + "@",
    "ats": "://" + "@" * 1_000_000,
    "marks": "://" + "?" * 1_000_000,
    "percents": "%41" * 333_333 + "://@",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_of_hostile_text_takes_no_long_time(text: str) -> None:
    started = time.process_time()
    Secrets([TOKEN]).hidden(text)
    assert time.process_time() - started < 2


def test_a_url_parses_still_when_its_secrets_are_hidden() -> None:
    shown = without_url_secrets(f"https://m4ry:{S}@[::1]:8443/a?b=c")
    assert (urlsplit(shown).hostname, urlsplit(shown).port) == ("::1", 8443)
