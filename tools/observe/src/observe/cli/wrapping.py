"""`observe -- CMD`: a command is run, and what it came to is delivered."""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from observe.channel import Channel
from observe.commands import Ending, run, signals_held
from toolroll_shared.errors import Exit, ToolError, UsageError
from toolroll_shared.logs import LOG_VARIABLE, REQUEST_ID_VARIABLE, Journal
from toolroll_shared.output import note, oneline, redact_url
from toolroll_shared.secrets import secrets_of

from .observed import Observed
from .places import kept_at

if TYPE_CHECKING:
    from observe.gateway import Group
    from observe.samples import Samples

TOOL = "observe"


def run_command(arguments: argparse.Namespace, words: Sequence[str], journal: Journal) -> int:
    """Run a command and deliver the metrics; return the command's exit code.

    Raises:
        UsageError: the options make no sense.
    """
    if arguments.push is not None:
        from observe.gateway import check_url

        check_url(arguments.push)
    name = arguments.name or _name_of(words[0])
    journal.open(arguments.log_json)
    observed = Observed(name, journal)
    with signals_held() as mask, ExitStack() as stack:
        if arguments.listen is not None:
            _listen(arguments.listen, observed, stack)
        environment = {**os.environ, REQUEST_ID_VARIABLE: journal.log.request_id}
        channel = _channel(observed, stack)
        if channel is not None:
            environment[LOG_VARIABLE] = str(channel.path)
        ending = run(words, environment, mask)
    if ending.error is not None:
        _say(f"{words[0]}: {ending.error}")
    observed.ended(ending)
    if observed.metrics.invalid:
        _say(f"{observed.metrics.invalid} lines of its log were no records")
    _deliver(arguments, name, observed.metrics.samples(), journal)
    journal.outcome = _outcome_of(observed, ending)
    return ending.exit_code


def _outcome_of(observed: Observed, ending: Ending) -> str:
    """Return how our own run ended: as the command did, where that is a word of ours."""
    known = {"no", *(one.name.lower() for one in Exit)}
    if observed.outcome in known:
        return observed.outcome
    return "failed" if ending.exit_code else "ok"


def _name_of(word: str) -> str:
    """Return a command's name as one of a tool."""
    name = secrets_of(os.environ).hidden(Path(word).name)
    return re.sub(r"[^\w.:-]", "_", name, flags=re.ASCII)[:64] or "_"


def _channel(observed: Observed, stack: ExitStack) -> Channel | None:
    try:
        return stack.enter_context(Channel(observed.take))
    except OSError as error:
        _say(f"no records will come: {error.filename or 'a pipe'}: {error.strerror}")
        return None


def _listen(where: tuple[str, int], observed: Observed, stack: ExitStack) -> None:
    """Serve the metrics from now on; that it cannot be done stops no work."""
    from observe.exporter import exporting, health

    sources = {
        "/metrics": lambda: (HTTPStatus.OK, observed.text()),
        "/healthz": lambda: health(ok=True),
    }
    try:
        _say(f"serving {stack.enter_context(exporting(*where, sources))}")
    except (UsageError, UnicodeError) as error:
        _say(f"{error}; going on without")


def _deliver(arguments: argparse.Namespace, name: str, samples: Samples, journal: Journal) -> None:
    """Bring the metrics where they are wanted. The command's exit code tells nothing of that."""
    if arguments.textfile is not None:
        _bring("textfile", str(arguments.textfile), journal, lambda: _write(arguments, samples))
    if arguments.push is not None:
        group = _group(arguments, name)
        _bring("push", redact_url(arguments.push), journal, lambda: _push(group, samples))


def _write(arguments: argparse.Namespace, samples: Samples) -> Samples:
    from observe.textfile import add_to

    return add_to(arguments.textfile, samples, notify=_say)


def _push(group: Group, samples: Samples) -> Samples:
    from observe.gateway import push

    return push(group, samples)


def _group(arguments: argparse.Namespace, name: str) -> Group:
    from observe.gateway import Group

    job = arguments.job or name
    instance = arguments.instance or socket.gethostname()
    lock = kept_at("push", redact_url(arguments.push), job, instance)
    return Group(url=arguments.push, job=job, instance=instance, lock=lock)


def _bring(kind: str, target: str, journal: Journal, bring: Callable[[], Samples]) -> None:
    try:
        with journal.log.action("deliver", target) as fields:
            fields["kind"] = kind
            fields["series"] = len(bring())
    except ToolError as error:
        _say(f"the metrics are not delivered: {error}")
    except OSError as error:
        what = f"{error.filename}: " if isinstance(error.filename, str) else ""
        _say(f"the metrics are not delivered: {what}{error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - a bug, but the command's exit code is to be kept
        _say(f"the metrics are not delivered: internal error: {type(error).__name__}: {error}")


def _say(text: str) -> None:
    note(TOOL, oneline(text))
