"""What is checked before a release is published, and what an image is built with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packing.needs import needs
from packing.release import files_of

from tests.support.layout import MEMBERS, ROOT, SHARED

VERSION = SHARED.project["version"]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a file of each name that belongs to a release."""
    for member in MEMBERS:
        for name in files_of(member.project):
            (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def module(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"packing.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_whole_release_under_its_tag_gets_checksums(dist: Path) -> None:
    done = module("release", f"v{VERSION}", dist)
    assert (done.returncode, done.stderr) == (0, "")
    sums = (dist / "SHA256SUMS").read_text()
    assert len(sums.splitlines()) == 2 * len(MEMBERS)
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=dist, check=True, timeout=60)
    assert module("release", f"v{VERSION}", dist).returncode == 0, "it can be run again"
    assert (dist / "SHA256SUMS").read_text() == sums


@pytest.mark.parametrize("tag", ["v9.9.9", VERSION, f"v{VERSION}.", ""])
def test_a_tag_that_is_not_the_version_is_refused(dist: Path, tag: str) -> None:
    done = module("release", tag, dist)
    assert done.returncode == 1
    said = f"release: toolroll-shared has version {VERSION}, and the tag is {tag}\n"
    assert done.stderr.startswith(said)
    assert not (dist / "SHA256SUMS").exists()


def test_a_file_too_few_or_too_many_is_refused(dist: Path) -> None:
    gone = dist / f"toolroll_logtools-{VERSION}.tar.gz"
    gone.rename(dist / "stray.whl")
    done = module("release", f"v{VERSION}", dist)
    assert done.returncode == 1
    said = [f"release: {gone.name} is missing", "release: stray.whl does not belong here"]
    assert done.stderr.splitlines() == said


def test_the_wheels_that_are_built_have_the_names_that_are_wanted(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w"]
    folder = SHARED.folder
    subprocess.run([*build, tmp_path, folder], check=True, timeout=120, capture_output=True)
    assert {one.name for one in tmp_path.iterdir()} < files_of(SHARED.project)


def test_what_a_tool_needs_is_found_through_its_siblings_and_their_extras() -> None:
    folders, requirements = needs("release-mirror")
    siblings = ("artifact-index", "gh-releases", "multi-fetch", "release-mirror")
    assert {one.as_posix() for one in folders} == {"shared", *(f"tools/{one}" for one in siblings)}
    names = {line.partition(">")[0] for line in requirements}
    assert names >= {"httpx", "pycurl", "rich", "structlog", "tenacity", "msgspec"}
    assert "aiohttp" not in names, "the server is an extra"
    done = module("needs", "requirements", "release-mirror")
    assert (done.returncode, done.stdout.splitlines()) == (0, requirements)
    done = module("needs", "folders", "release-mirrors")
    assert (done.returncode, done.stdout, done.stderr[:6]) == (2, "", "usage:")


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A `docker` that says what it was asked: no registry is at hand to push to."""
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return program


def image(docker: Path, *arguments: str, **settings: str) -> list[str]:
    settings |= {"PATH": f"{docker.parent}{os.pathsep}{os.environ['PATH']}"}
    settings |= {"GITHUB_REPOSITORY_OWNER": "Octo", "REGISTRY": "registry.example"}
    settings |= {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "Octo/toolroll"}
    done = subprocess.run(
        [ROOT / ".ci/image", *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def test_an_image_is_pushed_under_its_version_and_as_latest_but_for_a_prerelease(
    docker: Path,
) -> None:
    asked = image(docker, "logtools", "v0.2.0", PUSH="true")
    assert asked[:2] == ["buildx", "build"]
    assert {"--push", "TOOL=logtools", "VERSION=0.2.0", "--sbom", "mode=max"} <= set(asked)
    assert "SOURCE=https://git.example/Octo/toolroll" in asked
    tags = [one for one in asked if one.startswith("registry.example/")]
    assert tags == [f"registry.example/octo/logtools:{one}" for one in ("0.2.0", "latest")]
    asked = image(docker, "release-mirror", "v0.2.0rc1", PUSH="true")
    assert asked[asked.index("--target") + 1] == "release-mirror"
    assert [one for one in asked if "registry" in one] == [
        "registry.example/octo/release-mirror:0.2.0rc1"
    ]


def test_an_image_of_a_rehearsal_goes_nowhere(docker: Path) -> None:
    asked = image(docker, "toolroll", "v0.2.0", PUSH="false")
    assert "--push" not in asked
    assert "type=cacheonly" in asked
    assert "registry.example" not in " ".join(asked)
