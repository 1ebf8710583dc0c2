"""Which daemon is meant: as docker's own command decides it, and never the default by mistake."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from pwd import getpwuid

import pytest

from image_pruner.endpoints import DEFAULT_HOST, Endpoint, _home, find_endpoint
from tests.image_pruner.conftest import Prune
from tests.image_pruner.standin import standing_in
from tests.support.commands import run
from toolroll_shared.errors import UsageError

A, B, C, D = (f"unix:///nowhere/{name}" for name in "abcd")


@pytest.fixture
def folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's folder of settings, with a context `two` at B and a context `three` at C."""
    place = here / ".docker"
    monkeypatch.setenv("DOCKER_CONFIG", str(place))
    make_context(place, "two", {"Host": B})
    make_context(place, "three", {"Host": C})
    return place


def make_context(folder: Path, name: str, endpoint: object) -> Path:
    """Write what `docker context create` writes; the folder for its certificates."""
    key = sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return folder / "contexts" / "tls" / key / "docker"


def use(folder: Path, name: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))


def found(environ: Mapping[str, str], *options: str) -> Endpoint:
    given = dict(zip(options[::2], options[1::2], strict=True))
    return find_endpoint(environ, host=given.get("--host"), context=given.get("--context"))


IS_SERVED = Path(DEFAULT_HOST.removeprefix("unix://")).exists()
"""Whether this machine has a daemon of its own."""


def docker_goes_to(options: tuple[str, ...]) -> str:
    """Return where docker's own command looks for its daemon, from its complaint."""
    program = shutil.which("docker")
    if program is None:
        pytest.skip("needs docker's own command")
    command = [program, *options, "version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    _, _, rest = done.stderr.partition("daemon at ")
    assert rest, done.stderr
    return rest.partition(". Is the docker daemon running?")[0]


WHO_WINS = [
    ({}, None, (), DEFAULT_HOST),
    ({"DOCKER_HOST": A}, None, (), A),
    ({"DOCKER_HOST": A}, "two", (), A),
    ({"DOCKER_HOST": A, "DOCKER_CONTEXT": "two"}, None, (), A),
    ({"DOCKER_HOST": A, "DOCKER_CONTEXT": "nope"}, None, (), A),
    ({"DOCKER_CONTEXT": "two"}, "three", (), B),
    ({"DOCKER_CONTEXT": "default"}, "three", (), DEFAULT_HOST),
    ({}, "three", (), C),
    ({}, "default", (), DEFAULT_HOST),
    ({}, "", (), DEFAULT_HOST),
    ({"DOCKER_HOST": ""}, "two", (), B),
    ({"DOCKER_HOST": "", "DOCKER_CONTEXT": ""}, None, (), DEFAULT_HOST),
    ({"DOCKER_HOST": A, "DOCKER_CONTEXT": "two"}, "three", ("--host", D), D),
    ({"DOCKER_HOST": A}, "three", ("--context", "two"), B),
    ({"DOCKER_HOST": A}, "three", ("--context", "default"), A),
    ({}, "three", ("--context", "default"), DEFAULT_HOST),
    ({"DOCKER_HOST": "unix:///nowhere/with a space"}, None, (), "unix:///nowhere/with a space"),
    ({"DOCKER_HOST": "tcp://[::1]:1"}, None, (), "tcp://[::1]:1"),
    ({"DOCKER_HOST": "127.0.0.1:1"}, None, (), "tcp://127.0.0.1:1"),
    ({"DOCKER_HOST": "[::1]:1"}, None, (), "tcp://[::1]:1"),
]


@pytest.mark.parametrize(("environ", "current", "options", "expected"), WHO_WINS)
def test_the_daemon_is_that_of_dockers_own_command(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: Mapping[str, str],
    current: str | None,
    options: tuple[str, ...],
    expected: str,
) -> None:
    if current is not None:
        use(folder, current)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert found(os.environ, *options).host == expected
    if not (expected == DEFAULT_HOST and IS_SERVED):  # docker would not complain there
        assert docker_goes_to(options) == expected


def test_who_says_where_the_daemon_is_gets_named(folder: Path) -> None:
    use(folder, "two")
    config = {"DOCKER_CONFIG": str(folder)}
    assert found(config).origin == "context two"
    assert found({**config, "DOCKER_HOST": A}).origin == "DOCKER_HOST"
    assert found({**config, "DOCKER_HOST": A}, "--host", D).origin == "--host"
    assert found({"HOME": "/nowhere"}).origin == "the default"


def test_a_path_alone_is_a_socket() -> None:
    assert found({}, "--host", "/run/docker.sock").host == "unix:///run/docker.sock"


@pytest.mark.usefixtures("folder")
def test_host_and_context_together_are_a_mistake(prune: Prune) -> None:
    done = prune("--host", A, "--context", "two")
    assert done.code == 2
    assert "--host and --context" in done.stderr


def test_an_empty_host_is_a_mistake_and_not_the_next_best_daemon(
    prune: Prune, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", A)
    done = prune("--host", "")
    assert done.code == 2
    assert "--host: it is empty" in done.stderr


@pytest.mark.parametrize("how", ["--context", "DOCKER_CONTEXT", "currentContext"])
def test_an_unknown_context_is_a_mistake_and_never_the_default(
    folder: Path, prune: Prune, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "DOCKER_CONTEXT":
        monkeypatch.setenv("DOCKER_CONTEXT", "nope")
    if how == "currentContext":
        use(folder, "nope")
    done = prune(*(["--context", "nope"] if how == "--context" else []))
    assert done.code == 2
    assert "there is no context 'nope' (see 'docker context ls')" in done.stderr
    assert (str(folder / "config.json") if how == "currentContext" else how) in done.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["../two", "two/", "TWO", "\x1b[31m", "tw\0o", "é"])
def test_no_name_of_a_context_leads_elsewhere(prune: Prune, name: str) -> None:
    done = prune("--context", name)
    assert done.code == 2
    assert "there is no context" in done.stderr
    assert "\x1b" not in done.stderr


BROKEN = {
    "nothing": b"",
    "no JSON": b"{broken",
    "no text": b"\xff\xfe\x00",
    "no object": b"[]",
    "null": b"null",
    "no endpoints": b'{"Name": "two"}',
    "endpoints of Kubernetes only": b'{"Endpoints": {"kubernetes": {"Host": "x"}}}',
    "endpoints in a list": b'{"Endpoints": [1]}',
    "docker is a text": b'{"Endpoints": {"docker": "x"}}',
    "docker is nothing": b'{"Endpoints": {"docker": null}}',
    "no host": b'{"Endpoints": {"docker": {}}}',
    "host is empty": b'{"Endpoints": {"docker": {"Host": ""}}}',
    "host is a number": b'{"Endpoints": {"docker": {"Host": 5}}}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_damaged_context_is_named_and_never_the_default(
    folder: Path, prune: Prune, content: bytes
) -> None:
    (meta,) = (one for one in folder.rglob("meta.json") if B in one.read_text())
    meta.write_bytes(content)
    done = prune("--context", "two")
    assert done.code == 2, done.stderr
    assert str(meta) in done.stderr or "context two" in done.stderr


@pytest.mark.parametrize("content", [b"{broken", b"[]", b"\xff", b'{"currentContext": 5}', b""])
def test_damaged_settings_are_named_and_never_the_default(
    folder: Path, prune: Prune, content: bytes
) -> None:
    (folder / "config.json").write_bytes(content)
    done = prune()
    assert done.code == 2, done.stderr
    assert str(folder / "config.json") in done.stderr


def test_damaged_settings_do_not_matter_where_the_daemon_is_given(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"{broken")
    assert found({"DOCKER_CONFIG": str(folder), "DOCKER_HOST": A}).host == A
    assert found({"DOCKER_CONFIG": str(folder)}, "--context", "two").host == B


def test_settings_that_cannot_be_read_are_named(folder: Path, prune: Prune) -> None:
    (folder / "config.json").mkdir()
    done = prune()
    assert done.code == 2
    assert f"{folder / 'config.json'}: Is a directory" in done.stderr


@pytest.mark.parametrize("host", ["ftp://host:1", "fd://", "host", "npipe:////./pipe/x", ":1", " "])
def test_an_address_of_another_kind_is_a_mistake(prune: Prune, host: str) -> None:
    done = prune("--host", host)
    assert done.code == 2
    assert "not one of unix://, tcp://" in done.stderr


@pytest.mark.parametrize("host", ["tcp://", "tcp://host", "tcp://host:port", "unix:///a?b"])
def test_an_address_that_is_none_is_a_mistake(prune: Prune, host: str) -> None:
    done = prune("--host", host)
    assert done.code == 2
    shown = host.replace("?b", "?...")  # as if it were a query
    assert f"the daemon at {shown} (--host): " in done.stderr


def test_without_home_it_is_that_of_the_user() -> None:
    home = Path(getpwuid(os.getuid()).pw_dir)
    assert [_home({}), _home({"HOME": ""}), _home({"HOME": "/x"})] == [home, home, Path("/x")]


def test_it_runs_without_home(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    with standing_in(here / "socket") as daemon:
        done = run("image_pruner", DOCKER_HOST=daemon.host)
    assert done.code == 0, done.stderr


@pytest.fixture
def certificates(here: Path) -> Path:
    place = here / "certificates"
    place.mkdir()
    for name in ("ca", "cert", "key"):
        (place / f"{name}.pem").touch()
    return place


def test_tls_is_asked_for_by_the_environment(certificates: Path) -> None:
    place = {"DOCKER_HOST": "tcp://host:1", "DOCKER_CERT_PATH": str(certificates)}
    assert found(place).tls is None
    verified = found({**place, "DOCKER_TLS_VERIFY": "1"}).tls
    assert verified
    assert verified.verify
    assert verified.key == certificates / "key.pem"
    unverified = found({**place, "DOCKER_TLS": "1"}).tls
    assert unverified
    assert not unverified.verify
    assert found({**place, "DOCKER_HOST": A, "DOCKER_TLS_VERIFY": "1"}).tls is None


def test_tls_without_an_address_goes_where_docker_goes(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    endpoint = found(os.environ)
    assert endpoint.host == "tcp://localhost:2376"
    assert endpoint.tls


def test_a_certificate_without_its_key_is_a_mistake(certificates: Path) -> None:
    (certificates / "key.pem").unlink()
    with pytest.raises(UsageError, match=r"cert\.pem and key\.pem belong together"):
        found(
            {
                "DOCKER_HOST": "tcp://host:1",
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": str(certificates),
            }
        )


def test_a_folder_without_an_authority_is_a_mistake(here: Path) -> None:
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(here)}
    with pytest.raises(UsageError, match=r"there is no ca\.pem"):
        found({"DOCKER_HOST": "tcp://host:1", **environ})


def test_a_context_brings_its_own_certificates_and_takes_none_of_the_environment(
    folder: Path, certificates: Path
) -> None:
    files = make_context(folder, "far", {"Host": "tcp://far:1"})
    environ = {"DOCKER_CONFIG": str(folder), "DOCKER_TLS_VERIFY": "1"}
    environ["DOCKER_CERT_PATH"] = str(certificates)
    assert found(environ, "--context", "far").tls is None
    shutil.copytree(certificates, files)
    tls = found(environ, "--context", "far").tls
    assert tls
    assert tls.verify
    assert tls.authority == files / "ca.pem"


def test_a_context_may_do_without_verification_and_speaks_tls_all_the_same(folder: Path) -> None:
    make_context(folder, "far", {"Host": "tcp://far:1", "SkipTLSVerify": True})
    tls = found({"DOCKER_CONFIG": str(folder)}, "--context", "far").tls
    assert tls
    assert not tls.verify
    assert tls.authority is None


def test_a_context_that_docker_made_is_understood(
    here: Path, monkeypatch: pytest.MonkeyPatch, prune: Prune
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(here / "settings"))
    program = shutil.which("docker")
    if program is None:
        pytest.skip("needs docker's own command")
    with standing_in(here / "a socket") as daemon:
        create = ["context", "create", "near", "--docker", f"host={daemon.host}"]
        for words in (create, ["context", "use", "near"]):
            subprocess.run([program, *words], check=True, capture_output=True, timeout=30)
        assert prune("--context", "near").code == 0
        assert prune().code == 0
        assert daemon.asked
