"""What is published: wheels and sdists, each of them whole, alone and the same however built."""

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.packing.shelf import Shelf, hatchling
from tests.support.layout import MEMBERS, ROOT, TOOLS, Member

by_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)

LICENSE = (ROOT / "LICENSE").read_bytes()

IMPORT_ALL = """
import sys
from importlib import import_module
front = import_module(sys.argv[1])
for name in getattr(front, "__all__", ()):
    getattr(front, name)
"""


def wheel_of(shelf: Shelf, member: Member) -> Path:
    (wheel,) = shelf.dist().glob(f"toolroll_{member.name.replace('-', '_')}-*.whl")
    return wheel


def sdist_of(shelf: Shelf, member: Member) -> Path:
    (sdist,) = shelf.dist().glob(f"toolroll_{member.name.replace('-', '_')}-*.tar.gz")
    return sdist


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel: Path) -> Message:
    (text,) = [text for name, text in contents(wheel).items() if name.endswith("/METADATA")]
    return message_from_bytes(text)


def test_twine_finds_nothing_to_complain_about(shelf: Shelf) -> None:
    files = sorted(shelf.dist().iterdir())
    assert len(files) == 2 * len(MEMBERS)
    twine = Path(sys.executable).with_name("twine")
    subprocess.run([twine, "check", "--strict", *files], check=True, capture_output=True)


@by_member
def test_a_wheel_has_its_package_its_types_and_the_licence_and_nothing_else(
    shelf: Shelf, member: Member
) -> None:
    found = contents(wheel_of(shelf, member))
    info = f"toolroll_{member.name.replace('-', '_')}-{member.project['version']}"
    assert f"{member.import_name}/py.typed" in found
    assert found[f"{info}.dist-info/licenses/LICENSE"] == LICENSE
    places = {name.partition("/")[0] for name in found}
    assert places <= {member.import_name, f"{info}.dist-info", f"{info}.data"}


@by_member
def test_the_licence_lies_beside_each_member(member: Member) -> None:
    assert (member.folder / "LICENSE").read_bytes() == LICENSE


@by_member
def test_metadata_says_what_a_page_of_an_index_shows(shelf: Shelf, member: Member) -> None:
    about = metadata(wheel_of(shelf, member))
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Summary"]
    assert about["Keywords"]
    assert about["Description-Content-Type"] == "text/markdown"
    classifiers = about.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    assert any(one.startswith("Operating System :: ") for one in classifiers)


@by_member
def test_a_wheel_from_the_sdist_is_that_from_the_tree(
    shelf: Shelf, member: Member, tmp_path: Path
) -> None:
    with tarfile.open(sdist_of(shelf, member)) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert (source / "LICENSE").read_bytes() == LICENSE
    hatchling(source, tmp_path / "dist", "wheel")
    (again,) = (tmp_path / "dist").iterdir()
    assert again.read_bytes() == wheel_of(shelf, member).read_bytes()


@pytest.fixture
def alone(shelf: Shelf, member: Member, tmp_path: Path) -> Path:
    """An environment with a member's wheel and what that asks for."""
    place = tmp_path / "alone"
    make = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    subprocess.run(make, check=True, timeout=60)
    install = [sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install"]
    install += ["--quiet", "--no-compile", "--find-links", str(shelf.dist())]
    locked = tmp_path / "locked.txt"
    pins = (ROOT / "requirements.lock").read_text().splitlines()
    locked.write_text("\n".join(pin.rstrip(" \\") for pin in pins if "==" in pin))
    subprocess.run(
        [*install, "-c", str(locked), str(wheel_of(shelf, member))], check=True, timeout=300
    )
    return place


@by_member
def test_a_member_installs_alone_and_works(alone: Path, member: Member) -> None:
    python = alone / "bin/python"
    subprocess.run([python, "-I", "-c", IMPORT_ALL, member.import_name], check=True, timeout=60)
    installed = {path.name for path in alone.glob("lib/python*/site-packages/*") if path.is_dir()}
    others = {tool.import_name for tool in TOOLS} & installed - {member.import_name}
    assert others == {name.replace("-", "_") for name in siblings(member)}
    if member.scripts:
        smoke = [str(python), "-I", str(ROOT / "tests/support/smoke.py")]
        said = subprocess.run(smoke, check=False, capture_output=True, text=True, timeout=120)
        assert said.returncode == 0, said.stderr


def siblings(member: Member) -> set[str]:
    """Return the tools that a member needs, near or far."""
    by_name = {f"toolroll-{tool.name}": tool for tool in TOOLS}
    near = {one for line in member.project["dependencies"] if (one := by_name.get(line))}
    return {tool.name for tool in near}.union(*(siblings(tool) for tool in near))
