"""Secrets that a test plants, and the search for them in all that a command leaves behind.

    found = planted(tmp_path, "gh_releases", "o/r", GH_TOKEN=TOKEN)
    assert found.leaks() == []

A secret is looked for as it is, in base64 at any offset, URL-encoded, and again in what remains
without white space, quotes, escapes and separators: so that none hides in two lines or columns.
"""

import json
import re
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

from tests.support.commands import Finished, argv, environment

TOKEN = "ghp-9sQzW4t0ken7Kx2L"
PASSWORD = "Jq7/x+Z9@hk:wpQ5"
SIGNATURE = "5a9f3c7be1d24608cafe"

ALL = (TOKEN, PASSWORD, SIGNATURE)
SIGNED = f"X-Amz-Expires=300&X-Amz-Signature={SIGNATURE}"

PATIENCE_S = 60
MIN_PART = 8  # letters of base64 that say enough to be no accident
_NOISE = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[nrt]|[\s\"'\\,|;\x00]|\x1b\[[0-9;]*m")


def login(url: str, password: str = PASSWORD, *, user: str = "m4ry") -> str:
    """Return a URL into which a user and a password were written."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{quote(password, safe='')}@{rest}"


def forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written."""
    yield secret
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1])
    for before in range(3):
        data = bytes(before) + secret.encode()
        first, last = -(-before * 8 // 6), len(data) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            part = encode(data).decode()[first:last]
            assert len(part) >= MIN_PART
            yield part


def leaks_in(text: str, secrets: Sequence[str] = ALL) -> list[str]:
    """Return the secrets that a text tells."""
    views = {text, unquote(text), text.lower(), *_squeezed(text)}
    return [
        secret
        for secret in secrets
        if any(form in view for form in {*forms(secret), secret.lower()} for view in views)
    ]


def _squeezed(text: str) -> Iterator[str]:
    """Yield a text without what may stand between two parts of a secret."""
    yield _NOISE.sub("", text)
    yield _NOISE.sub("", unquote(text))
    rows = [re.split(r"[\t,]", line) for line in text.splitlines()]
    for column in range(max(map(len, rows), default=0)):  # one below the other
        yield "".join(row[column].strip("\"' ") for row in rows if len(row) > column)
    with suppress(ValueError, AttributeError, TypeError):  # no lines of JSON objects
        records = [json.loads(line) for line in text.splitlines()]
        for name in {name for record in records for name in record}:
            yield "".join(str(record.get(name, "")) for record in records)


@dataclass(frozen=True, kw_only=True)
class Left(Finished):
    """What a command left behind: its output, its log and files."""

    log: str
    files: dict[str, str]

    def leaks(self, *, but: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return where a secret is told, and which; `but` names files that may have them."""
        places = {"stdout": self.stdout, "stderr": self.stderr, "log": self.log}
        places |= {name: text for name, text in self.files.items() if name not in but}
        places |= {f"the name of {name}": name for name in self.files}
        return [(place, secret) for place, text in places.items() for secret in leaks_in(text)]


def planted(
    folder: Path, module: str, *arguments: object, stdin: str = "", **settings: str
) -> Left:
    """Run a command in a folder and a home of its own, with its log in a file.

    Args:
        folder: what it writes is expected below `folder/work`.
        module: the command's.
        arguments: its own.
        stdin: what it reads.
        settings: variables of its environment; one with a dash is an ordinary secret's.
    """
    work, log = folder / "work", folder / "log"
    work.mkdir(exist_ok=True)
    usual = {"HOME": str(work), "XDG_CACHE_HOME": str(work / "cache"), "TOOLROLL_LOG": str(log)}
    done = subprocess.run(
        argv(module, *arguments),
        cwd=work,
        env=environment({**usual, "GH_TOKEN": TOKEN, "TOOLROLL_TRACEBACK": "1", **settings}),
        input=stdin,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=PATIENCE_S,
        check=False,
    )
    found = {path: path.read_text("latin-1") for path in work.rglob("*") if path.is_file()}
    return Left(
        code=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
        log=log.read_text() if log.exists() else "",
        files={path.relative_to(work).as_posix(): text for path, text in found.items()},
    )
