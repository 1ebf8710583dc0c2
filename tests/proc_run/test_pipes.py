"""Pipes that output passes through are wide, so that a fast command seldom waits for us."""

import fcntl
import os

import pytest

from proc_run.outlets import PIPE_BYTES

from .commands import run


@pytest.mark.parametrize("is_watched", [True, False])
def test_only_a_pipe_that_output_is_copied_to_is_made_wider(is_watched: bool) -> None:  # noqa: FBT001
    source, target = os.pipe()
    before = fcntl.fcntl(source, fcntl.F_GETPIPE_SZ)
    with os.fdopen(source, "rb") as reader, os.fdopen(target, "wb") as writer:
        options = ["--json-file", os.devnull] if is_watched else []
        assert run(*options, "true", stdout=writer).code == 0
        after = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ)
    assert before < PIPE_BYTES
    assert after == (PIPE_BYTES if is_watched else before)


def test_a_pipe_that_is_wider_already_stays_so() -> None:
    source, target = os.pipe()
    with os.fdopen(source, "rb") as reader, os.fdopen(target, "wb") as writer:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * PIPE_BYTES)
        run("--json-file", os.devnull, "true", stdout=writer)
        assert fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) == 2 * PIPE_BYTES
