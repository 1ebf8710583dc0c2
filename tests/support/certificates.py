"""Certificates for TLS with a daemon, made with openssl: an authority, and what it signs."""

import subprocess
from pathlib import Path

import pytest

from tests.support.docker import needs

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """An authority of our own, whose files are in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._program = needs("openssl")
        self._folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.pem"
        names = ["-subj", f"/CN={folder.name}", "-keyout", str(folder / "ca.key")]
        constraint = ["-addext", "basicConstraints=critical,CA:TRUE"]
        out = ["-days", "2", "-out", str(self.certificate)]
        self._run("req", "-x509", *_KEY, *names, *constraint, *out)

    def client(self, name: str, *, days: int = 2) -> Path:
        """Return a folder with the files of a client, as DOCKER_CERT_PATH takes it."""
        folder = self._folder / name
        folder.mkdir()
        self._sign(folder / "cert.pem", folder / "key.pem", "clientAuth", days=days)
        (folder / "ca.pem").write_bytes(self.certificate.read_bytes())
        return folder

    def server(self, name: str, *, san: str = "IP:127.0.0.1", days: int = 2) -> tuple[Path, Path]:
        """Return a server's certificate and its key."""
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        more = f"subjectAltName={san}\n"
        self._sign(certificate, key, "serverAuth", more, days=days)
        return certificate, key

    def _sign(self, certificate: Path, key: Path, usage: str, more: str = "", *, days: int) -> None:
        request = certificate.with_suffix(".csr")
        extensions = certificate.with_suffix(".ext")
        extensions.write_text(f"extendedKeyUsage={usage}\n{more}")
        subject = ["-subj", f"/CN={usage}", "-keyout", str(key), "-out", str(request)]
        self._run("req", "-new", *_KEY, *subject)
        by = ["-CA", str(self.certificate), "-CAkey", str(self._folder / "ca.key")]
        what = ["-in", str(request), "-extfile", str(extensions), "-out", str(certificate)]
        self._run("x509", "-req", *what, *by, "-CAcreateserial", "-days", str(days))

    def _run(self, *words: str) -> None:
        done = subprocess.run([self._program, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(done.stderr)
