"""--resume: what an earlier run has done is not done again, and its records are judged."""

import json
import tracemalloc
from pathlib import Path

import pytest

from multi_fetch.previous import Previous
from tests.multi_fetch.commanding import (
    Fetch,
    Record,
    done_before,
    files_in,
    in_a_shell,
    listed,
    targets,
)
from tests.multi_fetch.fetching import in_turn
from tests.support.rawserver import Connection, RawServer, Request, response, sends

SECRET = "s3cr3t-w0rd"


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    return tmp_path / "previous.ndjson"


def test_what_is_done_is_reported_and_not_requested_again(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    done, missing, new = (f"{server.url}/{name}" for name in ("done", "404", "new"))
    first = fetch_list("# one", done, missing, options=("--sha256",))
    previous.write_text(first.stdout)
    server.requests.clear()
    ran = fetch_list(new, done, missing, done, options=("--sha256", "--resume", previous))
    assert sorted(targets(server)) == ["/404", "/new"]
    assert [record["resumed"] for record in ran.records] == [False, True, False, True]
    assert [record["index"] for record in ran.records] == [1, 2, 3, 4]
    assert ran.kinds == [None, None, "http", None]
    was, now = first.records[0], ran.records[1]
    assert {key for key in was if was[key] != now[key]} <= {"index", "resumed"}
    assert "(2 done before)" in ran.stderr


def test_a_failure_that_is_fetched_now_is_done_the_next_time(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.write_text(done_before(server.url, error={"kind": "http", "message": "x"}))
    ran = fetch_list(server.url, options=("--resume", previous))
    assert (ran.code, ran.record["resumed"]) == (0, False)
    with previous.open("a") as file:
        file.write(ran.stdout)
    assert fetch_list(server.url, options=("--resume", previous)).record["resumed"] is True
    assert len(targets(server)) == 1


@pytest.mark.parametrize("kind", ["cancelled", "http", "url", "timeout", "body"])
def test_every_kind_of_failure_is_tried_again(
    fetch_list: Fetch, server: RawServer, previous: Path, kind: str
) -> None:
    previous.write_text(done_before(server.url, error={"kind": kind, "message": "x"}))
    assert fetch_list(server.url, options=("--resume", previous)).record["resumed"] is False
    assert len(targets(server)) == 1


@pytest.mark.parametrize("change", ["vanished", "shorter", "longer", "a folder"])
def test_a_saved_body_that_is_not_there_any_more_is_fetched_again(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, previous: Path, change: str
) -> None:
    urls, out = (f"{server.url}/kept", f"{server.url}/lost"), tmp_path / "out"
    first = fetch_list(*urls, options=("--output-dir", out))
    previous.write_text(first.stdout)
    server.requests.clear()
    lost = Path(first.records[1]["path"])
    lost.unlink()
    if change == "a folder":
        lost.mkdir()
    elif change != "vanished":
        lost.write_bytes(b"x" * (2 if change == "shorter" else 20))
    ran = fetch_list(*urls, options=("--output-dir", out, "--resume", previous))
    assert targets(server) == ["/lost"]
    assert [record["resumed"] for record in ran.records] == [True, False]
    if change != "a folder":
        assert (ran.code, lost.read_bytes()) == (0, b"/lost")


def test_what_was_not_saved_is_fetched_when_it_is_to_be_saved(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, previous: Path
) -> None:
    url, out = f"{server.url}/a", tmp_path / "out"
    previous.write_text(fetch_list(url).stdout)
    ran = fetch_list(url, options=("--output-dir", out, "--resume", previous))
    assert len(files_in(out)) == 1
    assert ran.record["path"]


def test_what_was_not_hashed_is_fetched_when_it_is_to_be_hashed(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.write_text(fetch_list(server.url).stdout)
    assert fetch_list(server.url, options=("--sha256", "--resume", previous)).record["sha256"]


@pytest.mark.parametrize("end", [f"/a?token={SECRET}", f"/a#{SECRET}", "/a?q=" + "x" * 99])
def test_a_url_that_is_not_shown_as_it_is_is_known_again(
    fetch_list: Fetch, server: RawServer, previous: Path, end: str
) -> None:
    url = f"{server.url}{end}".replace("http://", f"http://ann:{SECRET}@")
    previous.write_text(fetch_list(url).stdout)
    assert SECRET not in previous.read_text()
    server.requests.clear()
    other = url.replace("/a", "/b")
    ran = fetch_list(url, other, options=("--resume", previous))
    assert [record["resumed"] for record in ran.records] == [True, False]
    assert len(targets(server)) == 1
    assert SECRET not in ran.stdout + ran.stderr


def test_another_secret_is_another_url(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.write_text(fetch_list(f"{server.url}/a?token=one").stdout)
    ran = fetch_list(f"{server.url}/a?token=two", options=("--resume", previous))
    assert ran.record["resumed"] is False


def test_another_user_is_another_url(fetch_list: Fetch, server: RawServer, previous: Path) -> None:
    ann, bob = (f"http://{user}@127.0.0.1:{server.port}/me" for user in ("ann:1", "bob:2"))
    previous.write_text(fetch_list(ann).stdout)
    ran = fetch_list(ann, bob, options=("--resume", previous))
    assert [record["resumed"] for record in ran.records] == [True, False]


def test_the_readable_form_says_what_was_done_before(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.write_text(fetch_list(server.url).stdout)
    ran = fetch_list(server.url, options=("--resume", previous), ndjson=False)
    assert ran.stdout.endswith(f"{server.url}: done before\n")


@pytest.mark.parametrize(
    "cut", ['{"index": 2, "ur', "{", '{"index": 2}', "\x00\x00", '{"index": 2, "url": "http://\n']
)
def test_a_last_line_that_a_kill_has_cut_is_passed_over(
    fetch_list: Fetch, server: RawServer, previous: Path, cut: str
) -> None:
    previous.write_text(done_before(f"{server.url}/a") + cut)
    ran = fetch_list(f"{server.url}/a", f"{server.url}/b", options=("--resume", previous))
    assert (ran.code, [record["resumed"] for record in ran.records]) == (0, [True, False])


def test_output_that_was_appended_to_a_cut_line_can_be_resumed_from(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    """The second of three runs that write `--resume F >> F`; a full disk cut the first."""
    first = done_before(f"{server.url}/a") + done_before(f"{server.url}/b")[:40]
    previous.write_text(first)
    urls = [f"{server.url}/{name}" for name in "abc"]
    with previous.open("a") as file:
        file.write(fetch_list(*urls, options=("--resume", previous)).stdout)
    ran = fetch_list(*urls, options=("--resume", previous))
    assert ran.code == 0
    assert ran.records[0]["resumed"] is True
    assert len(targets(server)) <= 4


@pytest.mark.parametrize(
    "content",
    [
        "garbage\n",
        "[1, 2]\n",
        '{"a": 1}\n',
        "http://127.0.0.1/\n",
        "\x7fELF\x00\x01",
        "OK garbage\n OK",
        "OK \n OK",
        "[" * 100_000 + "\n",
        'OK {"index": 2}\n OK',
    ],
)
def test_what_is_not_an_earlier_runs_output_is_refused(
    fetch_list: Fetch, server: RawServer, previous: Path, content: str
) -> None:
    previous.write_text(content.replace("OK", done_before(server.url)).replace("\n ", "\n"))
    ran = fetch_list(server.url, options=("--resume", previous))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (65, "", 1)
    assert str(previous) in ran.stderr
    assert targets(server) == []


@pytest.mark.parametrize("name", ["missing", ".", "previous.ndjson/x"])
def test_an_earlier_runs_output_that_cannot_be_read_is_one_line(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, previous: Path, name: str
) -> None:
    previous.touch()
    ran = fetch_list(server.url, options=("--resume", tmp_path / name))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith(f"multi-fetch: --resume {tmp_path / name}: ")
    assert targets(server) == []


def test_an_earlier_run_that_had_no_time_for_a_record_has_done_nothing(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.touch()
    assert fetch_list(server.url, options=("--resume", previous)).record["resumed"] is False


def test_a_record_from_elsewhere_cannot_steer_anything(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    for change in ({"path": "\x00"}, {"path": "/dev/null", "size": 7}, {"final_url": "\x1b"}):
        previous.write_text(done_before(server.url, **change))
        ran = fetch_list(server.url, options=("--resume", previous), ndjson=False)
        assert (ran.code, ran.stderr.count("\n")) == (0, 2), change


@pytest.mark.parametrize(
    "change",
    [
        *({"status": "x"}, {"bytes": "3"}, {"bytes": -1}, {"bytes": 10**400}, {"path": 7}),
        *({"path": []}, {"url": 1}, {"url": "\ud800"}, {"method": None}, {"error": "none"}),
    ],
    ids=str,
)
def test_a_record_with_what_no_record_of_ours_has_is_refused(
    fetch_list: Fetch, server: RawServer, previous: Path, change: Record
) -> None:
    record = {**json.loads(done_before(server.url)), **change}
    previous.write_text(json.dumps(record) + "\n")
    ran = fetch_list(server.url, options=("--resume", previous))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (65, "", 1)
    assert targets(server) == []


def test_a_body_that_was_continued_within_its_run_is_done(
    fetch_list: Fetch, server: RawServer, previous: Path, tmp_path: Path
) -> None:
    body = bytes(range(256)) * 4000

    def cut(connection: Connection, _request: Request) -> None:
        connection.send(response(body[:600_000], length=len(body), etag='"1"'))
        connection.cut()

    rest = f"bytes 600000-{len(body) - 1}/{len(body)}"
    part = sends(response(body[600_000:], status=206, etag='"1"', content_range=rest))
    server.answer = in_turn(cut, part)
    options = ("--output-dir", tmp_path / "o", "--retries", 1)
    first = fetch_list(f"{server.url}/x", options=options)
    assert (first.record["status"], first.record["size"]) == (206, len(body))
    previous.write_text(first.stdout)
    again = fetch_list(f"{server.url}/x", options=(*options, "--resume", previous))
    assert again.record["resumed"] is True
    assert len(targets(server)) == 2


def test_what_was_saved_elsewhere_is_saved_here(
    fetch_list: Fetch, server: RawServer, previous: Path, tmp_path: Path
) -> None:
    first = fetch_list(f"{server.url}/x", options=("--output-dir", tmp_path / "one"))
    previous.write_text(first.stdout)
    again = fetch_list(
        f"{server.url}/x", options=("--output-dir", tmp_path / "two", "--resume", previous)
    )
    assert again.record["resumed"] is False
    assert len(files_in(tmp_path / "two")) == 1


def test_what_a_head_has_told_is_no_body(
    fetch_list: Fetch, server: RawServer, previous: Path
) -> None:
    previous.write_text(fetch_list(server.url, options=("--method", "HEAD")).stdout)
    assert fetch_list(server.url, options=("--resume", previous)).record["resumed"] is False


def test_an_earlier_output_that_the_shell_has_emptied_is_noticed(
    server: RawServer, tmp_path: Path
) -> None:
    script = '"$0" -m multi_fetch "$1" --ndjson --resume "$2" > "$2"'
    (tmp_path / "f").write_text(done_before(server.url))
    ran = in_a_shell(script, listed(tmp_path, server.url), tmp_path / "f")
    assert (ran.code, ran.stderr.count("\n")) == (2, 1)
    assert ">>" in ran.stderr


def test_one_file_can_be_read_and_appended_to(server: RawServer, tmp_path: Path) -> None:
    server.answer = sends(response(b"abc"))
    urls = [f"{server.url}/{number}" for number in range(20)]
    (tmp_path / "f").touch()
    script = '"$0" -m multi_fetch "$1" --ndjson --resume "$2" >> "$2"'
    for count in (5, 20, 20):
        ran = in_a_shell(script, listed(tmp_path, *urls[:count]), tmp_path / "f")
        assert ran.code == 0, ran.stderr
    assert len(targets(server)) == 20
    lines = (tmp_path / "f").read_text().splitlines()
    assert [json.loads(line)["resumed"] for line in lines].count(True) == 5 + 20


def test_an_earlier_run_of_many_lines_does_not_sit_in_memory(previous: Path) -> None:
    with previous.open("w") as file:
        file.writelines(done_before(f"http://127.0.0.1/{number}") for number in range(5_000))
    tracemalloc.start()
    try:
        with Previous(previous) as done:
            assert done.record_of("http://127.0.0.1/4999")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < previous.stat().st_size / 4
