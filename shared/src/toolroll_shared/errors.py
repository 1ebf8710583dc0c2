"""The exit codes of every toolroll command, and the errors that carry them.

This is the one table of exit codes (the README repeats it, and a test compares the two).
Logic raises these errors; only `toolroll_shared.cli.run` turns them into a message and a code.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CORRUPT = 65
    UNREACHABLE = 69
    BUG = 70
    TRY_LATER = 75
    REFUSED = 77
    INTERRUPTED = 130
    TERMINATED = 143


class ToolError(Exception):
    """Something a user should know, told as `what: why`, with the exit code it leads to."""

    exit_code = Exit.FAILED


class UsageError(ToolError):
    """Bad usage, or an input that cannot be read."""

    exit_code = Exit.USAGE


class CorruptStore(ToolError):
    """Stored data is corrupt, or belongs to another program or schema version."""

    exit_code = Exit.CORRUPT


class Unreachable(ToolError):
    """The other side (API, daemon, cluster) cannot be reached or does not make sense."""

    exit_code = Exit.UNREACHABLE


class Refused(ToolError):
    """The other side answers, and refuses us."""

    exit_code = Exit.REFUSED


class TryLater(ToolError):
    """Throttled, locked or temporarily failing: the same command may work later."""

    exit_code = Exit.TRY_LATER
