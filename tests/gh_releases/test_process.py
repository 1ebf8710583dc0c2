import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.commands import argv, environment, run
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.waiting import until_it_waits_for_a_reader

PATIENCE_S = 30  # for a process to end or a fault to be met; never reached when all is well


@pytest.fixture(autouse=True)
def releases(repo: Repository) -> None:
    for number in range(100):
        repo.add_release(f"v{number}", name="n" * 1000)


def start(github: GitHub, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        argv("gh_releases", "octo/tool", "--api-url", github.api_url, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(settings),
        text=True,
    )


@pytest.mark.parametrize(
    "fault", [faults.stall_headers(), faults.stall_body(after=100)], ids=lambda fault: fault.name
)
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_while_the_server_is_silent_ends_it_with_one_line(
    github: GitHub, fault: faults.Fault, number: int, code: int, said: str
) -> None:
    fault.reached.clear()
    github.fault("/releases", fault)
    with start(github, TOOLROLL_TRACEBACK="1") as process:
        assert fault.reached.wait(PATIENCE_S)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr) == (code, "", f"gh-releases: {said}\n")


def test_a_signal_during_a_wait_ends_it_too(github: GitHub) -> None:
    github.fault("/releases", faults.throttled(retry_after=600))
    with start(github) as process:
        assert process.stderr
        assert "waiting 600 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr) == (130, "", "gh-releases: interrupted\n")


def test_ndjson_comes_as_pages_arrive(github: GitHub, repo: Repository) -> None:
    repo.add_release("v100")
    stalled = faults.stall_headers()
    stalled.reached.clear()
    github.fault("*page=2", stalled)
    with start(github, "--ndjson") as process:
        assert process.stdout
        tags = [json.loads(process.stdout.readline())["tag_name"] for _ in range(100)]
        assert stalled.reached.wait(PATIENCE_S)
        assert process.poll() is None, "the second page is still to come"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert tags == [f"v{number}" for number in range(100, 0, -1)]
    assert process.returncode == 130


@pytest.mark.parametrize("arguments", [("--json",), ("--json", "--meta"), (), ("--assets",)])
def test_a_listing_that_breaks_off_prints_nothing_of_it(
    github: GitHub, repo: Repository, arguments: tuple[str, ...]
) -> None:
    repo.add_release("v100")
    github.fault("*page=2", faults.status(500))
    with start(github, "--retries", "0", *arguments) as process:
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr.count("\n")) == (69, "", 1)


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--ndjson",), ("--help",)])
def test_a_reader_who_went_away_is_no_error(github: GitHub, arguments: tuple[str, ...]) -> None:
    with start(github, *arguments) as process:
        assert process.stdout
        process.stdout.close()
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stderr) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--help",), ("--version",)])
def test_a_full_disk_is_an_error(github: GitHub, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            argv("gh_releases", "octo/tool", "--api-url", github.api_url, *arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment({}),
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "gh-releases: stdout: No space left on device\n"


@pytest.mark.parametrize(
    ("closed", "code", "stderr"),
    [(">&-", 1, "gh-releases: stdout: stdout is closed\n"), ("2>&-", 0, ""), ("<&-", 0, "")],
)
def test_a_closed_stream_is_missed_only_where_it_is_needed(
    github: GitHub, closed: str, code: int, stderr: str
) -> None:
    command = f'"$0" -m gh_releases octo/tool --api-url "$1" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, github.api_url],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, stderr)


def test_a_name_that_the_terminals_encoding_lacks_is_no_bug(
    github: GitHub, repo: Repository
) -> None:
    repo.add_release("v\u7b2c\u4e8c")
    arguments = ["octo/tool", "--api-url", github.api_url]
    done = run("gh_releases", *arguments, PYTHONIOENCODING="ascii")
    assert (done.code, done.stdout.count("\n"), done.stderr) == (0, 101, "")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "carrier-pigeon://127.0.0.1:1"])
def test_a_proxy_of_an_unknown_kind_is_a_clear_error(github: GitHub, proxy: str) -> None:
    done = run("gh_releases", "octo/tool", "--api-url", github.api_url, ALL_PROXY=proxy)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert done.code in {2, 69}
    assert "internal error" not in done.stderr
    assert "proxy" in done.stderr.lower()


def test_an_exception_to_the_proxy_that_is_no_address_is_a_clear_error(github: GitHub) -> None:
    done = run("gh_releases", "octo/tool", "--api-url", github.api_url, NO_PROXY="[::")
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "a proxy in the environment cannot be used" in done.stderr


@pytest.mark.parametrize("form", ["--ndjson", "--json", "--assets"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_nobody_reads_ends_it(
    github: GitHub, repo: Repository, form: str, number: int, code: int
) -> None:
    """The listing is larger than a pipe holds, so the command waits inside a write."""
    for release in repo.releases.values():
        release.add_asset("a" * 2000, b"")
    with start(github, form) as process:
        until_it_waits_for_a_reader(process.pid)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == code
        assert process.stderr
        assert process.stderr.read().count("\n") == 1
