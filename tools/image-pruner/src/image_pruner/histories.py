"""An image's history, read for the sizes of its layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import Step

_NO_LAYER = re.compile(
    r"(?:/bin/sh -c )?(?:#\(nop\) +)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER"
    r"|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b"
)
"""Instructions that the builders keep a step for, and no layer."""


def layer_sizes(history: Sequence[Step], number: int) -> list[int] | None:
    """Return the sizes of an image's layers, lowest first; None where they cannot be told.

    Steps without a layer are in the history, too, and nothing marks them; so are layers without
    a byte. Either all that have bytes are the layers, or all that an instruction made which
    makes layers.

    Args:
        history: the image's, the first step first.
        number: of its layers.
    """
    full = [step.size for step in history if step.size]
    if len(full) == number:
        return full
    made = [step.size for step in history if step.size or not _NO_LAYER.match(step.instruction)]
    return made if len(made) == number else None
