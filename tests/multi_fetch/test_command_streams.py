"""What happens when nobody takes the output, or there is no room for it."""

import subprocess
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import (
    PATIENCE_S,
    answering,
    command,
    files_in,
    in_a_shell,
    listed,
    silent,
    started,
)
from tests.support.commands import environment
from tests.support.rawserver import RawServer

FORMS = pytest.mark.parametrize("form", ["--ndjson", "--sha256"], ids=["records", "readable"])


@FORMS
def test_a_reader_who_has_enough_ends_it_quietly(
    server: RawServer, tmp_path: Path, form: str
) -> None:
    urls = [f"{server.url}/{number:0100}x" for number in range(3000)]
    script = 'set -o pipefail; "$0" -m multi_fetch "$1" "$2" | head -n 1'
    ran = in_a_shell(script, listed(tmp_path, *urls), form)
    assert (ran.code, ran.stdout.count("\n")) == (0, 1)
    assert len(server.requests) < 3000
    assert not [line for line in ran.stderr.splitlines() if "rror" in line or "pipe" in line]


def test_a_reader_who_goes_away_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with RawServer(answering(silent=silent)) as server:
        urls = [f"{server.url}/{name}" for name in ("silent", "a", "b", "c")]
        options = ("--ndjson", "--concurrency", 2, "--output-dir", out)
        with started(listed(tmp_path, *urls), *options) as process:
            assert process.stdout
            process.stdout.close()
            assert process.wait(PATIENCE_S) == 0
        server.wait_until(lambda server: server.open == 0)
    assert [name for name in files_in(out) if name.endswith(".part")] == []


@FORMS
def test_a_full_disk_is_one_line(server: RawServer, tmp_path: Path, form: str) -> None:
    urls = [f"{server.url}/a{number}" for number in range(50)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(listed(tmp_path, *urls), form),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment({}),
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "multi-fetch: stdout: No space left on device\n")


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        (">&-", 1, "multi-fetch: stdout: stdout is closed"),
        ("<&-", 0, "multi-fetch: 2 lines: 2 ok, 0 failed, 0 cancelled"),
        ("2>&-", 0, ""),
        (">/dev/null", 0, "multi-fetch: 2 lines: 2 ok, 0 failed, 0 cancelled"),
    ],
)
def test_a_closed_stream_is_missed_only_where_it_is_needed(
    server: RawServer, tmp_path: Path, closed: str, code: int, said: str
) -> None:
    path = listed(tmp_path, f"{server.url}/a", f"{server.url}/b")
    ran = in_a_shell(f'"$0" -m multi_fetch "$1" {closed}', path)
    assert (ran.code, ran.stderr.partition("\n")[0]) == (code, said)


def test_with_all_streams_closed_the_bodies_are_saved_and_nothing_else_is_written(
    server: RawServer, tmp_path: Path
) -> None:
    """Files that are opened then get the numbers 0, 1 and 2."""
    path, out = listed(tmp_path, f"{server.url}/a"), tmp_path / "out"
    content = path.read_text()
    script = '"$0" -m multi_fetch "$1" --output-dir "$2" --json-summary "$3" <&- 2>&- >/dev/null'
    ran = in_a_shell(script, path, out, tmp_path / "summary")
    assert ran.code == 0
    assert [file.read_text() for file in out.iterdir()] == ["/a"]
    assert path.read_text() == content


def test_output_in_an_encoding_that_lacks_letters_is_no_bug(
    server: RawServer, tmp_path: Path
) -> None:
    path = listed(tmp_path, f"{server.url}/\u7b2c\u4e8c")
    ran = in_a_shell('"$0" -m multi_fetch "$1"', path, PYTHONIOENCODING="ascii")
    assert (ran.code, ran.stdout.count("\n")) == (0, 1)
