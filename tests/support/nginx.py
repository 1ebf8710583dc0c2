"""An nginx of our own: one worker on a loopback port, serving a folder, logging nothing."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 10.0
ECHO = "/usr/lib/nginx/modules/ngx_http_echo_module.so"  # Debian's libnginx-mod-http-echo
CONFIG = """
{modules}
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
        location = /status {{ stub_status; }}
        location /any/ {{ rewrite ^ /any break; }}
        {late}
        {rules}
    }}
}}
"""
LATE = "location ~ ^/late(/.*) {{ echo_sleep {seconds}; echo_exec $1; }}"


class Nginx:
    """The address of a server that runs, and what it has done.

    Every URL below `/any/` answers with the file `any` of the folder.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def requests(self) -> int:
        """Return how many requests it has answered so far, those to this method left out."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=START_S) as answer:
            text = answer.read().decode()
        numbers = re.search(r"\n *[0-9]+ +[0-9]+ +([0-9]+) *\n", text)
        assert numbers, text
        self._asked = getattr(self, "_asked", 0) + 1
        return int(numbers[1]) - self._asked


@contextmanager
def serving(root: Path, *, late_s: float = 0.0, rules: str = "") -> Iterator[Nginx]:
    """Serve a folder.

    Args:
        root: what nginx' unprivileged worker must be able to read.
        late_s: how much later the same is served below `/late/`; it needs nginx' echo module.
        rules: further directives of the server, in nginx' own words.
    """
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with tempfile.TemporaryDirectory() as name:
        prefix = Path(name)
        prefix.chmod(0o755)
        config = prefix / "nginx.conf"
        port = free_port()
        parts = {
            "modules": f"load_module {ECHO};" if late_s or "echo_" in rules else "",
            "late": LATE.format(seconds=late_s) if late_s else "",
            "rules": rules,
        }
        config.write_text(CONFIG.format(prefix=prefix, port=port, root=root, **parts))
        server = subprocess.Popen([program, "-p", name, "-c", str(config), "-e", "stderr"])
        try:
            _wait_for(server, port)
            yield Nginx(port)
        finally:
            server.terminate()
            server.wait()


PROXY = """
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log stderr error;
events {{ worker_connections 100; }}
http {{
    access_log off;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {pem};
        ssl_certificate_key {pem};
        location / {{ proxy_pass {url}; }}
    }}
}}
"""


@contextmanager
def proxying(url: str, *, port: int, pem: Path) -> Iterator[None]:
    """Put TLS in front of a server, on a port of loopback; `pem` holds key and certificate."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with tempfile.TemporaryDirectory() as prefix:
        config = Path(prefix) / "nginx.conf"
        config.write_text(PROXY.format(prefix=prefix, port=port, pem=pem, url=url))
        server = subprocess.Popen([program, "-p", prefix, "-c", str(config), "-e", "stderr"])
        try:
            _wait_for(server, port)
            yield
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    """Return a port of loopback that nobody has at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait_for(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until it accepts connections."""
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as one:
            if not one.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.01)
    raise RuntimeError("nginx does not start")
