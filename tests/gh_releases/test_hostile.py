"""A server that means harm gets a clear refusal, in bounded time and memory."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.support.commands import argv, environment, run
from tests.support.rawserver import Answer, Connection, RawServer, Request, response, sends
from toolroll_shared.errors import Exit

MEBIBYTE = 1 << 20
MOST_MEMORY_MB = 200
"""A page at its cap of 64 MiB, what decompression adds, the interpreter, and room to spare."""

MEASURED = """
import re, sys
from gh_releases.cli import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()  # ru_maxrss begins with what the parent had
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024, file=sys.stderr)
sys.exit(code)
"""

RELEASE = (
    b'{"id":%d,"tag_name":"v","draft":false,"prerelease":false,"html_url":"",'
    b'"created_at":"2024-01-01T00:00:00Z","assets":[]}'
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def sends_blocks(blocks: Callable[[], Iterator[bytes]], **headers: str) -> Answer:
    """Answer 200 with a body in chunks, as long as the client listens."""

    def answer(connection: Connection, _request: Request) -> None:
        names = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        connection.send(f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{names}\r\n".encode())
        for block in blocks():
            connection.send(chunk(block))
        connection.send(b"0\r\n\r\n")

    return answer


def huge_page() -> Iterator[bytes]:
    yield b"["
    for _ in range(200):
        yield b" " * MEBIBYTE
    yield b"]"


def endless_page() -> Iterator[bytes]:
    yield b"["
    while True:
        yield b" " * MEBIBYTE


def dense_page() -> Iterator[bytes]:
    yield b"[" + RELEASE % 0
    for start in range(1, 1_000_000, 1000):
        yield b"".join(b"," + RELEASE % number for number in range(start, start + 1000))


def bomb() -> Iterator[bytes]:
    import zlib

    packer = zlib.compressobj(9, wbits=31)
    for _ in range(1000):
        if packed := packer.compress(b" " * MEBIBYTE):
            yield packed


def layers(count: int) -> bytes:
    """100 MB of blanks in some hundred bytes, packed over and over."""
    import gzip

    packed = b" " * (100 * MEBIBYTE)
    for _ in range(count):
        packed = gzip.compress(packed)
    return packed


def endless_headers(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.send(b"x-more: " + b"x" * 1000 + b"\r\n")


def one_page_more(connection: Connection, request: Request) -> None:
    """Pages without end, each with a release that was not there before."""
    number = int(request.target.rpartition("page=")[2]) + 1
    body = b"[" + RELEASE % number + b"]"
    connection.send(response(body, link=f'</repos/octo/tool/releases?page={number}>; rel="next"'))


def round_and_round(connection: Connection, request: Request) -> None:
    """Three pages that lead to each other."""
    number = int(request.target.rpartition("page=")[2]) % 3 + 1
    connection.send(response(b"[]", link=f'</repos/octo/tool/releases?page={number}>; rel="next"'))


def list_measured(server: RawServer) -> "subprocess.CompletedProcess[str]":
    """Run the command; the last line on stderr is its peak memory in MB."""
    return subprocess.run(
        [sys.executable, "-c", MEASURED, "octo/tool", "--api-url", server.url, "--retries=0"],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (sends_blocks(huge_page), "the answer exceeds 67108864 bytes"),
        (sends_blocks(endless_page), "the answer exceeds 67108864 bytes"),
        (sends_blocks(dense_page), "the answer exceeds 67108864 bytes"),
        (sends_blocks(bomb, content_encoding="gzip"), "the answer exceeds 67108864 bytes"),
        (
            lambda connection, _: connection.send(
                response(layers(3), content_encoding="gzip, gzip, gzip")
            ),
            "the answer is encoded as 'gzip, gzip, gzip', not asked for",
        ),
        (endless_headers, "connection failed: "),
        (one_page_more, "the pages never end; giving up"),
        (round_and_round, "the pages never end; giving up"),
    ],
    ids=[
        "a page of 200 MB",
        "a page without end",
        "a page of a million releases",
        "a bomb of 1 GB in 1 MB",
        "a bomb within bombs",
        "headers without end",
        "pages without end",
        "pages in a circle",
    ],
)
def test_too_much_of_anything_is_refused_in_bounded_memory(answer: Answer, problem: str) -> None:
    with RawServer(answer) as server:
        done = list_measured(server)
    *lines, memory = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (Exit.UNREACHABLE, "", 1)
    assert problem in lines[0]
    assert int(memory) < MOST_MEMORY_MB


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"' + b"x" * (60 * MEBIBYTE) + b'"}',
        b'{"message":"' + b"\\u001b" * (5 * MEBIBYTE) + b'"}',
        b'{"a":[' + b"[]," * (10 * MEBIBYTE) + b"[]]}",
    ],
    ids=["long", "long and evil", "deep"],
)
@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_refusal_of_any_length_is_one_short_line(body: bytes, status: int) -> None:
    with RawServer(sends(response(body, status=status))) as server:
        done = list_measured(server)
    line, memory = done.stderr.splitlines()
    assert done.returncode in {Exit.REFUSED, Exit.UNREACHABLE}
    assert len(line) < 4000
    assert int(memory) < MOST_MEMORY_MB


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (204, 69),
        (303, 69),
        (304, 69),
        (400, 77),
        (408, 69),
        (418, 77),
        (501, 69),
        (520, 69),
        (999, 69),
    ],
)
def test_any_other_status_is_a_refusal_or_makes_no_sense(status: int, code: int) -> None:
    with RawServer(sends(response(b"", status=status))) as server:
        done = run("gh_releases", "octo/tool", "--api-url", server.url, "--retries", 0)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (code, "", 1)


def test_a_page_that_drips_for_ever_is_given_up_after_the_timeout() -> None:
    dripping, limits = True, ("--retries=1", "--timeout=300ms")

    def drip(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while dripping:
            connection.send(b" ")

    with RawServer(drip) as server:
        done = subprocess.run(
            argv("gh_releases", "octo/tool", "--api-url", server.url, *limits),
            env=environment({}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        dripping = False
    assert (done.returncode, done.stdout) == (Exit.UNREACHABLE, "")
    assert done.stderr.splitlines()[-1].endswith(": no answer within 0.3 s (after 2 tries)")


@pytest.mark.parametrize("form", ["", "--json", "--ndjson", "--assets"])
def test_nothing_that_a_server_says_reaches_a_terminal_raw(form: str) -> None:
    evil = "\\u001b]0;owned\\u0007\\u009b31m\\u202e\\u0000\\n"
    asset = (
        f'{{"id":1,"name":"{evil}","size":1,"digest":"{evil}","content_type":"{evil}",'
        f'"state":"{evil}","download_count":1,"created_at":"2024-01-01T00:00:00Z",'
        f'"updated_at":"2024-01-01T00:00:00Z","url":"{evil}","browser_download_url":"{evil}"}}'
    )
    release = (
        f'[{{"id":1,"tag_name":"{evil}","name":"{evil}","draft":false,"prerelease":true,'
        f'"created_at":"2024-01-01T00:00:00Z","html_url":"{evil}","assets":[{asset}]}}]'
    )
    moved = "HTTP/1.1 301 X\r\ncontent-length: 0\r\nlocation: /moved/%1b%5b31m\x9b\r\n\r\n"

    def answer(connection: Connection, request: Request) -> None:
        is_new = request.target.startswith("/moved/")
        connection.send(response(release.encode()) if is_new else moved.encode("latin-1"))

    with RawServer(answer) as server:
        done = subprocess.run(
            argv("gh_releases", "octo/tool", "--api-url", server.url, *form.split()),
            env=environment({}),
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0
    assert "octo/tool is at /moved/" in done.stderr.decode()
    for text in (done.stdout.decode(), done.stderr.decode()):
        assert re.sub(r"[\n\t]", "", text).isprintable()
