"""What is in an image, and that it runs as careful people run it: read-only, as nobody, bare."""

import json
import re
import shutil
from pathlib import Path

import pytest
from packing.image import members

from tests.packing.images import Image
from tests.support.containers import Docker
from tests.support.layout import ROOT, TOOLS, Member

UID = "65532:65532"
LISTING = """
import importlib.metadata, json
print(json.dumps(sorted({one.name for one in importlib.metadata.distributions()})))
"""
SEARCH = """
import json, os, shutil
from pathlib import Path
print(json.dumps({
    "programs": [one for one in ("pip", "pip3", "cc", "gcc", "make", "git") if shutil.which(one)],
    "left": [one for one in ("/build", "/run/secrets", "/root/.cache") if os.path.exists(one)],
    "pip": [str(one) for one in Path("/").glob("[ou]*/**/*-packages/pip")],
    "writable": [str(one) for one in Path("/opt/toolroll").rglob("*")
                 if not one.is_symlink() and os.access(one, os.W_OK)],
    "uncompiled": [str(one) for one in Path("/opt/toolroll/lib").rglob("*.py")
                   if not list(one.parent.glob(f"__pycache__/{one.stem}.*.pyc"))],
    "sources": len(list(Path("/opt/toolroll/lib").rglob("*.py"))),
    "user": [os.getuid(), os.getgid()],
}))
"""


def inside(docker: Docker, tag: str, program: str, *options: str) -> object:
    """What a program says in JSON, run by the Python of an image."""
    done = docker.run(*options, "--entrypoint=/opt/toolroll/bin/python", tag, "-c", program)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_tool_has_an_image_with_nothing_of_the_others(
    tool: Member, docker: Docker, image: Image
) -> None:
    tag = image(tool.name)
    for command in tool.scripts:
        words = [command] if len(tool.scripts) > 1 else []
        shown = docker.run(tag, *words, "--version")
        assert (shown.stdout, shown.stderr) == (f"{command} {tool.project['version']}\n", "")
        assert docker.run(tag, *words, "--help").stdout.startswith(f"usage: {command} ")
    listed = inside(docker, tag, LISTING)
    assert isinstance(listed, list)
    ours = [name for name in listed if name.startswith("toolroll-")]
    assert ours == [f"toolroll-{name}" for name in members([tool.name])]


def test_the_image_of_all_tools_starts_the_one_that_is_named(docker: Docker, image: Image) -> None:
    tag = image("toolroll")
    commands = sorted(command for tool in TOOLS for command in tool.scripts)
    for words in ([], ["bash"], ["../python"]):
        refused = docker.run(tag, *words)
        assert (refused.code, refused.stdout) == (2, "")
        assert refused.stderr == f"which command? {', '.join(commands)}\n"
    for command in commands:
        assert docker.run(tag, command, "--version").stdout.startswith(f"{command} ")


@pytest.mark.parametrize("name", ["release-mirror", "toolroll"])
def test_nothing_is_left_of_the_build_and_all_is_compiled(
    name: str, docker: Docker, image: Image
) -> None:
    found = inside(docker, image(name), SEARCH)
    assert isinstance(found, dict)
    assert found.pop("sources") > 300
    assert found.pop("user") == [65532, 65532]
    assert found == {key: [] for key in ("programs", "left", "pip", "writable", "uncompiled")}


def test_no_setting_of_the_build_is_in_the_image(docker: Docker, image: Image) -> None:
    tag = image("release-mirror")
    known = docker.does("inspect", tag) + docker.does("history", "--no-trunc", tag)
    assert "://" not in re.sub(r"https://github\.com/toolroll/toolroll", "", known)
    assert "PIP_" not in known


def test_the_image_says_what_it_is(docker: Docker, image: Image) -> None:
    config = docker.inspected(image("release-mirror"))["Config"]
    (version,) = {tool.project["version"] for tool in TOOLS}
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}
    assert labels.pop("description")
    assert labels == {
        "licenses": "Apache-2.0",
        "revision": "",
        "source": "https://github.com/toolroll/toolroll",
        "title": "release-mirror",
        "version": version,
    }
    assert (config["User"], config["WorkingDir"]) == (UID, "/data")
    assert (config["Volumes"], config["Cmd"]) == ({"/data": {}}, None)


def test_a_tool_that_there_is_not_cannot_be_built(docker: Docker) -> None:
    unknown = docker.build("tool", "unknown:test", "--build-arg=TOOL=sed")
    assert "there is no tools/sed" in unknown.stderr
    assert "which one? --build-arg TOOL=logtools" in docker.build("tool", "none:test").stderr


def test_a_wheel_with_another_hash_is_not_installed(docker: Docker, tmp_path: Path) -> None:
    for name in ("packing", "shared", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("Dockerfile", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    lock = (ROOT / "requirements.lock").read_text()
    head, hatchling, rest = lock.partition("\nhatchling==")
    other = re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", rest, count=2)
    (tmp_path / "requirements.lock").write_text(head + hatchling + other)
    done = docker.build("toolroll", "other:test", context=tmp_path)
    assert done.code
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_another_user_reads_and_is_told_where_nothing_can_be_written(
    docker: Docker, image: Image
) -> None:
    options = ["--user=1234:1234", "--env=GITHUB_API_URL=http://127.0.0.1:9"]
    counted = docker.run(*options, image("text-utils"), "wc-lite", "/etc/passwd")
    assert (counted.code, counted.stderr) == (0, "")
    refused = docker.run(*options, image("release-mirror"), "octo/tool", "--dest", ".")
    assert refused.code in {1, 2}, refused
    assert "Permission denied" in refused.stderr
    assert refused.stderr.count("\n") == 1
