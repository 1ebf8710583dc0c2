"""What a release has to be before anybody gets it: one version, and all files of it.

    python -m packing.release v0.1.0 dist

ends with 1 and says why if the tag is not the version of every member, or if dist does not hold
just one wheel and one sdist of each; else it writes dist/SHA256SUMS.
"""

import hashlib
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"


def members() -> list[dict[str, Any]]:
    """Return the project tables of all members."""
    files = [ROOT / "shared/pyproject.toml", *sorted(ROOT.glob("tools/*/pyproject.toml"))]
    return [tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in files]


def files_of(project: dict[str, Any]) -> set[str]:
    """Return the names of a member's wheel and sdist."""
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    return {f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"}


def complaints(tag: str, names: set[str]) -> list[str]:
    """Return what is wrong with a release of these files under this tag."""
    projects = members()
    wrong = [
        f"{project['name']} has version {project['version']}, and the tag is {tag}"
        for project in projects
        if tag != f"v{project['version']}"
    ]
    wanted = {name for project in projects for name in files_of(project)}
    missing = [f"{name} is missing" for name in sorted(wanted - names)]
    return wrong + missing + [f"{name} does not belong here" for name in sorted(names - wanted)]


def write_sums(folder: Path, names: set[str]) -> None:
    """Write the checksums as sha256sum reads them."""
    lines = [f"{hashlib.sha256((folder / one).read_bytes()).hexdigest()}  {one}\n" for one in names]
    (folder / SUMS).write_text("".join(sorted(lines, key=lambda line: line[66:])), encoding="utf-8")


def main() -> int:
    """Check a release."""
    tag, place = sys.argv[1:]
    folder = Path(place)
    names = {path.name for path in folder.iterdir() if path.is_file()} - {SUMS}
    wrong = complaints(tag, names)
    sys.stderr.writelines(f"release: {text}\n" for text in wrong)
    if not wrong:
        write_sums(folder, names)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
