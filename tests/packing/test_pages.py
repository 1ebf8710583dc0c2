"""The man pages and completions that are kept beside the tools, and in their wheels."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packing.model import command
from packing.pages import SHADOWED, pages

from tests.support.layout import COMMANDS, ROOT, TOOLS

MANUALS = {path.stem: path for path in ROOT.glob("tools/*/share/man/man1/*.1")}

every_command = pytest.mark.parametrize("name", COMMANDS)


def needed(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")


def files_of(name: str) -> set[str]:
    fish = set() if name in SHADOWED else {f"fish/vendor_completions.d/{name}.fish"}
    return fish | {
        f"bash-completion/completions/{name}",
        f"man/man1/{name}.1",
        f"zsh/site-functions/_{name}",
    }


def test_what_is_kept_is_what_the_sources_say() -> None:
    kept = {path for path in ROOT.glob("tools/*/share/**/*") if path.is_file()}
    made = dict(pages())
    assert kept == set(made)
    old = [path for path, text in made.items() if path.read_text() != text]
    assert not old, f"make pages: {old}"


def test_every_command_has_its_files() -> None:
    for tool in TOOLS:
        share = tool.folder / "share"
        found = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
        assert found == {file for name in tool.scripts for file in files_of(name)}


def test_the_pages_do_not_depend_on_the_place_or_the_terminal(tmp_path: Path) -> None:
    script = "from packing.pages import pages; print([text for _, text in pages()])"
    texts = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": str(ROOT), "COLUMNS": columns, "HOME": home, "TOOLROLL_LOG": home},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
        for columns, home in (("40", "/nowhere"), ("200", str(tmp_path)))
    ]
    assert texts[0] == texts[1]


@every_command
def test_a_page_has_nothing_that_mandoc_warns_of(name: str) -> None:
    needed("mandoc")
    said = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(MANUALS[name])],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (said.stdout + said.stderr, said.returncode) == (b"", 0)


def shown(page: Path) -> tuple[str, str]:
    """Return a page as `man` shows it on 80 columns, and what it complains of."""
    done = subprocess.run(
        ["man", "--warnings", "-l", str(page)],
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
        env=os.environ | {"MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
    )
    return re.sub(".\b", "", done.stdout), done.stderr


@every_command
def test_man_shows_a_page_with_all_its_sections_and_options(name: str) -> None:
    needed("man")
    text, complaints = shown(MANUALS[name])
    assert complaints == ""
    expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXAMPLES"]
    expected += ["EXIT STATUS", "ENVIRONMENT", "SEE ALSO"]
    known = command(name, COMMANDS[name])
    if not known.subcommands:
        expected.remove("COMMANDS")
    assert re.findall(r"^([A-Z][A-Z ]+)$", text, re.MULTILINE) == expected
    flat = " ".join(text.split())
    for part in (known.root, *known.subcommands.values()):
        for option in part.options:
            value = f" {option.value.name}" if option.value else ""
            assert f"{', '.join(option.flags)}{value} {option.help}"[:50] in flat


@every_command
def test_the_prose_of_a_page_fits_a_terminal(name: str) -> None:
    needed("man")
    wide = [line for line in shown(MANUALS[name])[0].splitlines() if len(line) > 80]
    assert [
        line for line in wide if not line.startswith(" " * 11)
    ] == []  # examples are as they are


PIP = [sys.executable, "-m", "pip", "--quiet"]
OFFLINE = ["--no-deps", "--no-index", "--no-build-isolation"]


def test_the_wheels_have_all_of_it(tmp_path: Path) -> None:
    folders = [str(tool.folder) for tool in TOOLS]
    subprocess.run(
        [*PIP, "wheel", *OFFLINE, "-w", str(tmp_path), *folders], check=True, timeout=240
    )
    for tool in TOOLS:
        (wheel,) = tmp_path.glob(f"toolroll_{tool.import_name}-*.whl")
        assert shared_by(wheel) == {
            file: (tool.folder / "share" / file).read_bytes()
            for name in tool.scripts
            for file in files_of(name)
        }


def shared_by(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            name.partition(".data/data/share/")[2]: archive.read(name)
            for name in archive.namelist()
            if ".data/data/" in name
        }


def test_pip_puts_a_page_where_man_finds_it(tmp_path: Path) -> None:
    needed("man")
    tool = ROOT / "tools" / "release-mirror"
    options = [*OFFLINE, "--ignore-installed", "--prefix", str(tmp_path)]
    subprocess.run([*PIP, "install", *options, str(tool)], check=True, timeout=120)
    found = subprocess.run(
        ["man", "-w", "release-mirror"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
    )
    assert found.stdout.strip() == str(tmp_path / "share" / "man" / "man1" / "release-mirror.1")
