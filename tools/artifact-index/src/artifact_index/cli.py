"""The `artifact-index` command: arguments in, a database brought up to date or read."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gh_releases import (
    ClientOptions,
    Target,
    add_client_arguments,
    add_release_arguments,
    client_options,
)
from toolroll_shared.cli import instant, run
from toolroll_shared.commands import Command, Commands
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Log
from toolroll_shared.output import (
    is_terminal,
    note,
    oneline,
    printable,
    write,
    write_result,
)

if TYPE_CHECKING:
    from .history import Change

TOOL = "artifact-index"

_DESCRIPTION = """\
Keep the releases and assets of GitHub repositories in a SQLite database.

  sync [HOST/]OWNER/REPO...   store what is there; the command, if none is named
  export                      write a table as CSV, JSON lines or Parquet
  changes                     what syncs found new, changed, gone or downloaded
  status                      what the database holds, and how far each sync got
  verify                      check that the database is sound

Each has its own --help.
"""

_SYNC = """\
Store the releases and assets of GitHub repositories in a SQLite database.

Running it again writes what differs, marks what is gone upstream, and leaves
the rest alone; a run that was cut off goes on where it was. A token is taken
from GH_TOKEN or GITHUB_TOKEN; for a HOST that is not GitHub's own, from
GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN.
"""

_EXPORT = """\
Write a table of the database as CSV, JSON lines or Parquet.

A file appears whole or not at all. What is gone upstream is in it too: its
gone_at says since when.
"""

_CHANGES = """\
List what syncs found new, changed, gone, back and downloaded, in the order
of time.
"""

_STATUS = """\
Show what the database holds of each repository, and how far its last sync got.
"""

_VERIFY = """\
Check that the database is sound: SQLite's own checks, the schema, and what
must hold in its rows.
"""


def _add_sync(parser: argparse.ArgumentParser) -> None:
    add_release_arguments(parser, several=True)
    parser.add_argument("--all", action="store_true", help="every repository of the database")
    _add_database(parser, "the database; made if not there")
    _add_json(parser)
    add_client_arguments(parser)
    parser.set_defaults(run=_run_sync)


def _add_export(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group(required=True)
    for name, what in (
        ("csv", "CSV (RFC 4180) with a header"),
        ("ndjson", "one JSON object a line"),
        ("parquet", "Parquet; needs the extra 'parquet'"),
    ):
        form.add_argument(
            f"--{name}",
            action=_Export,
            type=_target,
            dest="target",
            const=name,
            metavar="PATH",
            help=f"{what}; - for stdout",
        )
    parser.add_argument(
        "--table",
        choices=("releases", "assets", "download_counts"),
        default="assets",
        help="what to write (default: assets)",
    )
    parser.add_argument(
        "--no-formulas",
        action="store_true",
        help="in CSV, put ' before text that a spreadsheet would run as a formula",
    )
    _add_database(parser)
    _add_json(parser)
    parser.set_defaults(run=_run_export)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        type=instant,
        metavar="ISO8601",
        help="what was seen at this date or instant (UTC) or later; downloads by the day",
    )
    _add_database(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--ndjson", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=_run_changes)


def _add_status(parser: argparse.ArgumentParser) -> None:
    _add_database(parser)
    _add_json(parser)
    parser.set_defaults(run=_run_status)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_database(parser)
    _add_json(parser)
    parser.set_defaults(run=_run_verify)


class _Export(argparse.Action):
    """Store where an export goes, and in what form."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        namespace.target, namespace.form = values, self.const


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def _add_database(parser: argparse.ArgumentParser, what: str = "the database") -> None:
    parser.add_argument(
        "--db",
        type=_path,
        metavar="PATH",
        help=f"{what} (default: toolroll/artifact-index.sqlite in $XDG_DATA_HOME, "
        "else in ~/.local/share)",
    )


def _path(text: str) -> Path:
    if not text:  # an unset variable, most likely; Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty name is no file")
    return Path(text)


def _target(text: str) -> Path:
    path = _path(text)
    return path if text == "-" or str(path) != "-" else path.absolute()  # "./-" is a file


def _database(arguments: argparse.Namespace) -> Path:
    from .places import default_database

    path: Path | None = arguments.db
    return path or default_database(os.environ)


def _run_sync(arguments: argparse.Namespace, log: Log) -> int:
    targets: list[Target] = arguments.repositories
    if bool(targets) == arguments.all:
        raise UsageError(f"which repositories? Name them, or --all (see '{TOOL} sync --help')")
    client = _client_options(arguments, {target.host for target in targets} or {None})
    from .commands import SyncOptions, sync
    from .render import sync_json, sync_text
    from .sync import exit_code

    options = SyncOptions(
        database=_database(arguments),
        make_folders=arguments.db is None and not arguments.all,
        repositories=[target.name for target in targets],
        since=arguments.since,
        client=client,
    )
    outcomes = sync(options, notify=_say, log=log)
    text = sync_json(options.database, outcomes) if arguments.json else sync_text(outcomes)
    write_result(text)
    return exit_code(outcomes)


def _client_options(arguments: argparse.Namespace, hosts: Collection[str | None]) -> ClientOptions:
    first, *others = [client_options(arguments, host) for host in hosts]
    if any((one.api_url, one.token) != (first.api_url, first.token) for one in others):
        raise UsageError("the repositories are on several servers: use a database for each")
    return first


def _run_export(arguments: argparse.Namespace, log: Log) -> int:
    from .commands import ExportOptions, export, export_to
    from .places import STDOUT
    from .render import export_json, export_text

    options = ExportOptions(
        database=_database(arguments),
        table=arguments.table,
        form=arguments.form,
        defused=arguments.no_formulas,
    )
    if options.defused and options.form != "csv":
        raise UsageError("--no-formulas is a part of --csv")
    if arguments.target == STDOUT:
        if arguments.json:
            raise UsageError("--json and - both want stdout")
        export(options, _stdout_for(options.form), log=log)
        return Exit.OK
    rows = export_to(options, arguments.target, log=log)
    if not arguments.target.is_file():  # it may be stdout by another name
        return Exit.OK
    if arguments.json:
        write_result(export_json(arguments.target, options, rows))
    else:
        write_result(export_text(arguments.target, options.table, rows))
    return Exit.OK


def _stdout_for(form: str) -> Callable[[bytes], None]:
    """Return what writes an export to stdout; a terminal gets nothing that could steer it."""
    if not is_terminal(sys.stdout):
        return _write_bytes
    if form == "parquet":
        raise UsageError("Parquet is nothing for a terminal: redirect stdout, or name a file")

    def write_safely(block: bytes) -> None:
        lines = block.decode().removesuffix("\n").split("\n")
        write("".join(f"{printable(line.removesuffix(chr(13)))}\n" for line in lines))

    return write_safely


def _write_bytes(block: bytes) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed")
    sys.stdout.buffer.write(block)


def _run_changes(arguments: argparse.Namespace, log: Log) -> int:
    from .commands import reading
    from .history import changes
    from .render import changes_json, changes_lines, changes_rows, changes_table

    database = _database(arguments)
    with log.action("changes", str(database)) as fields, reading(database) as connection:
        found = _counted(changes(connection, since=arguments.since), fields)
        if arguments.json:
            texts = changes_json(database, found, since=arguments.since)
        elif arguments.ndjson:
            texts = changes_lines(found)
        elif is_terminal(sys.stdout):
            texts = iter([changes_table(found)])
        else:
            texts = changes_rows(found)
        for text in texts:
            write(text)
    return Exit.OK


def _counted(found: "Iterator[Change]", fields: dict[str, Any]) -> "Iterator[Change]":
    """Yield what is found, and count it for a record."""
    fields["rows"] = 0
    for fields["rows"], one in enumerate(found, 1):
        yield one


def _run_status(arguments: argparse.Namespace, log: Log) -> int:
    from .commands import reading
    from .render import status_json, status_text
    from .schema import SCHEMA
    from .status import status

    database = _database(arguments)
    with log.action("status", str(database)) as fields, reading(database) as connection:
        found = status(connection)
        fields["rows"] = len(found)
    if arguments.json:
        version, size = len(SCHEMA.migrations), database.stat().st_size
        write(status_json(database, found, version=version, size=size))
    else:
        write(status_text(found, terminal=is_terminal(sys.stdout)))
    return Exit.OK


def _run_verify(arguments: argparse.Namespace, log: Log) -> int:
    from .commands import verify
    from .render import verify_json

    database = _database(arguments)
    found = verify(database, log=log)
    for problem in found:
        _say(oneline(f"{database}: {problem}"))
    if arguments.json:
        write_result(verify_json(database, found))
    elif not found:
        write_result(f"{printable(str(database))}: sound\n")
    return Exit.CORRUPT if found else Exit.OK


def _say(message: str) -> None:
    note(TOOL, message)


COMMANDS = Commands(
    tool=TOOL,
    description=_DESCRIPTION,
    operand="OWNER/REPO",
    commands={
        "sync": Command(_add_sync, "[OPTIONS] [HOST/]OWNER/REPO... | --all", _SYNC),
        "export": Command(
            _add_export,
            "[OPTIONS] (--csv PATH | --ndjson PATH | --parquet PATH)",
            _EXPORT,
        ),
        "changes": Command(_add_changes, "[OPTIONS]", _CHANGES),
        "status": Command(_add_status, "[OPTIONS]", _STATUS),
        "verify": Command(_add_verify, "[OPTIONS]", _VERIFY),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: COMMANDS.run(argv, journal))
