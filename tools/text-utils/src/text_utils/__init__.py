"""Count, search and mend text: `wc-lite`, `contains`, `normalize`."""

__all__ = []
