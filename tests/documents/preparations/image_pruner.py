"""The README of image-pruner: a dockerd of its own, with the images that are shown."""

from datetime import UTC, datetime, timedelta

from tests.documents.world import World
from tests.support.docker import Engine, dockerd
from tests.support.images import Made, layer

BASE = layer("base", 5_000_000)
LONG_AGO = "2024-01-01T00:00:00Z"


def prepare(world: World) -> None:
    """Start it, where there is one and we are root."""
    world.needs("jq")
    engine = world.stack.enter_context(dockerd())
    world.say(DOCKER_HOST=engine.host)
    _fill(engine)


def _fill(engine: Engine) -> None:
    engine.load(
        Made(("debian:12",), (BASE,), LONG_AGO),
        Made(("old:1",), (BASE, layer("old", 700_000)), LONG_AGO),
        Made(("app:1",), (BASE, layer("app 1", 1_000)), LONG_AGO),
        Made(("app:2",), (BASE, layer("app 2", 1_500)), _ago(21)),
        Made(("app:3",), (BASE, layer("app 3", 1_000)), _ago(1)),
        Made((), (BASE, layer("left", 1_000)), "2026-10-01T00:00:00Z"),
        Made(("distroless:latest",), (layer("distroless", 20_000_000),), "1970-01-01T00:00:00Z"),
        Made(("registry:5000/team/api:7",), (BASE, layer("api", 2_000)), LONG_AGO),
    )
    engine.container("app:1", "web", wait=True)


def _ago(days: float) -> str:
    moment = datetime.now(UTC) - timedelta(days=days, hours=1)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
