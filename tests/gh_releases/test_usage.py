import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gh_releases.cli import main
from toolroll_shared.cli import duration, instant
from toolroll_shared.errors import Exit

OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["octo"],
        ["octo/"],
        ["/tool"],
        ["octo/tool/more"],
        ["octo/.."],
        ["octo/."],
        ["../tool"],
        ["octo/to ol"],
        ["octo/tool?page=2"],
        ["octo/tool\nsecond line"],
        ["\x1b[31mocto/tool"],
        ["\u00f6cto/tool"],
        ["octo/tool", "octo/tool"],
        ["octo/tool", "--since"],
        ["octo/tool", "--since", "yesterday"],
        ["octo/tool", "--since", "2024-13-01"],
        ["octo/tool", "--since", "2024-05-01T25:00"],
        ["octo/tool", "--since", "0001-01-01T00:00+23:59"],
        ["octo/tool", "--since", ""],
        ["octo/tool", "--js"],
        ["octo/tool", "--json=yes"],
        ["octo/tool", "--no-such-option"],
        ["octo/tool", "--no\nsuch\noption"],
        ["octo/tool", "--timeout", "soon"],
        ["octo/tool", "--timeout", "0"],
        ["octo/tool", "--timeout", "0.0ms"],
        ["octo/tool", "--timeout=-1"],
        ["octo/tool", "--timeout", "1y"],
        ["octo/tool", "--retries=-1"],
        ["octo/tool", "--retries", "1.5"],
        ["octo/tool", "--retries", "9" * 5000],
        ["octo/tool", "--max-wait", "nan"],
        ["octo/tool", "--api-url", "api.github.com"],
        ["octo/tool", "--api-url", "ftp://api.github.com"],
        ["octo/tool", "--api-url", "https://"],
        ["octo/tool", "--api-url", "https://user:word@api.github.com"],
        ["octo/tool", "--api-url", "https://api.github.com/?a=b"],
        ["octo/tool", "--api-url", "https://api.github.com/#a"],
        ["octo/tool", "--api-url", "https://api.github.com:port"],
        ["octo/tool", "--api-url", "https://api.github.com:99999"],
        ["octo/tool", "--api-url", "https://[::1"],
    ],
    ids=lambda arguments: " ".join(map(ascii, arguments))[:60] or "nothing",
)
def test_bad_usage_is_2_and_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("gh-releases: ")
    assert captured.err.endswith("\n")
    assert captured.err.removesuffix("\n").isprintable(), captured.err


@pytest.mark.parametrize(
    "url",
    ["http://\u00ad", "http://xn--", "http://\udcff", "http://a\x7f", "http://127.0.0.1:1/\udcff"],
    ids=ascii,
)
def test_an_address_that_cannot_be_is_one_line_too(
    capsys: pytest.CaptureFixture[str], url: str
) -> None:
    code = main(["octo/tool", "--retries", "0", "--api-url", url])
    captured = capsys.readouterr()
    assert code in {Exit.USAGE, Exit.UNREACHABLE}, captured.err
    assert captured.err.removesuffix("\n").isprintable(), captured.err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("1.5", 1.5),
        ("250ms", 0.25),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("7d", 604800),
        ("2w", 1209600),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "+1", "1 s", "1S", "1e3", ".5", "1.", "1m30s", "inf", "nan", "\u0663s"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a duration"):
        duration(text)


@settings(max_examples=50, deadline=None)
@given(amount=st.integers(0, 10**9), unit=st.sampled_from(["", "s", "m", "h", "d", "w"]))
def test_any_whole_amount_is_that_many_units(amount: int, unit: str) -> None:
    assert duration(f"{amount}{unit}") == amount * duration(f"1{unit}")


@settings(max_examples=100, deadline=None)
@given(moment=st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=OFFSETS))  # noqa: DTZ001
def test_any_instant_comes_back_in_utc(moment: datetime) -> None:
    parsed = instant(moment.isoformat())
    assert (parsed, parsed.tzinfo) == (moment, UTC)


@settings(max_examples=50, deadline=None)
@given(day=st.dates())
def test_any_date_is_its_first_moment_in_utc(day: datetime) -> None:
    assert instant(day.isoformat()) == datetime(day.year, day.month, day.day, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(text=st.text() | st.text("0123456789-:.,TWZ+ smhdw", max_size=30))
@pytest.mark.parametrize("parse", [instant, duration])
def test_any_other_text_is_refused_and_nothing_worse(
    parse: Callable[[str], object], text: str
) -> None:
    try:
        parsed = parse(text)
    except argparse.ArgumentTypeError:
        return
    assert isinstance(parsed, datetime | float)
