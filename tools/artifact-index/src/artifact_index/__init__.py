"""A local SQLite database of releases and assets: its store, and how to fill it."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .diff import Changes as Changes
    from .schema import SCHEMA as SCHEMA
    from .store import PageChanges as PageChanges
    from .store import Store as Store
    from .sync import Outcome as Outcome
    from .sync import sync_all as sync_all
    from .sync import sync_repository as sync_repository
else:
    __getattr__ = exports(
        __name__,
        {
            "SCHEMA": "schema",
            "Changes": "diff",
            "Outcome": "sync",
            "PageChanges": "store",
            "Store": "store",
            "sync_all": "sync",
            "sync_repository": "sync",
        },
    )

__all__ = ["SCHEMA", "Changes", "Outcome", "PageChanges", "Store", "sync_all", "sync_repository"]
