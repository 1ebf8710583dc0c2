"""`observe serve`: each record counts once, whatever happens to logs, to its state and to it."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.logtools.rotating import Rotated
from tests.observe.logs import failure, record
from tests.observe.servers import Serve, append, serving, started, total
from tests.support.commands import argv
from tests.support.prometheus import promtool
from tests.support.waiting import until

INVALID = "toolroll_invalid_lines_total"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.json"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "serve.json"


def test_counts_what_is_there_and_what_comes(log: Path, state: Path) -> None:
    append(log, record(), record(bytes=10), failure())
    with serving(log, state=state) as serve:
        assert serve.counted() == 3
        append(log, record())
        samples = serve.samples()
    labels = 'action="count",outcome="{}",tool="demo"'
    assert samples[f"toolroll_actions_total{{{labels.format('ok')}}}"] == 3
    assert samples[f"toolroll_actions_total{{{labels.format('failed')}}}"] == 1
    assert total(samples, "toolroll_bytes_total") == 10


def test_its_answer_is_what_promtool_accepts(log: Path, state: Path) -> None:
    append(log, record(), failure(bytes=1), record(action="run", outcome="ok"), b"garbage\n")
    with serving(log, state=state) as serve:
        answer, text = serve.request("/metrics")
        checked = promtool("check", "metrics", stdin=text)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_goes_on_where_it_ended(log: Path, state: Path) -> None:
    append(log, record(), record())
    for expected in (2, 3, 4):
        with serving(log, state=state) as serve:
            assert serve.counted() == expected
            assert serve.end()[0] == 143
        append(log, record())


def test_knows_a_log_again_by_another_spelling_of_its_name(log: Path, state: Path) -> None:
    append(log, record())
    with serving(log, state=state) as serve:
        assert serve.counted() == 1
    (log.parent / "sub").mkdir()
    command = argv("observe", "serve", "--log", "sub/../app.json", "--state", state)
    with started([*command, "--listen", "127.0.0.1:0"], cwd=log.parent) as serve:
        assert serve.counted() == 1


def test_a_log_that_is_named_twice_counts_once(log: Path, state: Path) -> None:
    append(log, record())
    link = log.with_name("link.json")
    link.symlink_to(log)
    same = log.parent / "." / "app.json"
    with serving(log, same, link, state=state) as serve:
        assert serve.counted() == 1
        assert serve.health() == (200, {"ok": True, "logs": 1})
        code, stderr = serve.end()
    assert (code, stderr.splitlines()[0]) == (143, f"observe: {link}: is followed as {log}")


def test_earlier_files_of_a_log_are_not_followed_as_logs(log: Path, state: Path) -> None:
    append(log, record())
    old = [log.with_name(f"app.json{end}") for end in (".1", ".2.gz", "-20260101", ".gz")]
    for path in old:
        append(path, record())
    other = log.with_name("app.json-2")
    append(other, record())
    with serving(*old, log, other, state=state) as serve:
        assert serve.counted() == 2
        assert serve.end()[1].count("is followed as an earlier file of app.json\n") == 4


def test_several_logs_by_one_option_or_by_many(tmp_path: Path, state: Path) -> None:
    logs = [tmp_path / f"{number}.json" for number in range(4)]
    for path in logs:
        append(path, record())
    command = argv("observe", "serve", "--log", logs[0], logs[1], "--log", logs[2], "--log")
    command += [str(logs[3]), "--listen", "127.0.0.1:0", "--state", str(state)]
    with started(command) as serve:
        assert serve.counted() == 4


def test_a_log_that_comes_later_is_counted_from_its_beginning(log: Path, state: Path) -> None:
    with serving(log, state=state) as serve:
        assert serve.samples() == {}
        status, found = serve.health()
        assert (status, found["reason"]) == (503, f"{log}: No such file or directory")
        append(log, record())
        assert serve.counted() == 1
        assert serve.health()[0] == 200


def test_an_earlier_file_that_somebody_still_writes_is_counted_at_once(
    log: Path, state: Path
) -> None:
    append(log, record())
    with serving(log, state=state) as serve:
        assert serve.counted() == 1
        old = log.rename(log.with_name("app.json.1"))
        assert serve.counted() == 1
        append(old, record())
        assert serve.counted() == 2, "nobody has made the new one yet"
        append(log, record())
        assert serve.counted() == 3
        long_ago = time.time() - 600
        os.utime(old, (long_ago, long_ago))
        assert serve.counted() == 3
        append(old, record())
        assert serve.counted() == 4


def test_half_a_line_waits_for_its_other_half(log: Path, state: Path) -> None:
    line = record()
    append(log, line, line[:20])
    with serving(log, state=state) as serve:
        assert serve.counted() == 1
    with serving(log, state=state) as serve:
        assert serve.counted() == 1
        append(log, line[20:])
        samples = serve.samples()
    assert (total(samples, "toolroll_actions_total"), samples[INVALID]) == (2, 0)


HOSTILE = [
    b"garbage\n",
    b"[" * 100_000 + b"\n",
    b'{"x":' * 100_000 + b"\n",
    record(bytes=10**400),
    record(duration_ms=-1),
    b'{"ts":"' + b"x" * 10_000_000 + b'"}\n',
    b"\xff\xfe\x00\n",
    record()[:-2] + b', "bytes": 1e999}\n',
]


def test_what_is_no_record_is_counted_as_such_and_breaks_nothing(log: Path, state: Path) -> None:
    append(log, *(record() + line + b"\n" for line in HOSTILE))
    with serving(log, state=state) as serve:
        samples = serve.samples()
        assert serve.health()[0] == 200
    assert samples[INVALID] == len(HOSTILE)
    assert total(samples, "toolroll_actions_total") == len(HOSTILE)


@pytest.mark.parametrize("kind", ["folder", "fifo", "unreadable"])
def test_a_log_that_cannot_be_read_is_said_and_keeps_no_other_from_counting(
    kind: str, log: Path, state: Path
) -> None:
    odd = log.with_name("odd")
    reasons = {
        "folder": "Is a directory",
        "fifo": "Not a regular file",
        "unreadable": "Too many levels of symbolic links",
    }
    if kind == "folder":
        odd.mkdir()
    elif kind == "fifo":
        os.mkfifo(odd)
    else:
        odd.symlink_to(odd)
    append(log, record())
    with serving(odd, log, state=state) as serve:
        assert serve.counted() == 1
        status, found = serve.health()
        assert (status, found["reason"]) == (503, f"{odd}: {reasons[kind]}")
        code, stderr = serve.end()
    assert stderr == f"observe: {odd}: {reasons[kind]}; waiting for it\nobserve: terminated\n"
    assert code == 143


def test_a_link_that_is_switched_leads_to_the_next_log(tmp_path: Path, state: Path) -> None:
    link = tmp_path / "current.json"
    for name in ("a.json", "b.json"):
        append(tmp_path / name, record())
    link.symlink_to("a.json")
    with serving(link, state=state) as serve:
        assert serve.counted() == 1
        (tmp_path / "next").symlink_to("b.json")
        (tmp_path / "next").rename(link)
        assert serve.counted() == 2
        append(tmp_path / "b.json", record())
        assert serve.counted() == 3


def test_its_own_log_may_be_the_one_it_follows(log: Path, state: Path) -> None:
    with serving(log, state=state, TOOLROLL_LOG=str(log)) as serve:
        found = [serve.counted() for _ in range(4)]
    assert found == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(3))
def test_no_line_is_lost_or_counted_twice_over_rotations_and_kills(
    seed: int, tmp_path: Path, state: Path
) -> None:
    """Its writers write no records: so the lines that are none are how many it has seen."""
    seen: list[float] = [0]
    serve: Serve | None = None

    def look() -> float:
        assert serve is not None
        now = serve.samples().get(INVALID, 0)
        assert now >= seen[-1], "a counter went back"
        seen.append(now)
        return now

    rotated = Rotated(
        tmp_path, writers=2, seed=seed, until_seen=lambda n: until(lambda: look() >= n)
    )
    with rotated.under_load():
        for turn in range(6):
            with serving(rotated.log, state=state) as serve:
                for _ in range(4):
                    rotated.rotate()
                    look()
                if turn % 2:
                    serve.process.kill()
        with serving(rotated.log, state=state) as serve:
            rotated.stop()
            written = sum(rotated.counts)
            until(lambda: look() >= written)
            assert look() == written, rotated.done


def test_a_counter_that_was_seen_never_goes_back_after_a_kill(log: Path, state: Path) -> None:
    seen: dict[str, float] = {}
    for written in range(1, 9):
        append(log, *(record(bytes=3, duration_ms=0.1) for _ in range(500)))
        with serving(log, state=state) as serve:
            if written % 3 == 0:  # killed while it counts
                serve.end(signal.SIGKILL)
                continue
            now = serve.samples()
            assert all(now[name] >= value for name, value in seen.items())
            assert total(now, "toolroll_actions_total") == written * 500
            seen = now
            serve.end(signal.SIGKILL)
