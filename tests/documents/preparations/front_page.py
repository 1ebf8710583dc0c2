"""The README of the whole: what its tools' examples need, from those of their own."""

from datetime import UTC, datetime

from tests.documents.installing import add_pip
from tests.documents.preparations import image_pruner, k8s_toolbox
from tests.documents.world import World


def prepare(world: World) -> None:
    """Make the reader's files, and start a Docker daemon and a Kubernetes API."""
    world.needs("jq")
    add_pip(world)
    image_pruner.prepare(world)
    k8s_toolbox.prepare(world)
    world.put("urls.txt", world.translated("https://example.com/index.html\n"))
    world.put("access.log", "GET / 200 15\nGET /x 500 7\n")
    world.put("schema.sql", "CREATE TABLE t (id);\n")
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    world.put("/var/log/app.log", f"{now} INFO started\n{now} ERROR lost the line\n")
    world.program("deploy")
    (world.home / "deploy").symlink_to(world.path("/usr/local/bin/deploy"))
