"""What led to an error, also where libraries pass it on as an argument of another one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeVar

    ErrorT = TypeVar("ErrorT", bound=BaseException)


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and all that led to it, the error itself first."""
    open_, found = [error], {id(error): error}
    while open_:
        one = open_.pop()
        led = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        new = [
            cause for cause in led if isinstance(cause, BaseException) and id(cause) not in found
        ]
        found |= {id(cause): cause for cause in new}
        open_ += new
    return list(found.values())


def first_cause(
    found: Iterable[BaseException],
    *kinds: type[ErrorT],
    but: type[BaseException] | tuple[()] = (),
) -> ErrorT | None:
    """Return the first cause of one of these kinds, if there is one.

    Args:
        found: what `causes` returned.
        kinds: what is looked for.
        but: what is not meant, though it is of such a kind to a library.
    """
    fitting = (one for one in found if isinstance(one, kinds) and not isinstance(one, but))
    return next(fitting, None)
