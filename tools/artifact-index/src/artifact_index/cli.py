"""The `artifact-index` command: arguments in, a database brought up to date."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gh_releases import (
    ClientOptions,
    add_client_arguments,
    add_release_arguments,
    client_options,
)
from toolroll_shared.cli import Parser, add_common_arguments, run
from toolroll_shared.logs import Log, open_log
from toolroll_shared.output import json_document, note, write_result
from toolroll_shared.signals import run_async

if TYPE_CHECKING:
    from datetime import datetime

    from .store import Changes, PageChanges

TOOL = "artifact-index"

_DESCRIPTION = """\
Store the releases and assets of a GitHub repository in a SQLite database.

Running it again updates what differs and leaves the rest alone. A token is taken from
GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    repository: str
    database: Path
    since: "datetime | None"
    json: bool
    client: ClientOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda: _main(argv))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    add_release_arguments(parser)
    parser.add_argument(
        "--db", type=Path, required=True, metavar="PATH", help="the database; made if not there"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    add_client_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _main(argv: Sequence[str] | None) -> int:
    arguments = build_parser().parse_args(argv)
    options = _Options(
        repository=arguments.repository.name,
        database=arguments.db,
        since=arguments.since,
        json=arguments.json,
        client=client_options(arguments),
    )
    with open_log(TOOL, arguments.log_json) as log:
        changes = _sync(options, log)
    write_result(_json(options, changes) if options.json else _text(options, changes))
    return 0


def _sync(options: _Options, log: Log) -> "PageChanges":
    from contextlib import closing

    from gh_releases import Client
    from toolroll_shared.sqlite import errors_of, open_database

    from .store import SCHEMA, Store
    from .sync import sync

    async def filled(store: Store) -> "PageChanges":
        client = Client(options.client, notify=_say, log=log)
        async with client:
            return await sync(client, store, options.repository, since=options.since)

    with (
        closing(open_database(options.database, SCHEMA)) as connection,
        errors_of(options.database),
    ):
        return run_async(filled(Store(connection)))


def _say(message: str) -> None:
    note(TOOL, message)


def _json(options: _Options, changes: "PageChanges") -> str:
    return json_document({"repository": options.repository, **asdict(changes)})


def _text(options: _Options, changes: "PageChanges") -> str:
    return (
        f"{options.repository}: releases {_counts(changes.releases)}; "
        f"assets {_counts(changes.assets)}\n"
    )


def _counts(changes: "Changes") -> str:
    return f"{changes.new} new, {changes.changed} changed, {changes.unchanged} unchanged"
