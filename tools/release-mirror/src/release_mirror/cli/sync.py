"""`release-mirror sync`: a mirror brought up to date."""

import argparse
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gh_releases import (
    ClientOptions,
    add_client_arguments,
    add_release_arguments,
    client_options,
)
from toolroll_shared.cli import byte_size, positive_int
from toolroll_shared.errors import UsageError
from toolroll_shared.logs import Log
from toolroll_shared.output import write_result
from toolroll_shared.signals import run_async

from .pieces import MAX_CONCURRENCY, TOOL, add_json, folder, read_config_file, say, watcher

if TYPE_CHECKING:
    from release_mirror.config import Config
    from release_mirror.mirror import Options, Target
    from release_mirror.rules import Rules

DEFAULT_CONCURRENCY = 16
"""Downloads at once: small ones mostly wait for a redirect. Far below GitHub's limit of 100."""


SYNC = """\
Bring a mirror up to date: DEST/OWNER/REPO/TAG/ASSET.

Each file is checked against GitHub's digest and appears whole or not at all. What is there
already is not downloaded again; DEST/manifest.sqlite keeps the account. A token is taken
from GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
"""


def add_sync(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `sync`."""
    add_release_arguments(parser, several=True)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a TOML file that names the repositories, each with rules of its own",
    )
    parser.add_argument(
        "--dest", type=folder, metavar="DIR", help="the mirror's folder; made if needed"
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
    add_json(parser, "print the summary (or plan) as one JSON object")
    add_client_arguments(parser)
    parser.set_defaults(run=_run_sync)


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
        type=_rate,
        metavar="SIZE",
        help="bytes per second, all downloads together, as in 10M",
    )
    group.add_argument(
        "--progress",
        choices=("auto", "bars", "lines", "none"),
        default="auto",
        help="how to show it on stderr (default: bars on a terminal, lines where $CI is set)",
    )


def _concurrency(text: str) -> int:
    number = positive_int(text)
    if number > MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"{number} exceeds {MAX_CONCURRENCY}")
    return number


def _rate(text: str) -> int:
    rate = byte_size(text)
    if not rate:
        raise argparse.ArgumentTypeError(f"{text!r} would let nothing through")
    return rate


def _run_sync(arguments: argparse.Namespace, log: Log) -> int:
    options = _sync_options(arguments)
    if arguments.dry_run:
        return _show_plan(options, log, json=arguments.json)
    return _mirror(options, log, json=arguments.json, progress=arguments.progress)


def _sync_options(arguments: argparse.Namespace) -> "Options":
    from release_mirror.mirror import Options
    from release_mirror.plan import OnReplaced
    from release_mirror.transfer import Pace

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
    from release_mirror.rules import Rules

    if _rules(arguments) != Rules():
        raise UsageError(f"the rules are those of {arguments.config}: change them there")
    return read_config_file(arguments.config)


def _targets(
    arguments: argparse.Namespace, config: "Config | None"
) -> tuple[list["Target"], set[str | None]]:
    """Return what to mirror, and on which hosts it is."""
    from release_mirror.mirror import Target

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
    from release_mirror.rules import Rules

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
    from release_mirror.mirror import Run
    from release_mirror.render import plan_json, plan_text
    from release_mirror.report import Report, exit_code

    report = Report()
    actions, room = run_async(Run(options, report, notify=say, log=log).plan())
    if json:
        write_result(plan_json(actions, report, room=room))
    else:
        write_result(plan_text(actions, room=room))
    return exit_code(report)


def _mirror(options: "Options", log: Log, *, json: bool, progress: str) -> int:
    from release_mirror.mirror import Run
    from release_mirror.render import report_json, report_text
    from release_mirror.report import Report, exit_code

    started = time.monotonic()
    report = Report()
    with watcher(progress) as watching:
        work = Run(options, report, notify=say, watcher=watching, log=log)
        try:
            run_async(work.mirror(), at_first_signal=work.interrupt)
        except KeyboardInterrupt:
            report.interrupted = True
    if report.error is not None:
        say(str(report.error))
    show = report_json if json else report_text
    write_result(show(report, duration_s=time.monotonic() - started))
    if report.interrupted:
        say("what is in place or has arrived stays; run it again to go on")
        raise KeyboardInterrupt
    return exit_code(report)
