"""`make recording`: docs/terminal.svg, what a terminal really shows of a first look at toolroll.

The commands run on a terminal of their own, against a stand-in for GitHub on loopback; the
picture is made of what they wrote, colours and all. Times and dates are those of the run.
"""

import io
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.support.github import GitHub
from tests.support.layout import ROOT
from tests.support.terminal import shown_on_a_terminal

PICTURE = ROOT / "docs/terminal.svg"
COLUMNS = 96
MEGABYTE = 1_000_000

COMMANDS = (
    "gh-releases acme/tool",
    "release-mirror acme/tool --dest mirror --keep-last 1 --dry-run",
    "release-mirror acme/tool --dest mirror --keep-last 1",
    "release-mirror acme/tool --dest mirror --keep-last 1    # again: nothing is downloaded",
    "printf oops >> mirror/acme/tool/v1.4.0/notes.txt; release-mirror verify --dest mirror",
    "release-mirror verify --dest mirror --repair",
    "gh-releases acme/tool --limit 1 --assets | contains - .sbom.json && echo yes",
)

FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>{lines}</defs>
<rect fill="#292929" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own fetches a font from the network, and draws the buttons of a window."""


@contextmanager
def a_project() -> Iterator[GitHub]:
    """Serve a project with three releases."""
    with GitHub() as github:
        project = github.add_repository("acme/tool")
        for month, tag in enumerate(("v1.2.0", "v1.3.0", "v1.4.0"), start=8):
            at = f"2026-{month:02}-05T09:00:00Z"
            release = project.add_release(tag, name=f"tool {tag[1:]}", created_at=at)
            for system, size in {"linux_amd64": 9, "linux_arm64": 8, "windows": 11}.items():
                content = random.Random(f"{tag}{system}").randbytes(size * MEGABYTE)  # noqa: S311
                release.add_asset(f"tool_{tag[1:]}_{system}.tar.gz", content)
            release.add_asset(f"tool_{tag[1:]}.sbom.json", b'{"packages": []}\n')
            release.add_asset("notes.txt", f"What is new in {tag}.\n".encode())
        yield github


def session(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the commands one after the other; yields each with what a terminal got of it."""
    with a_project() as github:
        environment = {
            "COLUMNS": str(COLUMNS),
            "GITHUB_API_URL": github.api_url,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SSL_CERT_FILE": os.devnull,
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        for command in COMMANDS:
            script = f"stty cols {COLUMNS}; cd {folder}; {command}"
            _, shown = shown_on_a_terminal(["bash", "-c", script], **environment)
            yield command, shown.replace("\r\n", "\n").rpartition("\r")[2].strip("\n")


def picture(parts: list[tuple[str, str]]) -> str:
    """Return a picture of a session, as SVG."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    for command, shown in parts:
        console.print(Text.assemble(("$ ", "green"), (command, "bold")))
        console.print(Text.from_ansi(shown))
    return console.export_svg(code_format=FRAME, unique_id="toolroll", font_aspect_ratio=0.61)


def main() -> int:
    """Draw the picture anew."""
    with tempfile.TemporaryDirectory(prefix="toolroll-") as folder:
        PICTURE.write_text(picture(list(session(Path(folder)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
