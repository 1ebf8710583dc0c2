"""Containers that come and go while images are deleted, and what that proves afterwards."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from docker.errors import APIError

from tests.support.docker import Engine
from tests.support.socket_proxy import Asked

NEVER = float("inf")


@dataclass(kw_only=True)
class Life:
    """A container's, in seconds: asked for, answered, and when its end was asked for."""

    image: str
    asked: float
    answered: float
    end: float = NEVER
    orphaned: bool = False
    """Whether its image was gone while it was there."""


class Churn:
    """Starts and removes containers on some images, over and over."""

    def __init__(self, engine: Engine, images: Sequence[str], *, seed: int) -> None:
        self.lives: list[Life] = []
        self.refused = 0
        self._engine = Engine(engine.socket, engine.pid)
        self._images = images
        self._random = random.Random(seed)  # noqa: S311 - any order will do
        self._over = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Do it in a thread of its own in the `with` block."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            self._engine.client.close()

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self._live(self._random.choice(self._images), start=number % 10 == 0)

    def _live(self, image: str, *, start: bool) -> None:
        client, asked = self._engine.client, time.monotonic()
        try:
            made = client.create_container(image, command=["/nowhere"])["Id"]
        except APIError:  # of an image that is deleted, or half so
            self.refused += 1
            return
        life = Life(image=image, asked=asked, answered=time.monotonic())
        self.lives.append(life)
        if start:
            with suppress(APIError):  # its image has no program: it was tried, and has exited
                client.start(made)
        life.orphaned = image not in self._engine.ids()
        life.end = time.monotonic()
        client.remove_container(made, force=True)


@dataclass(frozen=True)
class Deletion:
    """A DELETE for an image, and the look at all containers before it."""

    image: str
    request: Asked
    look: Asked


def deletions(asked: Sequence[Asked], owners: dict[str, str]) -> list[Deletion]:
    """Return what was asked to be deleted; `owners` are images by id and tag."""
    found, look = [], None
    for one in sorted(asked, key=lambda one: one.began):
        path = one.path.partition("?")[0]
        if path == "/containers/json":
            look = one
        if one.method == "DELETE":
            assert look, "deleted without a look"
            found.append(Deletion(owners[path.removeprefix("/images/")], one, look))
    return found


def blind(deletion: Deletion, life: Life) -> bool:
    """Tell whether a container was there all through the look, and its image asked to go."""
    look = deletion.look
    return life.image == deletion.image and life.answered < look.began and life.end > look.ended


def half_made(deletion: Deletion, life: Life) -> bool:
    """Tell whether a container was being made while its image was being deleted."""
    request = deletion.request
    same = life.image == deletion.image and request.status == 200
    return same and life.asked < request.ended and life.answered > request.began
