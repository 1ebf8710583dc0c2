"""`make demo`: the main job on real files, as a user would run it, on this machine alone.

It builds this project's own wheels as release files, serves them from the stand-in for
GitHub on loopback, mirrors them with the release-mirror command, serves that mirror, and
mirrors the mirror.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.layout import MEMBERS, ROOT

REPOSITORY = "toolroll/toolroll"
WEEK_S = 7 * 24 * 3600


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


def show(*command: str, cwd: Path, code: int = 0) -> None:
    """Run a command in view; another exit code than `code` ends the demo."""
    print(f"$ {shlex.join(command)}", flush=True)
    done = subprocess.run(command, cwd=cwd, check=False)
    if done.returncode != code:
        sys.exit(f"demo: {command[0]} ended with {done.returncode}, not {code}")


def build_releases(data: Path) -> None:
    """Make two releases of this project: its wheels, and their checksums."""
    wheels = data.with_name("wheels")
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    members = [str(member.folder) for member in MEMBERS]
    subprocess.run([sys.executable, "-m", *build, *members], check=True, cwd=ROOT)
    for tag, age in (("v0.1.0-rc1", WEEK_S), ("v0.1.0", 0)):
        release = data / REPOSITORY / tag
        release.mkdir(parents=True)
        for wheel in wheels.glob("*.whl"):
            shutil.copy(wheel, release)
        (release / "NOTES.txt").write_text(f"The wheels of toolroll {tag}.\n")
        os.utime(release, (time.time() - age,) * 2)  # the stand-in's date of publication


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """Serve the releases as GitHub would; gives the API's URL."""
    command = [sys.executable, "-m", "tests.support.github", "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["api_url"]
        finally:
            server.terminate()


@contextmanager
def serving_mirror(mirror: Path) -> Iterator[str]:
    """Serve a mirror, as it would be behind a firewall; gives its URL."""
    command = ["release-mirror", "serve", "--dest", mirror.name, "--listen", "127.0.0.1:0"]
    print(f"$ {shlex.join(command)} &", flush=True)
    with subprocess.Popen(command, cwd=mirror.parent, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            print(url, flush=True)
            yield url
        finally:
            server.terminate()


def files_of(mirror: Path) -> dict[str, bytes]:
    """Read what is mirrored: all but the mirror's own account of it."""
    return {
        str(path.relative_to(mirror)): path.read_bytes()
        for path in (mirror / REPOSITORY).rglob("*")
        if path.is_file()
    }


def show_tree(folder: Path) -> None:
    print(f"$ find {folder.name} -type f")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>9}  {path.relative_to(folder.parent)}")


def damage(path: Path) -> None:
    """Flip a byte in the middle, as a bad disk or a careless person would."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def play(folder: Path) -> None:
    data, mirror = folder / "data", folder / "mirror"
    say("Build some release files (this project's own wheels) and serve them on loopback.")
    build_releases(data)
    with serving(data) as api_url:
        os.environ["GITHUB_API_URL"] = api_url
        command = ("release-mirror", REPOSITORY, "--dest", mirror.name)
        show("gh-releases", REPOSITORY, cwd=folder)

        say("What would be done?")
        show(*command, "--dry-run", cwd=folder)

        say("Mirror them.")
        show(*command, cwd=folder)
        show_tree(mirror)

        say("Again: nothing is downloaded.")
        show(*command, "--json", cwd=folder)

        victim = mirror / REPOSITORY / "v0.1.0" / "NOTES.txt"
        say(f"Damage {victim.relative_to(folder)}: the mirror notices, and heals it.")
        damage(victim)
        show(*command, "--dry-run", cwd=folder)
        show(*command, cwd=folder)
        show("cat", str(victim.relative_to(folder)), cwd=folder)
    play_on(folder, mirror)


def play_on(folder: Path, mirror: Path) -> None:
    """Mirror the mirror; what it came from is not there any more."""
    second = folder / "second"
    say("GitHub is out of reach now. Serve the mirror in its place.")
    with serving_mirror(mirror) as url:
        os.environ["GITHUB_API_URL"] = url
        show("gh-releases", REPOSITORY, cwd=folder)

        say("Mirror the mirror, and compare them.")
        command = ("release-mirror", REPOSITORY, "--dest", second.name)
        show(*command, cwd=folder)
        show("diff", "-r", f"{mirror.name}/{REPOSITORY}", f"{second.name}/{REPOSITORY}", cwd=folder)
        if files_of(second) != files_of(mirror) or not files_of(mirror):
            sys.exit("demo: the mirrors differ")
        print("no difference")

        say("Once more: nothing is downloaded.")
        show(*command, cwd=folder)


def main() -> int:
    """Play the demo in a temporary folder."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="toolroll-demo-") as folder:
        play(Path(folder))
    say("Now a real project (GH_TOKEN in the environment raises GitHub's rate limit):")
    print(".venv/bin/release-mirror astral-sh/ruff --since 2026-01-01 --dest mirror --dry-run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
