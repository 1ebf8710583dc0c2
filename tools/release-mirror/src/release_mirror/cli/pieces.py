"""What the commands have in common: arguments, what is said on stderr, and who watches."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gh_releases import parse_target
from toolroll_shared.cli import byte_size, instant
from toolroll_shared.errors import UsageError
from toolroll_shared.output import is_terminal, note, oneline

if TYPE_CHECKING:
    from release_mirror.config import Config
    from release_mirror.progress import Watcher

TOOL = "release-mirror"

MAX_CONCURRENCY = 100
"""GitHub refuses more requests at once."""


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add the repositories that a command may be limited to."""
    parser.add_argument(
        "repositories",
        nargs="*",
        type=_name,
        metavar="OWNER/REPO",
        help="only these; all, if none is named",
    )


def _name(text: str) -> str:
    try:
        return parse_target(text).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_dest(parser: argparse.ArgumentParser) -> None:
    """Add the folder of a mirror that is there."""
    parser.add_argument(
        "--dest", type=folder, metavar="DIR", required=True, help="the mirror's folder"
    )


def add_json(parser: argparse.ArgumentParser, text: str) -> None:
    """Add `--json`; `text` says what is printed then."""
    parser.add_argument("--json", action="store_true", help=text)


def folder(text: str) -> Path:
    """Argument type: a folder."""
    if not text:  # an unset variable, most likely; Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty name is no folder")
    return Path(text)


def read_config_file(path: Path) -> "Config":
    """Return what a file of repositories says.

    Raises:
        UsageError: it cannot be read or understood.
    """
    from release_mirror.config import read_config

    try:
        config = read_config(path, instant=instant, size=byte_size)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{path}: {error}") from error
    if (config.concurrency or 0) > MAX_CONCURRENCY:
        raise UsageError(
            f"{path}: concurrency is {config.concurrency}, more than {MAX_CONCURRENCY}"
        )
    return config


def watcher(progress: str = "auto") -> "Watcher":
    """Return who watches a run: as asked for, or as fits to where stderr leads."""
    from release_mirror.progress import Bars, Lines, Nobody

    if progress == "auto":
        quiet = "lines" if os.environ.get("CI") else "none"
        progress = "bars" if is_terminal(sys.stderr) else quiet
    return {"bars": Bars, "lines": lambda: Lines(say), "none": Nobody}[progress]()


def say(message: str) -> None:
    """Say something on stderr."""
    note(TOOL, oneline(message))
