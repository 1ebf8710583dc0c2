"""Single files do what the installed commands do, on a Python that has nothing else."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from pwd import getpwuid

import pytest
from packing.zipapps import build

from tests.packing.shelf import BARE, Shelf
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.layout import COMMANDS, ROOT, SHARED, TOOLS

VERSION = SHARED.project["version"]
TIMEOUT_S = 60


def run(
    shelf: Shelf,
    command: str,
    *arguments: object,
    stdin: bytes = b"",
    settings: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command's file on a bare Python, unpacked where all tests have it."""
    return subprocess.run(
        [*BARE, shelf.file(command), *map(str, arguments)],
        env={**os.environ, "XDG_CACHE_HOME": str(shelf.cache()), **(settings or {})},
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def published(github: GitHub, repo: Repository) -> str:
    """A stand-in's URL; it has one release with one asset."""
    repo.add_release("v1.0").add_asset("tool.tar.gz", b"the bytes")
    return github.api_url


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_says_its_version_and_its_help_on_a_bare_python(shelf: Shelf, command: str) -> None:
    version = run(shelf, command, "--version")
    assert (version.stdout.decode(), version.stderr) == (f"{command} {VERSION}\n", b"")
    shown = run(shelf, command, "--help")
    assert (shown.returncode, shown.stderr) == (0, b"")
    installed = Path(sys.executable).with_name(command)
    assert (
        shown.stdout
        == subprocess.run([installed, "--help"], check=False, capture_output=True).stdout
    )


def test_wc_lite_is_run_as_a_program_of_its_own(shelf: Shelf) -> None:
    done = subprocess.run(
        [shelf.file("wc-lite")], input=b"one two\n", check=False, capture_output=True
    )
    assert (done.stdout.split(), done.stderr) == ([b"1", b"2", b"8"], b"")


def test_contains_finds_and_normalize_mends(shelf: Shelf) -> None:
    assert run(shelf, "contains", "-", "STRASSE", "-i", stdin="Straße".encode()).returncode == 0
    assert run(shelf, "normalize", "-", "--to", "lf", stdin=b"a\r\nb\r\n").stdout == b"a\nb\n"


def test_logtools_greps_in_a_pipe(shelf: Shelf) -> None:
    done = run(shelf, "logtools", "grep", "ERROR", stdin=b"INFO a\nERROR b\n")
    assert (done.stdout, done.returncode) == (b"ERROR b\n", 0)


def test_proc_run_limits_and_observe_counts_a_command(shelf: Shelf, tmp_path: Path) -> None:
    limited = run(shelf, "proc-run", "--timeout", "0.1s", "--", "sleep", "60")
    assert limited.returncode == 124
    counts = tmp_path / "counts.prom"
    assert run(shelf, "observe", "--textfile", counts, "--", "true").returncode == 0
    assert "toolroll_" in counts.read_text()


def test_gh_releases_lists_and_artifact_index_keeps(
    shelf: Shelf, published: str, tmp_path: Path
) -> None:
    where = {"GITHUB_API_URL": published, "GH_TOKEN": "t0ken-s3cret"}
    assert b"v1.0" in run(shelf, "gh-releases", "octo/tool", settings=where).stdout
    kept = run(shelf, "artifact-index", "octo/tool", "--db", tmp_path / "index", settings=where)
    assert (kept.returncode, (tmp_path / "index").read_bytes()[:6]) == (0, b"SQLite")


def test_release_mirror_mirrors_and_its_server_is_in_the_file(
    shelf: Shelf, published: str, tmp_path: Path
) -> None:
    where = {"GITHUB_API_URL": published, "GH_TOKEN": "t0ken-s3cret"}
    done = run(shelf, "release-mirror", "octo/tool", "--dest", tmp_path / "mirror", settings=where)
    assert (done.returncode, done.stderr) == (0, b"")
    mirrored = tmp_path / "mirror/octo/tool/v1.0/tool.tar.gz"
    assert mirrored.read_bytes() == b"the bytes"
    taken = run(shelf, "release-mirror", "serve", "--dest", tmp_path / "mirror", "--listen", "1:1")
    assert b"extra" not in taken.stderr


def test_multi_fetch_fetches(shelf: Shelf, published: str) -> None:
    done = run(
        shelf,
        "multi-fetch",
        "-",
        "--ndjson",
        stdin=f"{published}/repos/octo/tool/releases\n".encode(),
    )
    assert b'"status": 200' in done.stdout


def test_clients_of_daemons_and_clusters_load_what_they_need(shelf: Shelf, tmp_path: Path) -> None:
    no_daemon = run(shelf, "image-pruner", settings={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert no_daemon.returncode == 69, no_daemon.stderr
    cluster = "[{name: a, cluster: {server: 'http://127.0.0.1:9'}}]"
    context = "[{name: a, context: {cluster: a, user: a}}]"
    config = tmp_path / "config"
    config.write_text(
        f"{{apiVersion: v1, kind: Config, current-context: a, clusters: {cluster}, "
        f"contexts: {context}, users: [{{name: a, user: {{}}}}]}}"
    )
    no_cluster = run(shelf, "k8s-toolbox", "pods", settings={"KUBECONFIG": str(config)})
    assert no_cluster.returncode == 69, no_cluster.stderr


def test_a_second_start_loads_nothing_that_unpacks(shelf: Shelf) -> None:
    run(shelf, "wc-lite", "--version")
    done = subprocess.run(
        [*BARE, "-X", "importtime", shelf.file("wc-lite"), "--help"],
        env={**os.environ, "XDG_CACHE_HOME": str(shelf.cache())},
        check=False,
        capture_output=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert {"single_file.start", "argparse"} <= loaded
    heavy = {"single_file.unpack", "zipfile", "tempfile", "shutil", "pathlib", "typing", "json"}
    assert loaded & heavy == set()


@pytest.mark.parametrize("name", ["proc-run", "text-utils"])
def test_two_builds_are_the_same_to_the_byte(shelf: Shelf, name: str, tmp_path: Path) -> None:
    (tool,) = [tool for tool in TOOLS if tool.name == name]
    before = os.umask(0o077)
    try:
        again = build(tool, shelf.dist(), tmp_path)
    finally:
        os.umask(before)
    assert len(again) == len(tool.scripts)
    for command, path in zip(sorted(tool.scripts), sorted(again), strict=True):
        assert path.read_bytes() == shelf.file(command).read_bytes()


def test_a_file_tells_nothing_of_where_it_was_built(shelf: Shelf) -> None:
    with zipfile.ZipFile(shelf.file("wc-lite")) as outer:
        texts = [outer.read(name) for name in outer.namelist() if name != "contents.zip"]
        with zipfile.ZipFile(io.BytesIO(outer.read("contents.zip"))) as inner:
            texts += [inner.read(name) for name in inner.namelist()]
    assert len(texts) > len(list(SHARED.package.glob("*.py")))
    assert not any(str(place).encode() in text for place in (ROOT, shelf.root) for text in texts)


def other_pythons() -> list[str]:
    """Return Pythons of other versions, as far as this machine has some (HOME is another)."""
    found = [shutil.which(f"python3.{minor}") for minor in range(6, 16)]
    found += [
        str(path)
        for path in Path(getpwuid(os.getuid()).pw_dir).glob(".pyenv/versions/3.*/bin/python3")
    ]
    ours = f"python3.{sys.version_info.minor}"
    return [one for one in found if one and ours not in one and f"/{ours[6:]}." not in one]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", ["wc-lite", "proc-run"])
def test_another_python_runs_the_file_or_is_told_which_one_would(
    shelf: Shelf, command: str
) -> None:
    tried = 0
    for python in other_pythons():
        which = [python, "-c", "import sys; print(*sys.version_info[:2])"]
        told = subprocess.run(which, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
        if told.returncode or tuple(map(int, told.stdout.split())) == sys.version_info[:2]:
            continue  # pyenv's stand-in for one that is not there
        major, minor = map(int, told.stdout.split())
        done = subprocess.run(
            [python, shelf.file(command), "--version"], check=False, capture_output=True, text=True
        )
        if command == "proc-run" and (major, minor) >= (3, 11):
            assert (done.stdout, done.stderr) == (f"proc-run {VERSION}\n", "")
        else:
            assert (done.returncode, done.stdout) == (125 if command == "proc-run" else 2, "")
            assert done.stderr.startswith(f"{command}: ")
            assert done.stderr.count("\n") == 1
        tried += 1
    if not tried:
        pytest.skip("needs a Python of another version")
