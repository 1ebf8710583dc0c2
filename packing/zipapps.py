"""One self-contained file per command: `python -m packing.zipapps` makes them in dist/zipapps.

A file holds our wheels of dist/ and the locked versions of what they need. It needs nothing but
Python, unpacks itself at its first start (see `packing.single_file`), and is byte for byte the
same whoever builds it from the same wheels with the same Python and zlib.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from dataclasses import dataclass
from os import environ
from pathlib import Path

from packing import single_file
from packing.single_file.start import platform_name
from packing.single_file.unpack import CONTENTS
from tests.support.layout import MEMBERS, ROOT, TOOLS, Member

EXTRAS = {"release-mirror": ["serve"]}
"""What is taken along; artifact-index's parquet is not: it is ten times as large as the rest."""

USAGE = {"proc-run": 125}
"""The exit codes of bad usage that are not everybody's."""

ZIP_EPOCH = 315532800  # 1980: a zip knows no earlier time

_INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
"""Files of a .dist-info that tell how and where it was installed."""

_MAIN = """\
import sys

if sys.version_info < {oldest}:  # an old Python can read this file, if not the others
    sys.stderr.write("{command}: needs Python {words}, and %s is %s\\n" % (
        sys.executable, sys.version.split()[0]))
    sys.exit({usage})
from single_file.start import start

start(
    sys.path[0],
    command="{command}",
    module="{module}",
    payload="{payload}",
    needs="{needs}",
    usage={usage},
)
"""


@dataclass(frozen=True)
class Contents:
    """What the files of one tool unpack: a zip, its name, and the platform that it needs."""

    zipped: bytes
    name: str
    needs: str


def build(tool: Member, wheels: Path, output: Path) -> list[Path]:
    """Make the files of a tool's commands.

    Args:
        tool: whose commands.
        wheels: the folder with the wheels of all members.
        output: the folder to make the files in.
    """
    with tempfile.TemporaryDirectory(prefix="toolroll-zipapp-") as scratch:
        folder = Path(scratch) / "contents"
        install(tool, wheels, folder, Path(scratch) / "requirements.txt")
        contents = contents_of(tool, folder)
    output.mkdir(parents=True, exist_ok=True)
    return [
        write(output, command, entry.partition(":")[0], contents)
        for command, entry in sorted(tool.scripts.items())
    ]


def install(tool: Member, wheels: Path, folder: Path, requirements: Path) -> None:
    """Install a tool's wheel, those of its siblings, and what they need as it is locked."""
    requirements.write_text("".join(f"{line}\n" for line in _requirements(tool, wheels)))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    locked = ["--require-hashes", "--constraint", str(ROOT / "requirements.lock")]
    command = [*pip, *locked, "--target", str(folder), "-r", str(requirements)]
    subprocess.run(command, check=True)  # noqa: S603 - pip


def _requirements(tool: Member, wheels: Path) -> list[str]:
    lines = []
    for member in _with_siblings(tool):
        (wheel,) = wheels.glob(f"toolroll_{member.name.replace('-', '_')}-*.whl")
        extras = ",".join(EXTRAS.get(member.name, []))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        name = f"toolroll-{member.name}" + (f"[{extras}]" if extras else "")
        lines.append(f"{name} @ {wheel.resolve().as_uri()} --hash=sha256:{digest}")
    return lines


def _with_siblings(tool: Member) -> list[Member]:
    by_name = {f"toolroll-{member.name}": member for member in MEMBERS}
    found = [tool]
    for member in found:  # which grows meanwhile
        names = [re.split(r"[\[<>=;\s]", line)[0] for line in member.project["dependencies"]]
        found += [by_name[name] for name in names if by_name.get(name, tool) not in found]
    return found


def contents_of(tool: Member, folder: Path) -> Contents:
    """Zip an installed tool, the same bytes each time."""
    for name in ("bin", "share"):  # for shells and man, which look elsewhere
        shutil.rmtree(folder / name, ignore_errors=True)
    paths = [path for path in folder.rglob("*") if path.is_file() and _is_wanted(path)]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(paths):
            _add(archive, path.relative_to(folder).as_posix(), path.read_bytes())
    compiled = any(path.suffix in {".so", ".pyd"} for path in paths)
    digest = hashlib.sha256(zipped.getvalue()).hexdigest()[:16]
    return Contents(zipped.getvalue(), f"{tool.name}-{digest}", platform_name() if compiled else "")


def _is_wanted(path: Path) -> bool:
    is_installers = path.name in _INSTALLERS and path.parent.suffix == ".dist-info"
    return not is_installers and path.name != ".lock" and "__pycache__" not in path.parts


def write(output: Path, command: str, module: str, contents: Contents) -> Path:
    """Write one command's file, whole or not at all, and return where it is."""
    path = output / file_name(command, contents.needs)
    version = ".".join(map(str, sys.version_info[:2])) if contents.needs else "3.11 or newer"
    shebang = f"#!/usr/bin/env python{version if contents.needs else 3}\n"
    main = _MAIN.format(
        oldest=tuple(sys.version_info[:2]) if contents.needs else (3, 11),
        words=version,
        command=command,
        module=module,
        payload=contents.name,
        needs=contents.needs,
        usage=USAGE.get(command, 2),
    )
    whole = path.with_suffix(".part")
    with whole.open("wb") as file:
        file.write(shebang.encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, "__main__.py", main.encode())
            for source in sorted(Path(single_file.__path__[0]).glob("*.py")):
                _add(archive, f"single_file/{source.name}", source.read_bytes())
            _add(archive, CONTENTS, contents.zipped)
    whole.chmod(0o755)
    whole.replace(path)
    return path


def file_name(command: str, needs: str) -> str:
    """Return a name that tells where the file runs: `proc-run.pyz` everywhere."""
    if not needs:
        return f"{command}.pyz"
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{command}-{python}-{sysconfig.get_platform()}.pyz"


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    moment = time.gmtime(int(environ.get("SOURCE_DATE_EPOCH", ZIP_EPOCH)))[:6]
    entry = zipfile.ZipInfo(name, moment)
    entry.compress_type = archive.compression
    entry.create_system = 3  # Unix, wherever it is built
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, data)


def main() -> int:
    """Make the files of all tools, or of those that are named."""
    names = sys.argv[1:] or [tool.name for tool in TOOLS]
    if unknown := set(names) - {tool.name for tool in TOOLS}:
        sys.exit(f"zipapps: no such tool: {', '.join(sorted(unknown))}")
    for tool in TOOLS:
        if tool.name in names:
            for path in build(tool, ROOT / "dist", ROOT / "dist" / "zipapps"):
                sys.stdout.write(f"{path.stat().st_size:>10}  {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
