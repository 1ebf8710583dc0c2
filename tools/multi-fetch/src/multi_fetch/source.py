"""Where jobs come from: one by one, by whoever is ready for the next."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Source(Generic[T]):
    """Jobs one by one, from a plain or an asynchronous iterable; what it raises ends them."""

    def __init__(self, jobs: Iterable[T] | AsyncIterable[T]) -> None:
        self._jobs = aiter(jobs) if isinstance(jobs, AsyncIterable) else _asynchronous(jobs)
        self._lock = asyncio.Lock()  # an asynchronous generator takes one caller at a time
        self._error: Exception | None = None

    async def next(self) -> T | None:
        """Return the next job, or None after the last one."""
        async with self._lock:
            try:
                return None if self._error else await anext(self._jobs, None)
            except Exception as error:  # noqa: BLE001 - raised again when all results are out
                self._error = error
                return None

    def raise_error(self) -> None:
        """Raise what ended the jobs, if it was an error."""
        if self._error is not None:
            raise self._error


async def _asynchronous(jobs: Iterable[T]) -> AsyncIterator[T]:
    for job in jobs:
        yield job
