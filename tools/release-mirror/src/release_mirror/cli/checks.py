"""`release-mirror verify`, `status` and `prune`: commands about what is here already."""

import argparse
import sys
import time
from pathlib import Path

from gh_releases import add_client_arguments, client_options
from toolroll_shared.cli import duration, instant, positive_int
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Log
from toolroll_shared.output import is_terminal, write_result
from toolroll_shared.signals import run_async

from .pieces import TOOL, add_dest, add_json, add_names, read_config_file, say, watcher

VERIFY = """\
Read every mirrored file and hold it against the manifest; no network is needed.

  missing     recorded, and not there          (exit code 1)
  changed     there, and not what was recorded (exit code 1)
  orphaned    as recorded, but gone upstream
  unrecorded  there, and not in the manifest   (exit code 1 with --strict)
"""

STATUS = """\
Show what is mirrored of each repository, how large it is, and when a run over it was
last complete.
"""

PRUNE = """\
Remove mirrored files that fit all the conditions given; at least one is needed.

Without --yes it only shows them. What the mirror did not write is never removed. Give
sync the same limits, or it downloads them again.
"""


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `verify`."""
    add_names(parser)
    add_dest(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--repair", action="store_true", help="fetch what is missing or changed, and check again"
    )
    action.add_argument(
        "--rebuild",
        action="store_true",
        help="make the manifest anew from the files and the API, for the repositories named "
        "or else for each folder OWNER/REPO; the old one is kept aside",
    )
    parser.add_argument("--strict", action="store_true", help="unrecorded files are a failure, too")
    parser.add_argument(
        "--jobs", type=positive_int, metavar="N", help="files read at once (default: the cores)"
    )
    add_json(parser, "print the findings as one JSON object")
    add_client_arguments(parser)
    parser.set_defaults(run=_run_verify)


def _run_verify(arguments: argparse.Namespace, log: Log) -> int:
    from release_mirror.render import findings_json, findings_text
    from release_mirror.repair import CheckOptions, Healer
    from release_mirror.report import Report, exit_code

    started, watching = time.monotonic(), watcher()
    report = Report()
    healer = Healer(
        CheckOptions(
            dest=arguments.dest,
            names=arguments.repositories,
            jobs=arguments.jobs,
            client=client_options(arguments, None),
        ),
        report,
        notify=say,
        watcher=watching,
        log=log,
    )
    with watching:
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


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `status`."""
    add_dest(parser)
    parser.add_argument(
        "--max-age",
        type=duration,
        metavar="DURATION",
        help="fail if the last complete run of a repository is longer ago, as in 2d",
    )
    add_json(parser, "print one JSON object")
    parser.set_defaults(run=_run_status)


def _run_status(arguments: argparse.Namespace, log: Log) -> int:
    from datetime import UTC, datetime

    from release_mirror.commands import read_standings
    from release_mirror.render import status_json, status_text
    from release_mirror.status import stale

    found = read_standings(arguments.dest, log=log)
    late = [] if arguments.max_age is None else stale(found, max_age_s=arguments.max_age)
    if arguments.json:
        write_result(status_json(found, stale=late))
    else:
        terminal = is_terminal(sys.stdout)
        write_result(status_text(found, terminal=terminal, now=datetime.now(UTC)))
    for one in late:
        last = f"was at {one.complete_at}" if one.complete_at else "never was"
        say(f"{one.repository}: the last complete run {last}")
    return Exit.FAILED if late else Exit.OK


def add_prune(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `prune`."""
    add_names(parser)
    add_dest(parser)
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
    add_json(parser, "print what is removed as one JSON object")
    parser.set_defaults(run=_run_prune)


def _run_prune(arguments: argparse.Namespace, log: Log) -> int:
    from release_mirror.commands import PruneOptions, prune
    from release_mirror.prune import Policy
    from release_mirror.render import removals_json, removals_text

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
    config = read_config_file(arguments.config) if arguments.config else None
    options = PruneOptions(
        dest=arguments.dest,
        names=arguments.repositories,
        policy=policy,
        rules={one.name.lower(): rules for one, rules in config.repositories} if config else {},
    )
    removals = prune(options, really=arguments.yes, notify=say, log=log)
    show = removals_json if arguments.json else removals_text
    write_result(show(removals, done=arguments.yes))
    troubles = [one for one in removals if one.trouble]
    for one in troubles:
        say(f"{one.record.path}: not removed: it {one.trouble}")
    return Exit.FAILED if troubles else Exit.OK
