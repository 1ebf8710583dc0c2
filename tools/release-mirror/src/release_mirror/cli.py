"""The `release-mirror` command: arguments in, a mirror brought up to date, checked or served."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gh_releases import (
    ClientOptions,
    add_client_arguments,
    add_release_arguments,
    client_options,
)
from toolroll_shared.cli import (
    Parser,
    add_common_arguments,
    add_version_argument,
    instant,
    positive_int,
    run,
)
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Log, open_log
from toolroll_shared.output import is_terminal, note, oneline, write_result
from toolroll_shared.signals import run_async

try:
    from toolroll_shared.cli import byte_size
except ImportError:
    byte_size = int

if TYPE_CHECKING:
    from .config import Config
    from .mirror import Options, Target
    from .progress import Watcher
    from .rules import Rules

TOOL = "release-mirror"

DEFAULT_CONCURRENCY = 8
"""Downloads at once: enough to fill a line, far below GitHub's limit of 100 requests."""

MAX_CONCURRENCY = 100
"""GitHub refuses more requests at once."""

_DESCRIPTION = """\
Mirror the release assets of GitHub repositories into a folder.

  sync [HOST/]OWNER/REPO...   bring the mirror up to date; the command, if none is named
"""

_SYNC = """\
Bring a mirror up to date: DEST/OWNER/REPO/TAG/ASSET.

Each file is checked against GitHub's digest and appears whole or not at all. What is there
already is not downloaded again; DEST/manifest.sqlite keeps the account. A token is taken
from GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda: _main(sys.argv[1:] if argv is None else argv))


def _main(argv: Sequence[str]) -> int:
    arguments = _parse(argv)
    command: Callable[[argparse.Namespace, Log], int] = arguments.run
    with open_log(TOOL, arguments.log_json) as log:
        return command(arguments, log)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command; it is `sync` where none is named.

    Raises:
        UsageError: the first argument is neither a command nor could be a repository.
    """
    first = argv[0] if argv else "-"
    if first in {"-h", "--help", "--version"}:
        return build_parser().parse_args(argv)
    if first in COMMANDS:
        return command_parser(first).parse_intermixed_args(argv[1:])
    if not first.startswith("-") and "/" not in first:
        commands = ", ".join(COMMANDS)
        raise UsageError(f"{first!r} is neither OWNER/REPO nor a command ({commands})")
    try:
        return command_parser("sync").parse_intermixed_args(argv)
    except UsageError as error:
        if late := [one for one in argv if one in COMMANDS]:
            raise UsageError(f"the command comes first: {TOOL} {late[0]} ...") from error
        raise


def build_parser() -> Parser:
    """Return the parser of what comes without a command."""
    parser = Parser(TOOL, description=_DESCRIPTION, usage=f"{TOOL} [COMMAND] ...")
    add_version_argument(parser, tool=TOOL)
    return parser


def command_parser(command: str) -> Parser:
    """Return a command's parser."""
    add_arguments, usage, description = COMMANDS[command]
    parser = Parser(f"{TOOL} {command}", usage=f"%(prog)s {usage}", description=description)
    add_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _add_sync(parser: argparse.ArgumentParser) -> None:
    add_release_arguments(parser, several=True)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a TOML file that names the repositories, each with rules of its own",
    )
    parser.add_argument(
        "--dest", type=_folder, metavar="DIR", help="the mirror's folder; made if needed"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and write nothing"
    )
    parser.add_argument(
        "--on-replaced",
        choices=("refuse", "keep-both", "replace"),
        help="what to do about an asset that upstream has replaced under the same name: fail "
        "(refuse, the default), keep the new one beside the old one, or replace it",
    )
    _add_choice(parser)
    _add_pace(parser)
    _add_json(parser, "print the summary (or plan) as one JSON object")
    add_client_arguments(parser)
    parser.set_defaults(run=_run_sync)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which releases and assets (all of them, but for drafts)")
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="GLOB",
        help="only releases whose tag fits; may be repeated: any of them",
    )
    group.add_argument("--latest", action="store_true", help="only the latest, as GitHub shows it")
    group.add_argument(
        "--keep-last", type=positive_int, metavar="N", help="only the newest N of those that fit"
    )
    group.add_argument("--prereleases", action="store_true", help="pre-releases as well")
    group.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="GLOB",
        help="only assets whose name fits; may be repeated: any of them",
    )
    group.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="no assets whose name fits; may be repeated",
    )
    group.add_argument(
        "--max-size", type=byte_size, metavar="SIZE", help="no assets larger than this, as in 2G"
    )
    group.add_argument(
        "--source-archives",
        action="store_true",
        help="also GitHub's archives of the tag, whose bytes nobody vouches for",
    )


def _add_pace(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how much at once")
    group.add_argument(
        "--concurrency",
        type=_concurrency,
        metavar="N",
        help=f"downloads at once (default: {DEFAULT_CONCURRENCY})",
    )
    group.add_argument(
        "--per-host", type=positive_int, metavar="N", help="downloads at once from one host"
    )
    group.add_argument(
        "--limit-rate",
        type=byte_size,
        metavar="SIZE",
        help="bytes per second, all downloads together, as in 10M",
    )
    group.add_argument(
        "--progress",
        choices=("auto", "bars", "lines", "none"),
        default="auto",
        help="how to show it on stderr (default: bars on a terminal, lines where $CI is set)",
    )


def _add_json(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--json", action="store_true", help=text)


def _folder(text: str) -> Path:
    if not text:  # an unset variable, most likely; Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty name is no folder")
    return Path(text)


def _concurrency(text: str) -> int:
    number = positive_int(text)
    if number > MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"{number} exceeds {MAX_CONCURRENCY}")
    return number


def _run_sync(arguments: argparse.Namespace, log: Log) -> int:
    options = _sync_options(arguments)
    if arguments.dry_run:
        return _show_plan(options, log, json=arguments.json)
    return _mirror(options, log, json=arguments.json, progress=arguments.progress)


def _sync_options(arguments: argparse.Namespace) -> "Options":
    from .mirror import Options
    from .plan import OnReplaced
    from .transfer import Pace

    config = _config(arguments)
    targets, hosts = _targets(arguments, config)
    dest = arguments.dest or (config and config.dest)
    if dest is None:
        raise UsageError(f"where to? Name it with --dest (see '{TOOL} sync --help')")
    on_replaced = OnReplaced(arguments.on_replaced) if arguments.on_replaced else None
    return Options(
        targets=targets,
        dest=dest,
        client=_client_options(arguments, hosts),
        pace=Pace(
            concurrency=arguments.concurrency
            or (config and config.concurrency)
            or DEFAULT_CONCURRENCY,
            per_host=arguments.per_host or (config and config.per_host),
            rate=arguments.limit_rate or (config and config.limit_rate),
        ),
        on_replaced=on_replaced or (config and config.on_replaced) or OnReplaced.REFUSE,
    )


def _config(arguments: argparse.Namespace) -> "Config | None":
    if bool(arguments.repositories) == (arguments.config is not None):
        raise UsageError(
            "which repositories? Name them, or a file of them with --config "
            f"(see '{TOOL} sync --help')"
        )
    if arguments.config is None:
        return None
    from .config import read_config
    from .rules import Rules

    if _rules(arguments) != Rules():
        raise UsageError(f"the rules are those of {arguments.config}: change them there")
    try:
        return read_config(arguments.config, instant=instant, size=byte_size)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{arguments.config}: {error}") from error


def _targets(
    arguments: argparse.Namespace, config: "Config | None"
) -> tuple[list["Target"], set[str | None]]:
    """Return what to mirror, and on which hosts it is."""
    from .mirror import Target

    if config is None:
        rules = _rules(arguments)
        found = [(repository, rules) for repository in arguments.repositories]
    else:
        found = list(config.repositories)
    targets = {
        repository.name.lower(): Target(repository=repository.name, rules=rules)
        for repository, rules in found
    }
    if len(targets) < len(found) and config is not None:
        raise UsageError(f"{arguments.config}: names a repository twice")
    return list(targets.values()), {repository.host for repository, _ in found}


def _rules(arguments: argparse.Namespace) -> "Rules":
    from .rules import Rules

    return Rules(
        since=arguments.since,
        tags=tuple(arguments.tag),
        prereleases=arguments.prereleases,
        latest=arguments.latest,
        keep_last=arguments.keep_last,
        include=tuple(arguments.include),
        exclude=tuple(arguments.exclude),
        max_size=arguments.max_size,
        source_archives=arguments.source_archives,
    )


def _client_options(arguments: argparse.Namespace, hosts: Collection[str | None]) -> ClientOptions:
    first, *others = [client_options(arguments, host) for host in hosts]
    if any((one.api_url, one.token) != (first.api_url, first.token) for one in others):
        raise UsageError("the repositories are on several servers: use a folder for each")
    return first


def _show_plan(options: "Options", log: Log, *, json: bool) -> int:
    from .mirror import Run
    from .render import plan_json, plan_text
    from .report import Report, exit_code

    report = Report()
    actions, room = run_async(Run(options, report, notify=_say, log=log).plan())
    if json:
        write_result(plan_json(actions, report, room=room))
    else:
        write_result(plan_text(actions, room=room))
    return exit_code(report)


def _mirror(options: "Options", log: Log, *, json: bool, progress: str) -> int:
    from .mirror import Run
    from .render import report_json, report_text
    from .report import Report, exit_code

    started = time.monotonic()
    report = Report()
    with _watcher(progress) as watcher:
        work = Run(options, report, notify=_say, watcher=watcher, log=log)
        try:
            run_async(work.mirror(), at_first_signal=work.interrupt)
        except KeyboardInterrupt:
            report.interrupted = True
    if report.error is not None:
        _say(str(report.error))
    show = report_json if json else report_text
    write_result(show(report, duration_s=time.monotonic() - started))
    if report.interrupted:
        _say("what is in place or has arrived stays; run it again to go on")
        raise KeyboardInterrupt
    return exit_code(report)


def _watcher(progress: str) -> "Watcher":
    from .progress import Bars, Lines, Nobody

    if progress == "auto":
        quiet = "lines" if os.environ.get("CI") else "none"
        progress = "bars" if is_terminal(sys.stderr) else quiet
    return {"bars": Bars, "lines": lambda: Lines(_say), "none": Nobody}[progress]()


def _say(message: str) -> None:
    note(TOOL, oneline(message))


_Command = tuple[Callable[[argparse.ArgumentParser], None], str, str]

COMMANDS: dict[str, _Command] = {
    "sync": (_add_sync, "[[HOST/]OWNER/REPO...] [--config FILE] --dest DIR [options]", _SYNC),
}
"""For each command: what adds its arguments, its usage, its description."""
