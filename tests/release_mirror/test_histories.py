"""Random histories: upstream changes, files here are damaged, the choice varies; then what has
to hold after any run. A history is named by its seed: HISTORIES=100-200 tries others.
"""

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from release_mirror.cli import main
from tests.release_mirror.conftest import Ran
from tests.support.commands import call
from tests.support.github import GitHub
from tests.support.github_data import Asset, Release, Repository

FIRST, LAST = map(int, os.environ.get("HISTORIES", "0-2").split("-"))
STEPS = 6

TAGS = ("v1", "V1", "v2", "nightly", "release/1.0")
NAMES = ("tool.zip", "Tool.zip", "a", "b", ".hidden", "SHA256SUMS", "x" * 250 + ".tar.gz")
REPOSITORIES = ("octo/tool", "octo/Tool2", "hub/tool")

HOLDS = {"keep", "adopt", "fetch", "resume", "link"}
"""Kinds of actions after which the asset is in the place that the plan names."""


@dataclass
class World:
    """A repository upstream, the mirror of it here, and how they are played with."""

    rng: Random
    repo: Repository
    github: GitHub
    dest: Path
    capsys: pytest.CaptureFixture[str]
    foreign: dict[Path, bytes] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def run(self, *arguments: object) -> Ran:
        """Run the command, and keep in mind what it was."""
        self.steps.append(" ".join(map(str, arguments)))
        return call(Ran, main, self.capsys, *arguments)

    def sync(self, *arguments: object) -> Ran:
        """Bring the mirror up to date."""
        ran = self.run(
            self.repo.full_name, "--dest", self.dest, "--api-url", self.github.api_url, "--json",
            *arguments,
        )  # fmt: skip
        assert ran.code in {0, 1}, ran
        return ran

    def content(self) -> bytes:
        """Bytes that nothing else has; of few sizes."""
        return self.rng.randbytes(self.rng.choice((8, 9)))

    def releases(self) -> list[Release]:
        """Those upstream."""
        return list(self.repo.releases.values())

    def assets(self) -> list[Asset]:
        """Those upstream."""
        return [asset for release in self.releases() for asset in release.assets.values()]

    def files(self) -> list[Path]:
        """Those of the mirror; without SHA256SUMS, which may be an asset's, or our own."""
        return sorted(
            path
            for path in self.dest.glob("*/*/*/*")
            if path.is_file() and path not in self.foreign and "SHA256SUMS" not in path.name
        )


def add_release(world: World) -> None:
    tags = [tag for tag in TAGS if world.repo.tagged(tag) is None]
    if tags:
        world.repo.add_release(world.rng.choice(tags), prerelease=world.rng.random() < 0.2)
        add_asset(world)


def add_asset(world: World) -> None:
    release = world.rng.choice(world.releases())
    if names := [name for name in NAMES if release.named(name) is None]:
        release.add_asset(world.rng.choice(names), world.content(), digest=world.rng.random() < 0.7)


def replace_asset(world: World) -> None:
    asset = world.rng.choice(world.assets())
    same = isinstance(asset.content, bytes) and world.rng.random() < 0.3
    asset.replace(asset.content if same else world.content(), digest=world.rng.random() < 0.7)


def delete_asset(world: World) -> None:
    world.rng.choice(world.assets()).delete()


def rename_asset(world: World) -> None:
    asset = world.rng.choice(world.assets())
    name = world.rng.choice(NAMES)
    if (other := asset.release.named(name)) is not None:
        other.rename(asset.name)
    asset.rename(name)


def finish_upload(world: World) -> None:
    asset = world.rng.choice(world.assets())
    asset.edit(state="uploaded" if asset.state == "open" else "open")


def delete_release(world: World) -> None:
    world.rng.choice(world.releases()).delete()


def make_release_again(world: World) -> None:
    old = world.rng.choice(world.releases())
    assets = [(asset.name, asset.content) for asset in old.assets.values()]
    old.delete()
    new = world.repo.add_release(old.tag)
    for name, content in assets:
        new.add_asset(name, content, digest=world.rng.random() < 0.7)


def move_tag(world: World) -> None:
    release, tag = world.rng.choice(world.releases()), world.rng.choice(TAGS)
    if (other := world.repo.tagged(tag)) is not None:
        other.retag(release.tag)
    release.retag(tag)


def toggle_prerelease(world: World) -> None:
    release = world.rng.choice(world.releases())
    release.edit(prerelease=not release.prerelease)


def rename_repository(world: World) -> None:
    world.repo.rename(world.rng.choice(REPOSITORIES))


def lose_file(world: World) -> None:
    if files := world.files():
        world.rng.choice(files).unlink()


def damage_file(world: World) -> None:
    if files := world.files():
        path = world.rng.choice(files)
        content = path.read_bytes()
        path.unlink()  # another name of it is to stay as it is
        path.write_bytes(world.rng.choice((content[1:], content + b"!", content[:-1] + b"!")))


def touch_file(world: World) -> None:
    if files := world.files():
        os.utime(world.rng.choice(files))


def put_foreign_file(world: World) -> None:
    """Put somebody else's file where nothing is, and nothing was recorded."""
    known = {finding["path"] for finding in verified(world)["findings"]}
    tag, name = world.rng.choice(TAGS[:3]), world.rng.choice(NAMES[:5])
    path = world.dest / world.repo.full_name / tag / name
    if not path.exists() and path.relative_to(world.dest).as_posix() not in known:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"somebody else's, and of another size than any asset")
        world.foreign[path] = path.read_bytes()


UPSTREAM: tuple[Callable[[World], None], ...] = (
    add_release, add_release, add_asset, add_asset, replace_asset, replace_asset, delete_asset,
    rename_asset, finish_upload, delete_release, make_release_again, move_tag, toggle_prerelease,
    rename_repository,
)  # fmt: skip
HERE: tuple[Callable[[World], None], ...] = (
    lose_file, damage_file, touch_file, put_foreign_file
)  # fmt: skip


CHOICES: tuple[tuple[str, ...], ...] = (
    ("--prereleases",), ("--latest",), ("--keep-last", "1"), ("--keep-last", "2"),
    ("--include", "*zip"), ("--exclude", "a"), ("--max-size", "8"), ("--tag", "v*"),
    ("--source-archives",), ("--since", "2024-01-01T09:00:00Z"),
)  # fmt: skip


def options(rng: Random) -> list[str]:
    """Return options of a run."""
    chosen = ["--on-replaced", rng.choice(("refuse", "keep-both", "replace"))]
    for some in CHOICES:
        if rng.random() < 0.12:
            chosen += some
    return chosen


def change(world: World) -> None:
    """Let something happen upstream, and here."""
    for _ in range(world.rng.randint(0, 4)):
        action = world.rng.choice(UPSTREAM)
        if action is not add_release and not world.assets():
            action = add_release
        world.steps.append(action.__name__)
        action(world)
        if not world.releases():
            add_release(world)
    for _ in range(world.rng.choice((0, 0, 1, 2))):
        action = world.rng.choice(HERE)
        world.steps.append(action.__name__)
        action(world)


def verified(world: World) -> Any:
    """Return what verify finds."""
    if not (world.dest / "manifest.sqlite").exists():
        return {"findings": []}
    ran = world.run("verify", "--dest", world.dest, "--json")
    assert ran.code in {0, 1}, ran
    return ran.json


def assert_planned_is_done(planned: Any, ran: Ran) -> None:
    """The dry run said what the run then did."""
    plan = planned["plan"]
    refused = [
        one for one in plan if one["action"] in {"replaced", "refuse"} and not one["downloads"]
    ]
    assert ran.json["downloaded"] == planned["downloads"]
    assert ran.json["gone"] == sum(one["action"] == "gone" for one in plan)
    failed = {
        (one["tag"], one["asset"])
        for one in ran.json["failures"]
        if "SHA256SUMS" not in one["asset"]
    }
    assert failed == {
        (one["tag"], one["asset"]) for one in refused if "SHA256SUMS" not in one["asset"]
    }


def assert_right_files(world: World, plan: Any) -> None:
    """Each asset that the plan says is mirrored has its bytes at its place."""
    for one in plan:
        release = world.repo.tagged(one["tag"])
        asset = release and release.named(one["asset"])
        done = one["action"] in HOLDS or one["downloads"]
        if asset and done:
            assert (world.dest / one["path"]).read_bytes() == asset.content, one


def assert_sound(world: World, plan: Any) -> None:
    """Verify finds nothing broken but what the last run could not, or was not to, heal."""
    done = {one["path"] for one in plan if one["action"] in HOLDS}
    for finding in verified(world)["findings"]:
        path = world.dest / finding["path"]
        if finding["kind"] == "unrecorded":
            assert path in world.foreign, finding
        elif finding["kind"] != "orphaned":
            assert finding["path"] not in done, finding


def assert_sums(world: World, broken: set[str]) -> None:
    """Our SHA256SUMS agree with what is here."""
    for path in world.dest.glob("*/*/*/SHA256SUMS*"):
        if re.fullmatch(r"([0-9a-f]{64}  .+\n)+", path.read_text(errors="replace")):
            done = subprocess.run(
                ["sha256sum", "-c", "--quiet", path.name], cwd=path.parent, capture_output=True,
                text=True, check=False,
            )  # fmt: skip
            bad = {line.partition(": ")[0] for line in done.stdout.splitlines()}
            folder = path.parent.relative_to(world.dest).as_posix()
            assert {f"{folder}/{name}" for name in bad} <= broken, done


def assert_foreign_files_stay(world: World) -> None:
    for path, content in world.foreign.items():
        assert path.read_bytes() == content


def synchronize(world: World) -> None:
    chosen = options(world.rng)
    planned = world.sync(*chosen, "--dry-run").json
    assert_planned_is_done(planned, world.sync(*chosen))
    assert_right_files(world, planned["plan"])
    assert_sound(world, planned["plan"])
    findings = verified(world)["findings"]
    assert_sums(world, {one["path"] for one in findings if one["kind"] in {"missing", "changed"}})
    world.github.forget_requests()
    again = world.sync(*chosen)
    assert again.json["downloaded"] == 0
    assert world.github.requests_to("asset") == []
    assert_foreign_files_stay(world)


def assets_by_path(world: World) -> dict[str, int | None]:
    """Return which asset each recorded file holds, or held."""
    with closing(sqlite3.connect(world.dest / "manifest.sqlite")) as connection:
        return dict(connection.execute("SELECT path, asset_id FROM files"))


PRUNES: tuple[tuple[str, ...], ...] = (
    ("--gone",), ("--keep-last", "1"), ("--include", "*zip"), ("--tag", "v1"), ("--prereleases",),
    ("--before", "2024-01-01T12:00:00Z"), ("--gone", "--include", "a"),
)  # fmt: skip


def prune(world: World) -> None:
    """Prune, which removes what it showed, nothing else, and with --gone no only copy."""
    chosen = world.rng.choice(PRUNES)
    before = {path.relative_to(world.dest).as_posix(): path.read_bytes() for path in world.files()}
    shown = world.run("prune", "--dest", world.dest, "--json", *chosen).json
    ran = world.run("prune", "--dest", world.dest, "--json", "--yes", *chosen)
    assert [one["path"] for one in shown["files"]] == [one["path"] for one in ran.json["files"]]
    removed = {one["path"] for one in ran.json["files"] if one["trouble"] is None}
    after = {path.relative_to(world.dest).as_posix() for path in world.files()}
    lost = before.keys() - after
    assert lost <= removed
    assert not after & removed
    if chosen == ("--gone",):
        left = {(world.dest / path).read_bytes() for path in after}
        held, upstream = assets_by_path(world), {asset.id for asset in world.assets()}
        assert {before[path] for path in lost if held[path] in upstream} <= left, "the only copy"
    assert_foreign_files_stay(world)


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
def test_any_history_ends_with_a_mirror_that_is_as_it_says(
    seed: int, github: GitHub, repo: Repository, dest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(Random(seed), repo, github, dest, capsys)  # noqa: S311 - to be repeated
    add_release(world)
    try:
        for _ in range(STEPS):
            change(world)
            synchronize(world)
            if world.rng.random() < 0.3:
                prune(world)
    except BaseException as error:
        error.add_note("\n".join(world.steps).replace(str(dest), "DEST"))
        raise
