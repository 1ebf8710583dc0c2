"""What tests of packing have: shells that know our completions, and what is built, made once.

Images are built and run by a daemon of ours; nobody else's is touched.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.packing.images import Image, docker_with_base, image_of
from tests.packing.shelf import Shelf
from tests.packing.shells import BASH_SETTINGS, ZSH_SETTINGS, Fish, Shell, Typed
from tests.support.containers import Docker
from tests.support.layout import TOOLS

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
FILES = ("plain.txt", "two words.txt", 'it\'s "so".txt', "$(touch made).txt", "`touch made`.txt")
FOLDERS = ("a folder", "other")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Wheels, sdists and single files of the sources as they are."""
    root = tmp_path_factory.getbasetemp()
    return Shelf(root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root)


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """The docker command on a daemon of all workers, which has the base of our images."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    with docker_with_base(shared / "docker") as found:
        yield found


@pytest.fixture(scope="session")
def image(docker: Docker) -> Image:
    """Return the tag of the image of a tool, or of a target."""
    return partial(image_of, docker)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing was ever unpacked, and a folder for what is temporary beside it."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `share` of a place where all tools are installed."""
    place = tmp_path_factory.mktemp("prefix") / "share"
    for tool in TOOLS:
        shutil.copytree(tool.folder / "share", place, dirs_exist_ok=True)
    return place


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shells are: some files and folders, with names that bite."""
    place = tmp_path_factory.mktemp("files")
    for name in FILES:
        (place / name).touch()
    for name in FOLDERS:
        (place / name).mkdir()
    return place


@pytest.fixture(scope="session", params=["bash with bash-completion", "bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, share: Path, folder: Path) -> Iterator[Shell]:
    """Each of the shells."""
    kind: str = request.param
    if shutil.which(kind.split(maxsplit=1)[0]) is None:
        pytest.skip(f"there is no {kind}")
    if "with" in kind and not BASH_COMPLETION.exists():
        pytest.skip("there is no bash-completion")
    home = share.parent / kind.replace(" ", "-")
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "XDG_DATA_DIRS": f"{share}:/usr/share",
    }
    started = _started(kind, home, share, folder, environment)
    try:
        yield started
    finally:
        started.close()


def _started(
    kind: str, home: Path, share: Path, folder: Path, environment: dict[str, str]
) -> Shell:
    if kind == "fish":
        return Fish(folder, environment)
    if kind == "zsh":
        settings = f"fpath=('{share}/zsh/site-functions' $fpath)\n{ZSH_SETTINGS}"
        (home / ".zshrc").write_text(settings)
        return Typed(["zsh", "-d", "-i"], folder, environment)
    (home / "settings").write_text(_bash_settings(kind, share))
    return Typed(
        ["bash", "--noprofile", "--rcfile", str(home / "settings"), "-i"], folder, environment
    )


def _bash_settings(kind: str, share: Path) -> str:
    if "with" in kind:
        return f"source {BASH_COMPLETION}\n{BASH_SETTINGS}"
    sources = f"for one in '{share}'/bash-completion/completions/*; do source \"$one\"; done\n"
    return sources + BASH_SETTINGS
