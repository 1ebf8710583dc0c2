"""`--since` and `--until`: the lines of a period, by stamps of many kinds."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logtools.period import Period, within
from logtools.stamps import Stamps
from tests.logtools.conftest import Logtools, piped
from tests.support.commands import run
from toolroll_shared.streams import Input, Window, opened

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STAMPS = Stamps(now=NOW)


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("2026-11-22T10:00:00Z x", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00:00.123456789Z x", "2026-11-22T10:00:00.123456Z"),
        ("2026-11-22 10:00:00,5 x", "2026-11-22T10:00:00.5Z"),
        ("[2026-11-22 10:00:00] x", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00+0130", "2026-11-22T08:30:00Z"),
        ("2026-11-22 10:00:00 -05:00", "2026-11-22T15:00:00Z"),
        ("<34>1 2026-11-22T10:00:00Z host", "2026-11-22T10:00:00Z"),
        ("Nov 22 10:00:00 host app[1]: x", "2026-11-22T10:00:00Z"),
        ("<13>Nov  2 10:00:00 host", "2026-11-02T10:00:00Z"),
        ("Dec 31 23:59:59 host", "2025-12-31T23:59:59Z"),
        ("Feb 29 00:00:00 host", "2024-02-29T00:00:00Z"),
        ('1.2.3.4 - bob [22/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200', "2026-11-22T09:00:00Z"),
        ("1795341600 x", "2026-11-22T10:00:00Z"),
        ("1795341600.25 x", "2026-11-22T10:00:00.25Z"),
        ("1795341600250 x", "2026-11-22T10:00:00.25Z"),
        ('{"ts": "2026-11-22T10:00:00Z"}', "2026-11-22T10:00:00Z"),
        ('{"a": 1, "@timestamp": "2026-11-22 10:00:00"}', "2026-11-22T10:00:00Z"),
        ('{"time": 1795341600}', "2026-11-22T10:00:00Z"),
        ('{"time": 1795341600.5}', "2026-11-22T10:00:00.5Z"),
    ],
)
def test_stamps_of_many_kinds_are_understood(line: str, moment: str) -> None:
    assert STAMPS.of(line.encode()) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no stamp",
        "    at java.lang.Thread",
        "2026-13-01T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "Nov 32 10:00:00",
        "1.2.3.4 - - [22/Xxx/2026:10:00:00 +0100]",
        "123 too short",
        "12345678901234567890 too long",
        '{"ts": true}',
        '{"ts": null}',
        '{"broken',
        "[1, 2]",
        '{"a":' * 5000,
    ],
)
def test_lines_without_one_have_none(line: str) -> None:
    assert STAMPS.of(line.encode()) is None


def test_a_named_field_is_the_only_one() -> None:
    stamps = Stamps(now=NOW, field="when")
    assert stamps.of(b'{"ts": "2026-11-22T10:00:00Z"}') is None
    assert stamps.of(b"2026-11-22T10:00:00Z") is None
    assert stamps.of(b'{"when": "2026-11-22T10:00:00Z"}') == NOW - timedelta(hours=2)


def read_all(source: Input) -> bytes:
    window, parts = Window(source, block=7), []
    while window.advance():
        parts.append(bytes(window.view))
    return b"".join(parts)


def moment(second: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


lines_of_a_log = st.lists(
    st.one_of(st.integers(0, 40), st.none(), st.just("long")), max_size=60
).map(
    lambda marks: [
        " " * 70_000 if mark == "long" else "  trace" if mark is None else mark for mark in marks
    ]
)


@settings(deadline=None)
@given(
    marks=lines_of_a_log,
    since=st.one_of(st.none(), st.integers(-1, 41)),
    until=st.one_of(st.none(), st.integers(-1, 41)),
    final=st.booleans(),
)
def test_a_file_is_bisected_to_what_a_filter_finds(
    tmp_path_factory: pytest.TempPathFactory,
    marks: list[str | int],
    *,
    since: int | None,
    until: int | None,
    final: bool,
) -> None:
    numbers = iter(sorted(mark for mark in marks if isinstance(mark, int)))
    stamped = [next(numbers) if isinstance(mark, int) else mark for mark in marks]
    stamped = [0, *stamped]
    lines = [
        f"{moment(one).isoformat()} line\n" if isinstance(one, int) else f"{one}\n"
        for one in stamped
    ]
    text = "".join(lines).encode().removesuffix(b"" if final else b"\n")
    period = Period(
        None if since is None else moment(since), None if until is None else moment(until)
    )
    expected, inside = [], since is None
    for one, line in zip(stamped, lines, strict=True):
        inside = period.has(moment(one)) if isinstance(one, int) else inside
        expected += [line] * inside
    path = tmp_path_factory.getbasetemp() / "bisected.log"
    path.write_bytes(text)
    with opened(str(path)) as source:
        found = read_all(within(source, period, STAMPS))
    small = text if len(text) < 60_000 else b""
    here, there = os.pipe()
    os.write(there, small)
    os.close(there)
    filtered = read_all(within(Input(here, "pipe"), period, STAMPS))
    os.close(here)
    assert found.removesuffix(b"\n") == "".join(expected).encode().removesuffix(b"\n")
    if small:
        assert filtered == found


@pytest.fixture
def hours(tmp_path: Path) -> Path:
    """A log of one day, a line each second, and a trace behind each hour's first one."""
    path = tmp_path / "day.log"
    with path.open("w") as file:
        for second in range(86400):
            file.write(f"{moment(second).isoformat()} second {second}\n")
            if second % 3600 == 0:
                file.write("  a trace\n")
    return path


def test_all_commands_take_a_period(logtools: Logtools, hours: Path) -> None:
    since, until = "--since=2026-01-01T10:00:00", "--until=2026-01-01T10:00:01"
    for command in ("head", "grep"):
        needle = [""] if command == "grep" else []
        done = logtools(command, since, until, hours, *needle)
        assert done.stdout.decode().splitlines() == [
            "2026-01-01T10:00:00+00:00 second 36000",
            "  a trace",
            "2026-01-01T10:00:01+00:00 second 36001",
        ]
    assert logtools("grep", "-c", since, hours, "second").stdout == b"50400\n"
    assert logtools("grep", "-c", until, hours, "second").stdout == b"36002\n"
    assert logtools("grep", "-c", "--since=2027-01-01", hours, "second") == (1, b"0\n", b"")


def test_a_stream_is_filtered(hours: Path) -> None:
    done = piped("grep", "-c", "--since=2026-01-01T23:00:00", "second", stdin=hours.read_bytes())
    assert done == (0, b"3600\n", b"")


def test_a_duration_is_that_long_ago(logtools: Logtools, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    path = tmp_path / "log"
    path.write_text(
        "".join(f"{(now - timedelta(hours=h)).isoformat()} {h}\n" for h in (3, 2, 1, 0))
    )
    done = logtools("head", "--since=150m", "--until", "30m", path)
    assert [line.split()[1] for line in done.stdout.splitlines()] == [b"2", b"1"]


def test_times_without_a_zone_are_utc_or_local(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("2026-07-01 10:00:00 a\n2026-07-01 11:00:00 b\n2026-07-01 12:00:00 c\n")
    here = "Europe/Berlin"
    argument = "--since=2026-07-01T09:00:00Z"
    assert run("logtools", "head", argument, path, TZ=here).stdout.count("\n") == 3
    local = run("logtools", "head", "--local-time", argument, path, TZ=here)
    assert local.stdout == "2026-07-01 11:00:00 b\n2026-07-01 12:00:00 c\n"
    naive = run("logtools", "head", "--local-time", "--since=2026-07-01T12:00", path, TZ=here)
    assert naive.stdout == "2026-07-01 12:00:00 c\n"


def test_a_log_without_times_and_a_time_that_is_none_are_refused(
    logtools: Logtools, log: Path
) -> None:
    done = logtools("head", "--since", "5m", log)
    said = f"logtools: {log}: no line begins with a time that is understood\n"
    assert done == (2, b"", said.encode())
    done = logtools("head", "--since", "yesterday", log)
    assert done.code == 2
    assert b"'yesterday' is neither a time" in done.stderr
