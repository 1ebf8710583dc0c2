"""Fill /opt/toolroll, all that an image has above its base; the Dockerfile's build stages run it.

It runs on a bare Python of the base. First a wheel of each member is built, once for all images;
then an environment is made of those that are needed and of what they depend on, every file held
to the hashes of requirements.lock.

    python3 -m packing.image wheels
    python3 -m packing.image install 'release-mirror[serve]'
    python3 -m packing.image install all
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packing.needs import needs

ROOT = Path(__file__).parents[1]
HOME = Path("/opt/toolroll")
LOCK = ROOT / "requirements.lock"
WHEELS = ROOT / "build/wheels"
BUILDER = ROOT / "build/builder"
BUILDERS = ("hatchling", "pip")
"""What builds and installs wheels; it is in no image."""

ALL_EXTRAS = {"release-mirror": "[serve]"}
"""What an image of all tools has beyond what they cannot do without."""

CONFIG, CERTIFICATES = Path("/run/secrets/pip.conf"), Path("/run/secrets/ca.pem")
"""Secrets of the build, both optional: where pip looks for wheels, and whom it trusts."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m packing.image")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("wheels", help="build the wheels of all members")
    install = steps.add_parser("install", help=f"make {HOME}")
    install.add_argument("tool", help="a folder of tools/, with extras if wanted; or: all")
    arguments = parser.parse_args(argv)
    if arguments.step == "wheels":
        build_wheels()
        return 0
    wanted = every_tool() if arguments.tool == "all" else [arguments.tool]
    if bare(wanted[0]) not in map(bare, every_tool()):
        parser.error(f"there is no tools/{wanted[0]}")
    fill(wanted)
    return 0


def every_tool() -> list[str]:
    """All tools, with their extras."""
    names = sorted(path.parent.name for path in ROOT.glob("tools/*/pyproject.toml"))
    return [name + ALL_EXTRAS.get(name, "") for name in names]


def build_wheels() -> None:
    """Make the environment that builds, and the wheel of each member."""
    (kept,) = (ROOT / "packing").glob("pip-*.whl")
    install(make_environment(BUILDER), f"{kept}/pip", *BUILDERS)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(WHEELS)]
    folders = [str(folder_of(one)) for one in ["shared", *every_tool()]]
    run(BUILDER / "bin/python", "-m", "pip", "wheel", *options, *folders)


def fill(wanted: Sequence[str]) -> None:
    """Make the environment, and what starts and checks the tools in it."""
    requirements = WHEELS / "requirements.txt"
    requirements.write_text("".join(required(wanted)))
    python = make_environment(HOME)
    pip = str(next(BUILDER.glob("lib/python3*/site-packages/pip")))
    install(python, pip, "--requirement", str(requirements))
    compiling = ["compileall", "-q", "--invalidation-mode", "unchecked-hash", "-j", "0"]
    run(python, "-m", *compiling, str(HOME / "lib"))
    keep_only(commands_of(wanted))
    make_entry(commands_of(wanted))
    for extra in ("LICENSE", "packing/health.py"):
        shutil.copy(ROOT / extra, HOME)


def required(wanted: Sequence[str]) -> Iterator[str]:
    """Yield pip's requirement of each member that is needed, with the hash of its wheel."""
    asked_for = {bare(one): one for one in wanted}
    for name in members(wanted):
        (wheel,) = WHEELS.glob(f"toolroll_{name.replace('-', '_')}-*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        requirement = f"toolroll-{asked_for.get(name, name)}"
        yield f"{requirement} @ {wheel.as_uri()} --hash=sha256:{digest}\n"


def members(wanted: Sequence[str]) -> list[str]:
    """Return the tools, and the members that they depend on."""
    folders, _ = needs(*map(bare, wanted))
    return sorted(folder.name for folder in folders)


def bare(requirement: str) -> str:
    """Return a requirement's name, without extras and versions."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0]


def folder_of(tool: str) -> Path:
    """Return a member's folder."""
    name = bare(tool)
    return ROOT / "shared" if name == "shared" else ROOT / "tools" / name


def project(tool: str) -> dict[str, Any]:
    """Return a member's metadata."""
    found: dict[str, Any] = tomllib.loads((folder_of(tool) / "pyproject.toml").read_text())
    table: dict[str, Any] = found["project"]
    return table


def commands_of(wanted: Sequence[str]) -> list[str]:
    """Return the commands that the tools have."""
    return sorted(command for one in wanted for command in project(one)["scripts"])


def keep_only(commands: Sequence[str]) -> None:
    """Remove what others have for a shell: PATH leads to our commands and to Python alone."""
    for path in (HOME / "bin").iterdir():
        if path.name not in commands and not path.name.startswith("python"):
            path.unlink()
    for name in ("include", "share"):  # no compiler, no shell and no man will read them
        shutil.rmtree(HOME / name, ignore_errors=True)


def make_entry(commands: Sequence[str]) -> None:
    """Make what the image starts: the one command, or who starts the one that is named."""
    entry = HOME / "entry"
    if len(commands) == 1:
        entry.symlink_to(f"bin/{commands[0]}")
        return
    source = (ROOT / "packing/entry.py").read_text()
    entry.write_text(f"#!{HOME}/bin/python -IS\n{source}")
    entry.chmod(0o755)


def make_environment(folder: Path) -> Path:
    """Make a virtual environment without pip; gives its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    return folder / "bin/python"


def install(python: Path, pip: str, *what: str) -> None:
    """Install from wheels, and only what the lock has the hashes of.

    Args:
        python: whose environment it is.
        pip: the folder, or the place in a wheel, that pip runs from.
        what: pip's requirements.
    """
    options = ["--quiet", "--no-compile", "--only-binary=:all:", "--require-hashes"]
    run(python, pip, "install", *options, "--constraint", str(LOCK), *what)


def run(program: str | Path, *arguments: str) -> None:
    """Run a program with the settings for pip; its failure is ours, and it has said why."""
    settings = {"PIP_CONFIG_FILE": CONFIG, "PIP_CERT": CERTIFICATES}
    given = {name: str(path) for name, path in settings.items() if path.exists()}
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **given}
    done = subprocess.run([program, *arguments], env=environment, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
