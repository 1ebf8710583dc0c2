"""When a log line was written: the stamp that it begins with, or a field of its JSON.

Read are ISO 8601 (`2026-11-22T10:00:00.5+01:00`, `2026-11-22 10:00:00,123`), syslog
(`Nov 22 10:00:00`, whose year is that nearest before the file's last change), the common log
format (`[22/Nov/2026:10:00:00 +0100]` behind host and user), and seconds or milliseconds since
1970. A stamp may stand in square brackets, and behind a syslog priority.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_AT = 4096
"""Bytes of a line that are looked at for its stamp; of JSON, all that is there."""

FIELDS = ("ts", "time", "timestamp", "@timestamp", "t", "datetime", "date")
"""Fields of JSON lines that hold a stamp, where none is named."""

_ISO = re.compile(
    rb"(?:<\d{1,3}>1? ?)?\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    rb" ?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_SYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?\[?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]\d)"
    rb" (\d\d):(\d\d):(\d\d)"
)
_COMMON = re.compile(
    rb"[^\[\n]{0,512}\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]"
)
_EPOCH = re.compile(rb"\[?(\d{9,10})(?:\.(\d{1,9})|(\d{3}))?(?![\d])")
_MONTHS = {
    name.encode(): b"%d" % number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_DAY = timedelta(days=1)
_MICROSECOND_DIGITS = 6
_LEAP_YEARS_APART = 8  # at most: from 1896 to 1904


class Stamps:
    """Reads the stamps of a log's lines.

    Args:
        local: stamps that name no zone are in local time, not UTC.
        now: about when the log was written last: a stamp without a year is not after it.
        field: of JSON lines, the field that holds the stamp; None: one of `FIELDS`.
    """

    def __init__(self, *, now: datetime, local: bool = False, field: str | None = None) -> None:
        self._local = local
        self._now = now
        self._fields = (field,) if field else FIELDS
        self._json_only = field is not None

    def of(self, line: bytes) -> datetime | None:
        """Return when a line was written, or None: it has no stamp."""
        try:
            if line[:1] == b"{":
                return self._of_json(line)
            if self._json_only:
                return None
            return self._of_text(line[:LOOKED_AT])
        except (ValueError, OverflowError, RecursionError):  # a 31st of April
            return None

    def _of_text(self, line: bytes) -> datetime | None:
        readers: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], datetime]], ...] = (
            (_ISO, self._iso),
            (_SYSLOG, self._syslog),
            (_EPOCH, _epoch),
            (_COMMON, _common),
        )
        for pattern, read in readers:
            if match := pattern.match(line):
                return read(match)
        return None

    def _of_json(self, line: bytes) -> datetime | None:
        import json

        record = json.loads(line)
        for field in self._fields:
            value = record.get(field)
            if isinstance(value, str):
                return self._of_text(value.encode())
            if isinstance(value, int | float) and not isinstance(value, bool):
                return self._of_text(
                    f"{value:.6f}".encode() if isinstance(value, float) else b"%d" % value
                )
        return None

    def _iso(self, match: re.Match[bytes]) -> datetime:
        *parts, fraction, zone = match.groups(b"0")
        moment = _moment(*parts, fraction=fraction)
        return moment.replace(tzinfo=_zone(zone)) if match["zone"] else self._placed(moment)

    def _syslog(self, match: re.Match[bytes]) -> datetime:
        month, *rest = match.groups()
        for year in range(self._now.year + 1, self._now.year - _LEAP_YEARS_APART, -1):
            with suppress(ValueError):  # a 29th of February
                moment = self._placed(_moment(b"%d" % year, _MONTHS[month], *rest))
                if moment <= self._now + _DAY:
                    return moment
        raise ValueError(match[0])

    def _placed(self, moment: datetime) -> datetime:
        """Return a moment without a zone in the one that is meant."""
        return moment.astimezone() if self._local else moment.replace(tzinfo=UTC)


def _moment(*parts: bytes, fraction: bytes | None = None) -> datetime:
    year, month, day, hour, minute, second = map(int, parts)
    return datetime(year, month, day, hour, minute, second, _microseconds(fraction))  # noqa: DTZ001 - placed by who calls


def _common(match: re.Match[bytes]) -> datetime:
    day, month, year, hour, minute, second, zone = match.groups()
    moment = _moment(year, _MONTHS.get(month, b"0"), day, hour, minute, second)
    return moment.replace(tzinfo=_zone(zone))


def _epoch(match: re.Match[bytes]) -> datetime:
    seconds, fraction, milliseconds = match.groups()
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return moment.replace(microsecond=_microseconds(fraction or milliseconds))


def _microseconds(fraction: bytes | None) -> int:
    return int((fraction or b"0")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, b"0"))


def _zone(text: bytes) -> tzinfo:
    if text == b"Z":
        return UTC
    digits = text[1:].replace(b":", b"")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[:1] == b"-" else offset)
