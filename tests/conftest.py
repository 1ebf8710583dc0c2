"""What every test gets: a clean environment, and a stand-in for GitHub if it asks for one."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.github import GitHub
from tests.support.github_data import Repository

NO_SKIP = bool(os.environ.get("TOOLROLL_NO_SKIP"))
"""Set where everything that a test may need is installed, so that no check is lost unseen."""

_OURS = ("DOCKER_", "GH_", "GITHUB_", "KUBE", "POD_NAMESPACE", "TOOLROLL_", "XDG_")
_EVERYBODYS = {
    "columns",
    "force_color",
    "lines",
    "no_color",
    "pythonunbuffered",  # it hides what a last flush does
    "traceparent",
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where nothing may be skipped."""
    report = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Remove what would change how our commands behave: tokens, proxies, settings, caches."""
    for name in os.environ:
        foreign = name.lower().endswith("_proxy") or name.lower() in _EVERYBODYS
        if foreign or name.startswith(_OURS):
            monkeypatch.delenv(name)
    # Loopback needs no certificates, and loading the system's takes longer than most tests.
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    # A command that runs others, or a shell, finds ours without an activated environment, too.
    commands = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path_factory.getbasetemp() / os.urandom(8).hex()))


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A stand-in that knows the token `t0ken-s3cret`, and nothing else yet."""
    with GitHub(token="t0ken-s3cret") as server:
        yield server


@pytest.fixture
def repo(github: GitHub) -> Repository:
    """octo/tool, without releases yet."""
    return github.add_repository("octo/tool")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a fresh self-signed certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which makes the certificate")
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pem)]
    names = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-days", "2"]
    request = ["openssl", "req", "-x509", *key, *names, *leaf, "-out", str(pem.with_suffix(".crt"))]
    subprocess.run(request, check=True, capture_output=True)
    with pem.open("ab") as file:
        file.write(pem.with_suffix(".crt").read_bytes())
    return pem


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted_tls(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """The same, with a certificate that this machine trusts during the test."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    return tls
