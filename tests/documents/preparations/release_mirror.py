"""The README of release-mirror: pip, TLS in front of a served mirror, and clients of GitHub."""

import subprocess
from pathlib import Path

from tests.documents.installing import add_pip
from tests.documents.world import World
from tests.support.nginx import free_port, proxying


def prepare(world: World) -> None:
    """Make them; the ports that the document takes for free may be taken here."""
    world.needs("curl", "gh", "nginx", "openssl", "sha256sum")
    add_pip(world)
    port, public, tls = free_port(), free_port(), free_port()
    world.names |= {
        "release-mirror serve --dest": f"release-mirror serve --listen 127.0.0.1:{port} --dest",
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "127.0.0.1:8081": f"127.0.0.1:{public}",
        "mirror.example": f"127.0.0.1:{tls}",
    }
    pem = _certificate(world.root / "server.pem")
    world.say(SSL_CERT_FILE=str(pem))
    world.stack.enter_context(proxying(f"http://127.0.0.1:{public}", port=tls, pem=pem))


def _certificate(pem: Path) -> Path:
    """Make a key and a certificate for loopback, in one file."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pem)]
    names = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-days", "2"]
    made = subprocess.run(
        ["openssl", "req", "-x509", *key, *names, *leaf], capture_output=True, check=True
    )
    with pem.open("ab") as file:
        file.write(made.stdout)
    return pem
