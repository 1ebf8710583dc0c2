"""The README of proc-run: the programs that it is put in front of."""

from tests.documents.world import World


def prepare(world: World) -> None:
    """Make them."""
    world.needs("make", "curl", "jq")
    world.put("Makefile", "test:\n\t@echo all tests passed\n")
    for name in ("deploy", "probe"):
        world.put(name, f"#!/bin/sh\necho {name}\n")
        world.path(name).chmod(0o755)
    world.program("sync-all")
