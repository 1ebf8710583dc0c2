import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolroll_shared.cli import (
    Parser,
    byte_size,
    duration,
    instant,
    positive_int,
    run,
    whole_number,
)
from toolroll_shared.errors import UsageError
from toolroll_shared.logs import Journal
from toolroll_shared.output import human_size

UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parser() -> Parser:
    made = Parser("tool")
    made.add_argument("name", choices=["a", "b"])
    made.add_argument("--verbose", action="store_true")
    made.add_argument("--count", type=positive_int)
    made.add_argument("--times", type=whole_number)
    made.add_argument("--since", type=instant)
    made.add_argument("--timeout", type=duration)
    made.add_argument("--size", type=byte_size)
    return made


def parses(arguments: list[str]) -> Callable[[Journal], int]:
    def body(_journal: Journal) -> int:
        parser().parse_args(arguments)
        return 0

    return body


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: name"),
        (["c"], "argument name: invalid choice: 'c' (choose from "),
        (["a", "b"], "unrecognized arguments: b"),
        (["a", "--nope"], "unrecognized arguments: --nope"),
        (["a", "--verb"], "unrecognized arguments: --verb"),
        (["a", "--verbose=1"], "argument --verbose: ignored explicit argument '1'"),
        (["a", "--count"], "argument --count: expected one argument"),
        (["a", "--count", "0"], "argument --count: '0' is not a whole number of at least 1"),
        (["a", "--count", "9" * 5000], "argument --count: '999"),
        (["a", "--times", "x"], "argument --times: 'x' is not a whole number of at least 0"),
        (["a", "--times", "9" * 5000], "argument --times: "),
        (["a", "--since", "soon"], "argument --since: 'soon' is not an ISO 8601 date or instant"),
        (["a", "--timeout", "1y"], "argument --timeout: '1y' is not a duration: a number with ms"),
        (["a", "--size", "1X"], "argument --size: '1X' is not a size: a number with K, M, G or T"),
        (["a", "two\nlines\x1b[31m"], r"unrecognized arguments: two lines\x1b[31m"),
        (["a", "\udcff"], r"unrecognized arguments: \udcff"),
        (["a", "--count", "two\nlines"], r"argument --count: 'two\nlines' is not a whole number"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_bad_argument_is_one_line_that_tells_where_help_is(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tool", parses(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tool: {complaint}")
    assert err.endswith(" (see 'tool --help')\n")
    assert err[:-1].isprintable()


def test_a_command_of_a_command_complains_alike() -> None:
    whole = Parser("tool")
    whole.add_subparsers(required=True, metavar="COMMAND").add_parser("head")
    with pytest.raises(UsageError, match=r"\(see 'tool --help'\)"):
        whole.parse_args([])
    with pytest.raises(UsageError, match="unrecognized arguments: --nope"):
        whole.parse_args(["head", "--nope"])


def test_help_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tool", parses(["--help"])) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: tool ")
    assert err == ""


def accepted(of_type: Callable[[str], object], text: str) -> object:
    """What an argument type makes of a text, or None if it refuses it as it should."""
    try:
        return of_type(text)
    except argparse.ArgumentTypeError:
        return None


@pytest.mark.parametrize("text", ["1", "42", "007", "18446744073709551616"])
def test_numbers_are_numbers(text: str) -> None:
    assert accepted(positive_int, text) == accepted(whole_number, text) == int(text)


def test_only_whole_number_takes_0() -> None:
    assert (accepted(whole_number, "0"), accepted(positive_int, "0")) == (0, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "1.0",
        "1e3",
        "one",
        "0x10",
        "1 2",
        "½",
        "²",
        "1_0",
        "+1",
        " 1",
        "\uff11",
        "\u0663",
    ],
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    assert (accepted(whole_number, text), accepted(positive_int, text)) == (None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0), ("90", 90), ("90s", 90), ("1.5s", 1.5), ("250ms", 0.25), ("0.25ms", 0.00025)),
        *(("15m", 900), ("1.5h", 5400), ("7d", 604800), ("2w", 1209600), ("007", 7)),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "s", "-1", "+1", "1 s", " 1", "1s ", "1\n", "1e3", ".5", "5.", "1,5", "1m30s"),
        *(
            "inf",
            "nan",
            "1S",
            "1M",
            "1y",
            "1min",
            "0x10",
            "1_0",
            "\u0663s",
            "\uff11s",
            "1ms2",
            "9" * 400,
        ),
    ],
    ids=lambda text: ascii(text)[:12],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert accepted(duration, text) is None


@given(st.integers(0, 10**12), st.integers(0, 999), st.sampled_from(sorted(UNITS)))
def test_every_number_with_every_unit_is_its_product(whole: int, rest: int, unit: str) -> None:
    assert duration(f"{whole}.{rest:03}{unit}") == pytest.approx(
        (whole + rest / 1000) * UNITS[unit]
    )


@given(st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    seconds = accepted(duration, text)
    assert seconds is None or (isinstance(seconds, float) and seconds >= 0)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("0", 0), ("1", 1), ("007", 7), ("500K", 500_000), ("500k", 500_000), ("10M", 10**7)),
        *(("1.5M", 1_500_000), ("10MB", 10**7), ("1.5 kB", 1500), ("20.0 MB", 20_000_000)),
        *(("2G", 2 * 10**9), ("3T", 3 * 10**12), ("999 B", 999), ("5B", 5), ("0.5", 0)),
        *(("1Ki", 1024), ("1KiB", 1024), ("1.5Mi", 1_572_864), ("2Gi", 2**31), ("1TiB", 2**40)),
        *(("1.9999K", 1999), ("0.1Ki", 102), ("9007199254740993", 9007199254740993)),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: str, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "K", "-1", "+1", " 1", "1 ", "1  K", "1K ", "1\n", "1e3", ".5", "5.", "1,5M"),
        *("1kk", "1m", "1g", "1P", "1i", "1iB", "1Bi", "1b", "1Mb", "1M/s", "inf", "nan", "0x10"),
        *("1_0", "\u0663", "\uff11K", "9" * 400),
    ],
    ids=lambda text: ascii(text)[:12],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    assert accepted(byte_size, text) is None


@given(st.integers(0, 10**15))
def test_a_size_that_is_shown_can_be_given(size: int) -> None:
    given_back = byte_size(human_size(size))
    assert abs(given_back - size) <= size / 18  # the tenth that is shown of it


@given(st.text())
def test_any_text_is_a_size_or_refused(text: str) -> None:
    size = accepted(byte_size, text)
    assert size is None or (isinstance(size, int) and size >= 0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("20240501", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T12:30:00Z", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01T12:30:00", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01 12:30", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("2024-05-01T00:30:00+02:00", datetime(2024, 4, 30, 22, 30, tzinfo=UTC)),
        ("2024-05-01T12:30:00.25-0330", datetime(2024, 5, 1, 16, 0, 0, 250_000, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_utc_where_it_names_no_zone(text: str, moment: datetime) -> None:
    assert instant(text) == moment
    assert instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "yesterday", "2024", "2024-13-01", "2024-02-30", "2024-05-01T25:00", "12:30"),
        *("1714521600", "2024-05-01T12:30:00+25:00", "2024-05-01T12:30:00 UTC", "01/05/2024"),
        *(
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "\ud800",
            "\uff12\uff10\uff12\uff14-05-01",
            "\0",
        ),
    ],
    ids=ascii,
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    assert accepted(instant, text) is None


@given(st.datetimes(), st.integers(-23 * 60, 23 * 60))
def test_every_instant_is_read_back(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = accepted(instant, moment.isoformat())
    assert read == moment or (read is None and local.year in {1, 9999})


@given(st.text())
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    accepted(instant, text)
