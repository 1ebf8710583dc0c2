"""Portable tools do their work where Python has only what Windows or macOS gives it.

See tests/support/other_system: real processes, in which the rest is absent for our packages. On
Windows and macOS themselves nothing is pretended.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from logtools.portable import lock
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.layout import ROOT
from tests.support.waiting import until

TIMEOUT_S = 20
LOG = b"2026-01-01T00:00:00Z INFO one\r\n2026-01-01T00:00:01Z ERROR two\r\n"

System = dict[str, str]


IS_PRETENDED = sys.platform == "linux"
SYSTEMS = ["win32", "darwin"] if IS_PRETENDED else [sys.platform]

ends_by_a_signal = pytest.mark.skipif(sys.platform == "win32", reason="has no signals to send")


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> System:
    """The environment of a process that is there, or believes to be."""
    if not IS_PRETENDED:
        return {**os.environ}
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests/support/other_system"),
        "PRETENDED_SYSTEM": request.param,
        "LOCALAPPDATA": os.environ["XDG_CACHE_HOME"],
    }


def run(
    system: System, module: str, *arguments: object, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv(module, *arguments),
        env=system,
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def said(done: subprocess.CompletedProcess[bytes], code: int = 0) -> bytes:
    """Return what was printed, where that is all, and the exit code is right."""
    assert (done.returncode, done.stderr) == (code, b"")
    return done.stdout


PROBE = """
ours = {"__name__": "logtools.probe", "__package__": "logtools"}
exec("import os, sys; print(sys.platform, hasattr(os, 'sched_getaffinity'), os.getpid() > 0)", ours)
import os, fcntl, select
print(hasattr(os, "sched_getaffinity"), hasattr(select, "epoll"))
try:
    exec("import inotify_simple", ours)
except ModuleNotFoundError as error:
    print(error.name)
"""


@pytest.mark.skipif(not IS_PRETENDED, reason="nothing is pretended")
def test_what_is_absent_is_so_for_ours_only(system: System) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=system, capture_output=True, text=True, check=False
    )
    name = system["PRETENDED_SYSTEM"]
    assert done.stdout == f"{name} False True\nTrue True\ninotify_simple\n", done.stderr


def test_text_is_counted_found_and_mended(system: System, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes("Straße\r\nzwei\r\n\x1a".encode())
    assert said(run(system, "text_utils.wc_lite", text)).split()[:3] == [b"2", b"3", b"16"]
    assert run(system, "text_utils.wc_lite", stdin=LOG).stdout.split()[0] == b"2"
    assert said(run(system, "text_utils.contains", "-i", text, "STRASSE")) == b""
    run(system, "text_utils.normalize", "--in-place", "--to", "lf", text)
    assert text.read_bytes().startswith("Straße\nzwei\n".encode())


def test_logs_are_searched_and_their_ends_shown_byte_by_byte(
    system: System, tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(LOG)
    assert said(run(system, "logtools", "grep", log, "ERROR")) == LOG.splitlines(keepends=True)[1]
    assert (
        said(run(system, "logtools", "grep", "one", stdin=LOG)) == LOG.splitlines(keepends=True)[0]
    )
    assert said(run(system, "logtools", "tail", "-n", 1, log)) == LOG.splitlines(keepends=True)[1]
    assert said(run(system, "logtools", "head", "-n", 1, log)) == LOG.splitlines(keepends=True)[0]
    since = ("--since", "2026-01-01T00:00:01Z")
    assert (
        said(run(system, "logtools", "grep", *since, log, "o")) == LOG.splitlines(keepends=True)[1]
    )


def test_a_cursor_goes_on_over_a_rotation_and_is_locked(system: System, tmp_path: Path) -> None:
    log, cursor = tmp_path / "app.log", tmp_path / "cursor"
    log.write_bytes(b"a\n")
    tail = ("logtools", "tail", "--cursor", cursor, log)
    assert said(run(system, *tail)) == b"a\n"
    with log.open("ab") as file:
        file.write(b"b\n")
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(b"c\n")
    assert said(run(system, *tail)) == b"b\nc\n"
    assert said(run(system, *tail)) == b""
    with (tmp_path / "cursor.lock").open("r+") as locked:
        lock(locked.fileno())
        assert run(system, *tail).returncode == 75


@ends_by_a_signal
def test_a_log_is_followed_over_a_rotation(system: System, tmp_path: Path) -> None:
    log, shown = tmp_path / "app.log", tmp_path / "shown"
    log.write_bytes(b"a\n")
    with (
        shown.open("wb") as out,
        subprocess.Popen(argv("logtools", "tail", "-f", log), env=system, stdout=out) as process,
    ):
        try:
            until(lambda: shown.read_bytes() == b"a\n")
            log.rename(tmp_path / "app.log.1")
            log.write_bytes(b"b\n")
            until(lambda: shown.read_bytes() == b"a\nb\n")
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_S) == 130
        finally:
            process.kill()


def test_releases_are_listed_and_kept(
    system: System, github: GitHub, repo: Repository, tmp_path: Path
) -> None:
    repo.add_release("v1.0").add_asset("tool.tar.gz", b"the bytes")
    system |= {"GITHUB_API_URL": github.api_url, "GH_TOKEN": "t0ken-s3cret"}
    found = json.loads(said(run(system, "gh_releases", "octo/tool", "--json")))
    assert "v1.0" in json.dumps(found)
    done = run(system, "artifact_index", "octo/tool", "--db", tmp_path / "index")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out.json"
    exported = run(system, "artifact_index", "export", "--ndjson", out, "--db", tmp_path / "index")
    assert exported.returncode == 0, exported.stderr


@pytest.mark.parametrize("piped", [False, True])
def test_files_are_fetched_and_hashed(
    system: System, github: GitHub, repo: Repository, tmp_path: Path, *, piped: bool
) -> None:
    repo.add_release("v1.0")
    system |= {"GH_TOKEN": "t0ken-s3cret"}
    urls = [f"{github.api_url}/repos/octo/tool/releases?page={page}" for page in range(1, 9)]
    text = "\r\n".join(urls).encode()
    (tmp_path / "urls").write_bytes(text)
    where = ("--output-dir", tmp_path / "files", "--sha256", "--ndjson")
    done = run(
        system, "multi_fetch", "-" if piped else tmp_path / "urls", *where, stdin=piped * text
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(record["status"] for record in records) == [200] * len(urls)
    assert len(list((tmp_path / "files").iterdir())) == len(urls)


@ends_by_a_signal
def test_fetching_is_interrupted_in_order(system: System, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "urls").write_text(f"http://127.0.0.1:{silent.getsockname()[1]}/\n")
        command = argv("multi_fetch", tmp_path / "urls", "--grace", "0")
        with subprocess.Popen(command, env=system, stderr=subprocess.PIPE) as process:
            try:
                silent.settimeout(TIMEOUT_S)
                connection, _ = silent.accept()
                process.send_signal(signal.SIGINT)
                errors = process.communicate(timeout=TIMEOUT_S)[1]
                connection.close()
            finally:
                process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in errors


REFUSALS = [
    one
    for one in [
        ("win32", "proc_run", ["--", "true"], 125),
        ("darwin", "proc_run", ["--", "true"], 125),
        ("win32", "observe", ["--", "true"], 2),
        ("darwin", "observe", ["--", "true"], 2),
        ("win32", "observe", ["report", os.devnull], 2),
        ("win32", "release_mirror", ["status", "--dest", "none"], 2),
        ("win32", "logtools", ["tail", "-f", "--pid", "1", "none"], 2),
    ]
    if one[0] in SYSTEMS
]


@pytest.mark.parametrize(("system", "module", "arguments", "code"), REFUSALS, indirect=["system"])
def test_what_cannot_be_done_there_is_refused_in_one_line(
    system: System, module: str, arguments: list[str], code: int
) -> None:
    done = run(system, module, *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"Linux" in done.stderr or b"Windows" in done.stderr


@pytest.mark.parametrize("module", ["image_pruner", "k8s_toolbox"])
def test_clients_get_as_far_as_their_other_side(
    system: System, module: str, tmp_path: Path
) -> None:
    system |= {"DOCKER_HOST": "tcp://127.0.0.1:9", "KUBECONFIG": str(tmp_path / "none")}
    done = run(system, module, *(["pods"] if module == "k8s_toolbox" else []))
    assert done.returncode in {2, 69}
    assert done.stderr.count(b"\n") == 1
    assert b"internal error" not in done.stderr
