"""`tail -f` over rotations under load: every line that was written is seen once."""

import subprocess
from pathlib import Path

import pytest

from tests.logtools.rotating import Rotated
from tests.support.commands import argv, environment
from tests.support.waiting import until

ROTATIONS = 200


@pytest.mark.parametrize(("seed", "how"), [(1, ""), (2, ""), (3, "poll")])
def test_no_line_is_lost_or_seen_twice_over_200_rotations(
    tmp_path: Path, seed: int, how: str
) -> None:
    folder, out, notes = tmp_path / "log", tmp_path / "out", tmp_path / "notes"
    folder.mkdir()

    def until_seen(lines: int) -> None:
        until(lambda: out.read_bytes().count(b"\n") >= lines)

    rotated = Rotated(folder, writers=2, seed=seed, until_seen=until_seen)
    command = argv("tests.logtools.programs", "follow", 10**9, folder / "app.log")
    with out.open("wb") as stdout, notes.open("wb") as stderr:
        follower = subprocess.Popen(
            command, stdout=stdout, stderr=stderr, env=environment({"HOW": how})
        )
        try:
            with rotated.under_load():
                until_seen(1)
                for _ in range(ROTATIONS if not how else 20):
                    rotated.rotate()
            until_seen(sum(rotated.counts))
        finally:
            follower.terminate()
            assert follower.wait(timeout=30) == 143
    rotated.check(out.read_bytes())
    assert b"rotated more than once" not in notes.read_bytes()
