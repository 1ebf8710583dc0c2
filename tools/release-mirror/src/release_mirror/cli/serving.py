"""`release-mirror serve`: the mirror as GitHub's API for releases."""

import argparse
import re

from toolroll_shared.cli import address
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Log
from toolroll_shared.output import write
from toolroll_shared.signals import run_async

from .pieces import add_dest, say

SERVE = """\
Serve a mirror over HTTP, read-only, as GitHub's API for releases and its download addresses.

gh-releases, gh, curl and release-mirror itself work from it. Nobody is asked who they are:
listen on loopback, or put a proxy in front. Its URL is printed once it accepts connections.
"""


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    add_dest(parser)
    parser.add_argument(
        "--listen",
        type=address,
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


def _public_url(text: str) -> str:
    if not re.fullmatch(r"https?://[\w.\[\]:-]+(/[\w./~-]*)?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL such as https://mirror.example")
    return text.rstrip("/")


def _run_serve(arguments: argparse.Namespace, log: Log) -> int:
    try:
        from release_mirror.serve import Options, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"needs {error.name}: pip install 'toolroll-release-mirror[serve]'"
        ) from error
    host, port = arguments.listen
    options = Options(dest=arguments.dest, host=host, port=port, public_url=arguments.public_url)
    run_async(serve(options, ready=_show_url, notify=say, log=log))
    return Exit.OK


def _show_url(url: str) -> None:
    write(f"{url}\n", flush=True)
