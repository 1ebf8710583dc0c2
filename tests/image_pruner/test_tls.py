"""A daemon behind TLS: it works, or it is said which file does not do."""

import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image_pruner.conftest import Prune
from tests.image_pruner.standin import standing_in
from tests.support.certificates import Authority
from tests.support.commands import run
from tests.support.docker import dockerd


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that our daemon does not know."""
    return Authority(tmp_path_factory.mktemp("tls") / "stranger")


@pytest.fixture(scope="session")
def tls_port(authority: Authority) -> Iterator[int]:
    """The port of a dockerd that speaks TLS, and wants to see a certificate."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    certificate, key = authority.server("daemon")
    files = [f"--tlscacert={authority.certificate}", f"--tlscert={certificate}", f"--tlskey={key}"]
    with dockerd(f"--host=tcp://127.0.0.1:{port}", "--tlsverify", *files):
        yield port


class Tls:
    """Runs image-pruner on that daemon, with files for TLS."""

    def __init__(self, prune: Prune, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self._prune, self._monkeypatch, self.port = prune, monkeypatch, port

    def __call__(self, files: Path | None, host: str = "127.0.0.1") -> tuple[int, str]:
        self._monkeypatch.setenv("DOCKER_HOST", f"tcp://{host}:{self.port}")
        if files:
            self._monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
            self._monkeypatch.setenv("DOCKER_CERT_PATH", str(files))
        done = self._prune()
        return done.code, done.stderr


@pytest.fixture
def with_tls(prune: Prune, monkeypatch: pytest.MonkeyPatch, tls_port: int, here: Path) -> Tls:
    del here
    return Tls(prune, monkeypatch, tls_port)


@pytest.fixture
def files(authority: Authority) -> Path:
    """The files of a client that the daemon knows."""
    return authority.client(os.urandom(4).hex())


def test_tls_with_the_files_that_belong_to_it_works(with_tls: Tls, files: Path) -> None:
    code, message = with_tls(files)
    assert code == 0, message


def test_without_tls_it_is_said_how_to_ask_for_it(with_tls: Tls) -> None:
    code, message = with_tls(None)
    assert code == 69
    assert "wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH" in message


def test_a_daemon_of_another_authority_is_not_trusted(
    with_tls: Tls, files: Path, stranger: Authority
) -> None:
    (files / "ca.pem").write_bytes(stranger.certificate.read_bytes())
    code, message = with_tls(files)
    assert code == 69
    assert "TLS failed: ca.pem is not who signed its certificate" in message


@pytest.mark.parametrize("lack", ["none", "expired", "foreign"])
def test_a_client_whose_certificate_does_not_do_is_told(
    with_tls: Tls, files: Path, authority: Authority, stranger: Authority, lack: str
) -> None:
    if lack == "none":
        (files / "cert.pem").unlink()
        (files / "key.pem").unlink()
    if lack == "expired":
        files = authority.client("expired", days=-1)
    if lack == "foreign":
        files = stranger.client("foreign")
        (files / "ca.pem").write_bytes(authority.certificate.read_bytes())
    code, message = with_tls(files)
    assert code == 69
    assert "it does not take our cert.pem: not there, expired, or signed by another" in message


def test_a_daemon_by_another_name_is_not_trusted(with_tls: Tls, files: Path) -> None:
    code, message = with_tls(files, host="localhost")
    assert code == 69
    assert "TLS failed: Hostname mismatch" in message


def test_a_certificate_without_its_key_is_a_mistake(with_tls: Tls, files: Path) -> None:
    (files / "key.pem").unlink()
    code, message = with_tls(files)
    assert code == 2
    assert "cert.pem and key.pem belong together, and one is missing" in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cert.pem", "cert.pem or key.pem is not what its name says"),
        ("ca.pem", "ca.pem has no certificate"),
    ],
)
def test_a_damaged_file_is_named(with_tls: Tls, files: Path, name: str, message: str) -> None:
    (files / name).write_text("rubbish")
    code, told = with_tls(files)
    assert code == 69
    assert message in told


def test_another_ones_key_is_told(with_tls: Tls, files: Path, authority: Authority) -> None:
    (files / "key.pem").write_bytes((authority.client("another") / "key.pem").read_bytes())
    code, message = with_tls(files)
    assert code == 69
    assert "key.pem is not the key of cert.pem" in message


def test_a_daemon_with_an_expired_certificate_is_not_trusted(
    prune: Prune, monkeypatch: pytest.MonkeyPatch, authority: Authority, files: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server("old", days=-1))
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(files))
    with standing_in(None, tls=context) as daemon:
        done = prune("--host", daemon.host)
    assert done.code == 69
    assert "TLS failed: certificate has expired" in done.stderr


def test_tls_with_a_daemon_that_speaks_none_is_told(
    prune: Prune, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(files))
    with standing_in(None) as daemon:
        done = prune("--host", daemon.host)
    assert done.code == 69
    assert "TLS failed: it does not speak TLS there" in done.stderr


def test_without_verification_no_library_complains(with_tls: Tls, files: Path) -> None:
    host = f"tcp://127.0.0.1:{with_tls.port}"
    done = run("image_pruner", DOCKER_HOST=host, DOCKER_TLS="1", DOCKER_CERT_PATH=str(files))
    assert done.code == 0
    assert done.stderr == "image-pruner: nothing to delete among 0 images\n"
