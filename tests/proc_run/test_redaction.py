"""Secrets are in no report, message or record."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proc_run.tails import HIDDEN, Redaction, Tail
from tests.proc_run.commands import run, sh

SECRET = "hunter2-s3cret"


def test_a_secret_is_in_no_word_tail_message_or_record(tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = {"TOKEN": SECRET}
    words = sh(f"echo a{SECRET}b; echo {SECRET} >&2; exit 3")
    done = run("--json", "--log-json", log, "--secret-env", "TOKEN", *words, env=env)
    assert SECRET not in done.stdout.decode() + log.read_text()
    assert done.json["stdout_tail"] == "a***b\n"
    assert done.json["cmd"][-1] == "echo a***b; echo *** >&2; exit 3"
    done = run("--json", "--log-json", log, "--secret-env", "TOKEN", f"/no/{SECRET}", env=env)
    assert SECRET not in done.stdout.decode() + done.stderr.decode() + log.read_text()
    assert done.json["error"] == "/no/***: No such file or directory"


def test_what_is_shown_live_is_byte_exact() -> None:
    done = run("--json", "--secret-env", "TOKEN", *sh("echo $TOKEN"), env={"TOKEN": SECRET})
    assert done.stderr.decode() == f"{SECRET}\n"


def test_a_secret_may_come_from_an_env_file_and_have_white_space_around(tmp_path: Path) -> None:
    (tmp_path / "env").write_text(f'TOKEN="{SECRET}\\n"\n')
    options = ["--env-file", tmp_path / "env", "--secret-env", "TOKEN"]
    done = run("--json", *options, *sh('echo "[$TOKEN]"; echo ' + SECRET))
    assert SECRET not in done.stdout.decode()


def test_a_secret_that_is_not_there_is_an_error_and_an_empty_one_is_none(tmp_path: Path) -> None:
    done = run("--secret-env", "NO_SUCH_TOKEN", "touch", tmp_path / "ran")
    assert done.code == 125
    assert done.notes == "proc-run: --secret-env NO_SUCH_TOKEN: there is no such variable\n"
    assert not (tmp_path / "ran").exists()
    done = run("--json", "--secret-env", "EMPTY", *sh("echo abc"), env={"EMPTY": ""})
    assert done.json["stdout_tail"] == "abc\n"


def test_what_fits_a_pattern_is_hidden() -> None:
    done = run(
        *["--json", "--redact", "ghp_[A-Za-z0-9]+", "--redact", "password=[^ &]*"],
        *sh("echo ghp_abc123 password=x y"),
    )
    assert done.json["stdout_tail"] == "*** *** y\n"
    assert done.json["cmd"][-1] == "echo *** *** y"


def test_a_bad_pattern_is_an_error() -> None:
    done = run("--redact", "(", "true")
    assert done.code == 125
    assert "'(' is not a regular expression" in done.notes


@pytest.mark.parametrize("tail", range(1, 60, 7))
def test_the_end_of_a_secret_that_the_tail_cuts_is_hidden(tail: int) -> None:
    options = ["--json", "--tail-bytes", str(tail), "--secret-env", "TOKEN"]
    done = run(
        *options, *sh("printf 'x%.0s' $(seq 90); printf %s-end $TOKEN"), env={"TOKEN": SECRET}
    )
    shown = done.json["stdout_tail"]
    assert shown.replace(HIDDEN, "").strip("x") in "-end"
    options[-2:] = ["--redact", "hunter2[a-z0-9-]*t"]
    done = run(
        *options, *sh("printf 'x%.0s' $(seq 90); printf %s-end $TOKEN"), env={"TOKEN": SECRET}
    )
    assert done.json["stdout_tail"] == shown


TEXT = st.text("abX€ß😀\n", max_size=40)


@given(TEXT, st.lists(st.text("abX€ß", min_size=1, max_size=5), max_size=3), st.integers(0, 50))
def test_a_tail_never_shows_more_of_a_secret_than_is_in_the_clear_elsewhere(
    text: str, secrets: list[str], limit: int
) -> None:
    redaction = Redaction(secrets)
    tail = Tail(limit, margin=redaction.margin)
    for start in range(0, len(text.encode()), 3):
        tail.keep(memoryview(text.encode())[start : start + 3])
    shown, dropped = tail.shown(redaction)
    hidden = set()
    for secret in secrets:
        for match in re.finditer(f"(?={re.escape(secret)})", text):
            hidden |= set(range(match.start(), match.start() + len(secret)))
    first = len(text.encode()[:dropped].decode(errors="ignore"))
    clear = "".join(letter for n, letter in enumerate(text) if n >= first and n not in hidden)
    assert shown.replace(HIDDEN, "") == clear


@given(st.binary(max_size=300), st.integers(0, 60), st.integers(1, 50))
def test_a_tail_is_the_end_of_what_came(written: bytes, limit: int, block: int) -> None:
    tail = Tail(limit)
    for start in range(0, len(written), block):
        tail.keep(memoryview(written)[start : start + block])
    shown, dropped = tail.shown(Redaction())
    assert tail.seen == len(written)
    assert shown == written[dropped:].decode(errors="replace")
    assert max(0, len(written) - limit) <= dropped <= max(0, len(written) - limit) + 3
