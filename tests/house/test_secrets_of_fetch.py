"""multi-fetch tells no secret of its lists, headers and proxies, nor what servers make of them."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.support.rawserver import Connection, RawServer, Request, response
from tests.support.secrets import PASSWORD, SIGNATURE, SIGNED, TOKEN, login, planted

SAVING = ("--ndjson", "--sha256", "--json-summary", "summary", "--output-dir", "out")
HURRY = ("--retries", 1, "--timeout", "5s", "--idle-timeout", "1s")


def tells_all(connection: Connection, request: Request) -> None:
    """Tell in every place what was sent; `/500?` answers that status, `/on?` leads on."""
    name = request.target[1:].partition("?")[0]
    seen = request.headers.get("authorization", "none")
    status = int(name) if name.isdigit() else 302 if name in {"on", "away", "bad"} else 200
    places = {
        "on": f"/a/{seen}{request.target[3:]}",
        "away": f"{login('https://127.0.0.1:1')}/?{SIGNED}",
        "bad": f"http://m4ry:{PASSWORD}@h:{SIGNATURE}/",
    }
    headers: dict[str, Any] = {"location": places[name]} if name in places else {}
    headers |= {"content_encoding": SIGNATURE} if name == "encoded" else {"etag": f'"{seen}"'}
    connection.send(response(b"ok", status=status, x_seen=seen, **headers))


ENDS = ["a", "401", "403", "404", "500", "on", "away", "bad", "encoded", "a b", "a;token=x"]


@pytest.mark.parametrize("options", [SAVING, ()], ids=["saving", "plain"])
def test_urls_are_told_without_their_secrets_whatever_becomes_of_them(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with RawServer(tells_all) as server:
        urls = [f"{login(server.url)}/{end}?{SIGNED}&n={end}#{TOKEN}" for end in ENDS]
        urls += [f"{login('http://127.0.0.1:1')}/?sig={SIGNATURE}"]
        urls += [f"{login('https://no-such-host.invalid')}/?token={TOKEN}"]
        urls += [f"http://m4ry:{PASSWORD}@127.0.0.1/", f"HTTP://m4ry:{PASSWORD}@127.0.0.1:1/"]
        urls += [f"m4ry:{PASSWORD}@127.0.0.1", f"ftp://m4ry:{PASSWORD}@127.0.0.1/"]
        urls += [f"HTTP:\\\\m4ry:{PASSWORD}@127.0.0.1\\?sig={SIGNATURE}"]
        listed = "".join(f"{url}\n" for url in urls)
        left = planted(tmp_path, "multi_fetch", "-", *options, *HURRY, stdin=listed)
        again = planted(tmp_path, "multi_fetch", "-", *options, *HURRY, stdin=listed * 2)
    assert (left.code, again.code) == (1, 1)
    assert left.leaks() == []
    assert again.leaks() == []


@pytest.mark.parametrize("end", ["a", "403", "on"])
def test_headers_are_sent_and_told_nowhere(tmp_path: Path, end: str) -> None:
    header = f"Authorization: Basic {b64encode(f'm4ry:{PASSWORD}'.encode()).decode()}"
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "headers").write_text(f"X-Token: {TOKEN}\n")
    options = ("--header", header, "--header", "@headers", *SAVING, *HURRY)
    with RawServer(tells_all) as server:
        url = f"{server.url}/{end}"
        left = planted(tmp_path, "multi_fetch", "-", *options, stdin=f"{url}\n")
        assert PASSWORD not in str(server.requests)
        assert server.requests[0].headers["x-token"] == TOKEN
    assert left.leaks(but=["headers"]) == []


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("status", [None, 200, 403, 407, 502])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_password_is_told_nowhere(
    tmp_path: Path, how: str, status: int | None, scheme: str
) -> None:
    basic = b64encode(f"m4ry:{PASSWORD}".encode()).decode()
    told = response(f"{PASSWORD} {basic}".encode(), status=status or 200, x_seen=basic)
    with RawServer(lambda connection, _request: connection.send(told)) as server:
        proxy = login(server.url if status else "http://127.0.0.1:1")
        options = ("--proxy", proxy) if how == "option" else ()
        settings = {} if options else {"https_proxy": proxy, "http_proxy": proxy}
        url = f"{scheme}://example.invalid/?{SIGNED}\n"
        arguments = ("-", "--ndjson", *options, *HURRY)
        left = planted(tmp_path, "multi_fetch", *arguments, stdin=url, **settings)
        assert bool(server.requests) == bool(status)
    assert left.log
    assert left.leaks() == []


def test_what_an_earlier_run_says_and_we_cannot_read_is_told_without_secrets(
    tmp_path: Path,
) -> None:
    (tmp_path / "work").mkdir()
    earlier = tmp_path / "work" / "earlier"
    for text in (f'{{"url": "{login("http://h")}/?{SIGNED}"}}', f"{TOKEN}\n", f'["{TOKEN}"]'):
        earlier.write_text(text)
        left = planted(tmp_path, "multi_fetch", "-", "--resume", "earlier", stdin="http://h/\n")
        assert left.leaks(but=["earlier"]) == []
