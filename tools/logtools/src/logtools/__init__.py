"""Look at logs: their heads, their tails also while they rotate, and the lines that matter."""

__all__ = []
