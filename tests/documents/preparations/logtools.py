"""The README of logtools: a log that was rotated twice, and one in /var/log that is written."""

import gzip
from datetime import UTC, datetime, timedelta

from tests.documents.world import World

QUIET = "2026-05-01T{:02}:{:02}:00Z INFO request {} done\n"
TROUBLE = "2026-05-01T11:58:00Z ERROR connection refused\n2026-05-01T12:01:00Z WARN timeout\n"


def prepare(world: World) -> None:
    """Write them; the last lines are as of now."""
    world.needs("jq")
    old = "".join(QUIET.format(hour, 0, hour) for hour in range(10))
    world.put("app.log.2.gz", gzip.compress(old.encode()))
    world.put("app.log.1", "".join(QUIET.format(10, minute, minute) for minute in range(60)))
    recent = "".join(_now(seconds) for seconds in (600, 300, 10))
    for name in ("app.log", "/var/log/app.log"):
        world.put(name, TROUBLE + recent)


def _now(ago: int) -> str:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return f"{at:%Y-%m-%dT%H:%M:%SZ} ERROR timeout of a request\n"
