"""A local SQLite database of releases and assets: its store, and how to fill it."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .store import SCHEMA as SCHEMA
    from .store import PageChanges as PageChanges
    from .store import Store as Store
    from .sync import sync as sync
else:
    __getattr__ = exports(
        __name__,
        {"SCHEMA": "store", "PageChanges": "store", "Store": "store", "sync": "sync"},
    )

__all__ = ["SCHEMA", "PageChanges", "Store", "sync"]
