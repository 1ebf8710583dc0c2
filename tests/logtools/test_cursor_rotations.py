"""`tail --cursor` over rotations under load: every line that was written is emitted once."""

from pathlib import Path

import pytest

from logtools.cursors import resume
from logtools.followed import Following
from tests.logtools.rotating import Rotated

RUNS = 200


@pytest.mark.parametrize("seed", [1, 2])
def test_no_line_is_lost_or_emitted_twice_over_200_runs(tmp_path: Path, seed: int) -> None:
    folder, cursor = tmp_path / "log", tmp_path / "cursor"
    folder.mkdir()
    seen = bytearray()
    notes: list[str] = []

    def run(*, grace: float = 1) -> None:
        resume(
            str(folder / "app.log"),
            str(cursor),
            emit=seen.extend,
            flush=lambda: None,
            say=notes.append,
            how=Following(grace=grace),
        )

    def until_seen(lines: int) -> None:
        while seen.count(b"\n") < lines:
            run()

    rotated = Rotated(folder, writers=2, seed=seed, until_seen=until_seen)
    with rotated.under_load():
        run()
        for _ in range(RUNS):
            for _ in range(rotated.chance.randrange(4)):
                rotated.rotate()
            run()
    run(grace=0)
    rotated.check(bytes(seen))
    assert sum(rotated.done.values()) > RUNS
