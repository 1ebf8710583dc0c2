"""Tags that move while images are deleted: another image never pays for it."""

from collections.abc import Callable

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.socket_proxy import Proxy

OLD = "2020-01-01T00:00:00Z"


def load(engine: Engine) -> tuple[str, Callable[[], None]]:
    """Load an image with two tags, and another that takes one of them over when told to."""
    _, new = engine.load(
        Made(("app:1", "web:1"), (layer("a", 500),), OLD), Made(("new:1",), (layer("b", 70),))
    )

    def take_over() -> None:
        engine.client.tag(new, "app", "1")
        engine.client.remove_image("new:1")

    return new, take_over


def test_a_tag_that_has_moved_to_another_image_is_not_removed(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    new, take_over = load(engine)
    proxy.before("GET", "^/images/app:1/json", take_over)
    done = prune("--yes", "--older-than", "30", "--filter", "app", "--filter", "web")
    assert (done.code, engine.ids(), engine.tags()) == (0, {new}, {"app:1"})


def test_a_tag_that_has_moved_to_another_image_is_not_taken_back(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    new, take_over = load(engine)

    def start_something() -> None:
        engine.container("web:1", "late")
        take_over()

    proxy.before("DELETE", "^/images/sha256", start_something)
    done = prune("--yes", "--older-than", "30", "--filter", "app", "--filter", "web")
    assert "app:1: kept after all: used by container late (created)" in done.stderr
    assert engine.tags() == {"app:1", "web:1"}
    assert engine.client.inspect_image("app:1")["Id"] == new
