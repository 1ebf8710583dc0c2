"""The `release-mirror` command: arguments in, a mirror brought up to date, checked or served."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    byte_size,
    duration,
    instant,
    positive_int,
    run,
)
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Log, open_log
from toolroll_shared.output import is_terminal, note, oneline, write, write_result
from toolroll_shared.signals import run_async

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

MAX_PORT = 65535

_DESCRIPTION = """\
Mirror the release assets of GitHub repositories into a folder.

  sync [HOST/]OWNER/REPO...   bring the mirror up to date; the command, if none is named
  verify                      read every file, and hold it against the manifest
  status                      what is mirrored, how fresh and how large
  prune                       remove what a policy does not keep
  serve                       serve it as GitHub's API for releases, read-only

Each has its own --help.
"""

_SYNC = """\
Bring a mirror up to date: DEST/OWNER/REPO/TAG/ASSET.

Each file is checked against GitHub's digest and appears whole or not at all. What is there
already is not downloaded again; DEST/manifest.sqlite keeps the account. A token is taken
from GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
"""

_SERVE = """\
Serve a mirror over HTTP, read-only, as GitHub's API for releases and its download addresses.

gh-releases, gh, curl and release-mirror itself work from it. Nobody is asked who they are:
listen on loopback, or put a proxy in front. Its URL is printed once it accepts connections.
"""


_VERIFY = """\
Read every mirrored file and hold it against the manifest; no network is needed.

  missing     recorded, and not there          (exit code 1)
  changed     there, and not what was recorded (exit code 1)
  orphaned    as recorded, but gone upstream
  unrecorded  there, and not in the manifest   (exit code 1 with --strict)
"""

_STATUS = """\
Show what is mirrored of each repository, how large it is, and when a run over it was
last complete.
"""

_PRUNE = """\
Remove mirrored files that fit all the conditions given; at least one is needed.

Without --yes it only shows them. What the mirror did not write is never removed. Give
sync the same limits, or it downloads them again.
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


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_names(parser)
    _add_dest(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--repair", action="store_true", help="fetch what is missing or changed, and check again"
    )
    action.add_argument(
        "--rebuild",
        action="store_true",
        help="make the manifest anew from the files and the API; the old one is kept aside",
    )
    parser.add_argument("--strict", action="store_true", help="unrecorded files are a failure, too")
    parser.add_argument(
        "--jobs", type=positive_int, metavar="N", help="files read at once (default: the cores)"
    )
    _add_json(parser, "print the findings as one JSON object")
    add_client_arguments(parser)
    parser.set_defaults(run=_run_verify)


def _add_status(parser: argparse.ArgumentParser) -> None:
    _add_dest(parser)
    parser.add_argument(
        "--max-age",
        type=duration,
        metavar="DURATION",
        help="fail if the last complete run of a repository is longer ago, as in 2d",
    )
    _add_json(parser, "print one JSON object")
    parser.set_defaults(run=_run_status)


def _add_prune(parser: argparse.ArgumentParser) -> None:
    _add_names(parser)
    _add_dest(parser)
    group = parser.add_argument_group("conditions: a file is removed if all of them fit")
    group.add_argument("--gone", action="store_true", help="it is gone upstream")
    group.add_argument(
        "--keep-last",
        type=positive_int,
        metavar="N",
        help="its release is not among the newest N that are mirrored of its repository",
    )
    group.add_argument(
        "--before", type=instant, metavar="ISO8601", help="its release was published before this"
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="GLOB",
        help="its release's tag fits; may be repeated: any of them",
    )
    group.add_argument("--prereleases", action="store_true", help="its release is a pre-release")
    group.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="GLOB",
        help="its name fits; may be repeated: any of them",
    )
    group.add_argument(
        "--config", type=Path, metavar="FILE", help="the rules of this file do not want it"
    )
    parser.add_argument("--yes", action="store_true", help="remove, and not only show")
    _add_json(parser, "print what is removed as one JSON object")
    parser.set_defaults(run=_run_prune)


def _add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "repositories", nargs="*", metavar="OWNER/REPO", help="only these; all, if none is named"
    )


def _add_dest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dest", type=_folder, metavar="DIR", required=True, help="the mirror's folder"
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "which releases and assets (default: all but drafts and pre-releases)"
    )
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

    def of(name: str) -> Any:  # what stands on the command line counts more
        return getattr(arguments, name) or getattr(config, name, None)

    if of("dest") is None:
        raise UsageError(f"where to? Name it with --dest (see '{TOOL} sync --help')")
    return Options(
        targets=targets,
        dest=of("dest"),
        client=_client_options(arguments, hosts),
        pace=Pace(
            concurrency=of("concurrency") or DEFAULT_CONCURRENCY,
            per_host=of("per_host"),
            rate=of("limit_rate"),
        ),
        on_replaced=OnReplaced(of("on_replaced") or "refuse"),
    )


def _config(arguments: argparse.Namespace) -> "Config | None":
    if bool(arguments.repositories) == (arguments.config is not None):
        raise UsageError(
            "which repositories? Name them, or a file of them with --config "
            f"(see '{TOOL} sync --help')"
        )
    if arguments.config is None:
        return None
    from .rules import Rules

    if _rules(arguments) != Rules():
        raise UsageError(f"the rules are those of {arguments.config}: change them there")
    return _read_config(arguments.config)


def _read_config(path: Path) -> "Config":
    from .config import read_config

    try:
        return read_config(path, instant=instant, size=byte_size)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{path}: {error}") from error


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


def _run_verify(arguments: argparse.Namespace, log: Log) -> int:
    from .render import findings_json, findings_text
    from .repair import CheckOptions, Healer
    from .report import Report, exit_code

    started, watcher = time.monotonic(), _watcher("auto")
    report = Report()
    healer = Healer(
        CheckOptions(
            dest=arguments.dest,
            names=arguments.repositories,
            jobs=arguments.jobs,
            client=client_options(arguments, None),
        ),
        report,
        notify=_say,
        watcher=watcher,
        log=log,
    )
    with watcher:
        findings, healed = run_async(
            healer.heal(repair=arguments.repair, rebuild=arguments.rebuild),
            at_first_signal=healer.interrupt,
        )
    if report.interrupted:
        raise KeyboardInterrupt
    duration_s = time.monotonic() - started
    if arguments.json:
        write_result(findings_json(findings, healed, report, duration_s=duration_s))
    else:
        write_result(findings_text(findings, healed, duration_s=duration_s))
    is_bad = findings.broken or (arguments.strict and findings.of("unrecorded"))
    return Exit.FAILED if is_bad else exit_code(report)


def _run_status(arguments: argparse.Namespace, _log: Log) -> int:
    from datetime import UTC, datetime

    from .commands import read_standings
    from .render import status_json, status_text
    from .status import stale

    found = read_standings(arguments.dest)
    late = [] if arguments.max_age is None else stale(found, max_age_s=arguments.max_age)
    if arguments.json:
        write_result(status_json(found, stale=late))
    else:
        terminal = is_terminal(sys.stdout)
        write_result(status_text(found, terminal=terminal, now=datetime.now(UTC)))
    for one in late:
        last = f"was at {one.complete_at}" if one.complete_at else "never was"
        _say(f"{one.repository}: the last complete run {last}")
    return Exit.FAILED if late else Exit.OK


def _run_prune(arguments: argparse.Namespace, log: Log) -> int:
    from .commands import PruneOptions, prune
    from .prune import Policy
    from .render import removals_json, removals_text

    policy = Policy(
        gone=arguments.gone,
        keep_last=arguments.keep_last,
        before=arguments.before,
        tags=tuple(arguments.tag),
        prereleases=arguments.prereleases,
        include=tuple(arguments.include),
        unwanted=arguments.config is not None,
    )
    if not policy.is_any:
        raise UsageError(f"which files? Name a condition (see '{TOOL} prune --help')")
    config = _read_config(arguments.config) if arguments.config else None
    options = PruneOptions(
        dest=arguments.dest,
        names=arguments.repositories,
        policy=policy,
        rules={one.name.lower(): rules for one, rules in config.repositories} if config else {},
    )
    removals = prune(options, really=arguments.yes, log=log)
    show = removals_json if arguments.json else removals_text
    write_result(show(removals, done=arguments.yes))
    troubles = [one for one in removals if one.trouble]
    for one in troubles:
        _say(f"{one.record.path}: not removed: it {one.trouble}")
    return Exit.FAILED if troubles else Exit.OK


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dest", type=_folder, required=True, metavar="DIR", help="the mirror's folder"
    )
    parser.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1:8080",
        metavar="HOST:PORT",
        help="where; port 0 is any (default: %(default)s)",
    )
    parser.add_argument(
        "--public-url",
        type=_public_url,
        metavar="URL",
        help="what clients call it, where a proxy is in front (default: as they say in Host)",
    )
    parser.set_defaults(run=_run_serve)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if ":" in host:  # an IPv6 address stands in brackets
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
    if not host or not (port.isascii() and port.isdecimal()) or int(port[:6]) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT, such as 127.0.0.1:8080")
    return host, int(port)


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.\[\]:-]+(/[\w./~-]*)?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL such as https://mirror.example")
    return text.rstrip("/")


def _run_serve(arguments: argparse.Namespace, log: Log) -> int:
    try:
        from .serve import Options, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"needs {error.name}: pip install 'toolroll-release-mirror[serve]'"
        ) from error
    host, port = arguments.listen
    options = Options(dest=arguments.dest, host=host, port=port, public_url=arguments.public_url)
    run_async(serve(options, ready=_show_url, notify=_say, log=log))
    return Exit.OK


def _show_url(url: str) -> None:
    write(f"{url}\n", flush=True)


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
    "sync": (_add_sync, "[[HOST/]OWNER/REPO...] --dest DIR [options]", _SYNC),
    "verify": (_add_verify, "--dest DIR [--repair | --rebuild] [options]", _VERIFY),
    "status": (_add_status, "--dest DIR [--max-age DURATION] [options]", _STATUS),
    "prune": (_add_prune, "--dest DIR CONDITION... [--yes] [options]", _PRUNE),
    "serve": (_add_serve, "--dest DIR [--listen HOST:PORT] [options]", _SERVE),
}
"""For each command: what adds its arguments, its usage, its description."""
