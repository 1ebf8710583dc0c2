"""The README of artifact-index."""

from tests.documents.installing import add_pip
from tests.documents.world import World


def prepare(world: World) -> None:
    """Have the reader's other programs, and pip."""
    world.needs("sqlite3", "sqlite-utils")
    add_pip(world)
