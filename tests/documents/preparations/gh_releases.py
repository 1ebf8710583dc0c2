"""The README of gh-releases."""

from tests.documents.world import World


def prepare(world: World) -> None:
    """Have the address of a browser mean the stand-in."""
    world.names["https://github.com/cli/cli/releases"] = "cli/cli"
