"""An asset that upstream replaces under the same name: what an attack on a mirror looks like."""

import json
from pathlib import Path

import pytest

from release_mirror.cli import main
from tests.release_mirror.conftest import Mirror, files_in
from tests.support.github import GitHub
from tests.support.github_data import Asset, Repository

OLD, NEW = "octo/tool/v1/tool.zip", "octo/tool/v1/tool.zip~{}"


@pytest.fixture
def replaced(repo: Repository, mirror: Mirror) -> Asset:
    """An asset that is mirrored, and has other bytes upstream since."""
    asset = repo.add_release("v1").add_asset("tool.zip", b"good")
    mirror()
    asset.replace(b"evil")
    return asset


def sums(dest: Path) -> list[str]:
    """The names in our SHA256SUMS."""
    lines = (dest / "octo/tool/v1/SHA256SUMS").read_text().splitlines()
    return [line.split("  ")[1] for line in lines]


def test_by_default_it_fails_every_run_until_somebody_decides(
    replaced: Asset, mirror: Mirror, dest: Path, github: GitHub
) -> None:
    assert replaced.name == "tool.zip"
    github.forget_requests()
    for _ in range(2):
        ran = mirror()
        assert (ran.code, ran.counts, ran.json["replaced"]) == (1, (0, 0, 1), 1)
        assert ran.reason == "replaced upstream under the same name; the file here is kept"
        assert "octo/tool: v1/tool.zip: replaced upstream" in ran.stderr
    assert (dest / OLD).read_bytes() == b"good"
    assert github.requests_to("asset") == []
    assert "1 replaced upstream" in mirror(json=False).stdout


def test_both_can_be_kept_and_then_all_is_well(
    replaced: Asset, mirror: Mirror, dest: Path, github: GitHub
) -> None:
    ran = mirror("--on-replaced", "keep-both")
    assert (ran.code, ran.counts, ran.json["replaced"]) == (0, (1, 0, 0), 1)
    assert "it is kept beside the file here" in ran.stderr
    beside = NEW.format(replaced.id)
    assert files_in(dest) == {OLD, beside}
    assert ((dest / OLD).read_bytes(), (dest / beside).read_bytes()) == (b"good", b"evil")
    assert sums(dest) == ["tool.zip", f"tool.zip~{replaced.id}"]
    github.forget_requests()
    for policy in ("refuse", "keep-both", "replace"):
        assert mirror("--on-replaced", policy).counts == (0, 1, 0)
    assert github.requests_to("asset") == []
    assert mirror().json["gone"] == 1, "the old one is upstream no more"


def test_it_can_be_replaced(replaced: Asset, mirror: Mirror, dest: Path) -> None:
    assert replaced.name == "tool.zip"
    ran = mirror("--on-replaced", "replace")
    assert (ran.code, ran.counts) == (0, (1, 0, 0))
    assert "it replaces the file here" in ran.stderr
    assert files_in(dest) == {OLD}
    assert (dest / OLD).read_bytes() == b"evil"
    assert mirror().counts == (0, 1, 0)


@pytest.mark.parametrize(
    ("policy", "level"), [("refuse", "error"), ("keep-both", "info"), ("replace", "info")]
)
def test_the_log_says_so_whatever_the_policy(
    replaced: Asset, mirror: Mirror, tmp_path: Path, policy: str, level: str
) -> None:
    log = tmp_path / "log"
    mirror("--on-replaced", policy, "--log-json", log)
    records = [json.loads(line) for line in log.read_bytes().splitlines()]
    [record] = [one for one in records if one["action"] == "asset"]
    assert (record["target"], record["outcome"]) == (f"octo/tool: v1/{replaced.name}", "replaced")
    assert record["level"] == level


def test_a_second_replacement_is_kept_beside_the_first(
    replaced: Asset, mirror: Mirror, dest: Path
) -> None:
    mirror("--on-replaced", "keep-both")
    first = replaced.id
    replaced.replace(b"worse")
    assert mirror().code == 1
    assert mirror("--on-replaced", "keep-both").code == 0
    assert files_in(dest) == {OLD, NEW.format(first), NEW.format(replaced.id)}


def test_a_file_that_was_put_beside_but_not_recorded_is_adopted(
    replaced: Asset, mirror: Mirror, dest: Path, github: GitHub
) -> None:
    (dest / NEW.format(replaced.id)).write_bytes(b"evil")
    github.forget_requests()
    assert mirror("--on-replaced", "keep-both").counts == (0, 1, 0)
    assert github.requests_to("asset") == []
    assert mirror().counts == (0, 1, 0)


def test_without_digests_a_new_upload_is_an_alarm_too(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    asset = repo.add_release("v1").add_asset("tool.zip", b"good", digest=False)
    mirror()
    asset.replace(b"good", digest=False)
    assert mirror().code == 1, "nobody can say that it is the same"
    assert mirror("--on-replaced", "replace").counts == (1, 0, 0)
    assert (dest / OLD).read_bytes() == b"good"


def test_what_is_gone_upstream_is_kept_and_counted(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    asset = release.add_asset("a", b"a")
    release.add_asset("b", b"b")
    repo.add_release("v2").add_asset("c", b"c")
    mirror()
    asset.delete()
    repo.tagged("v2").delete()  # type: ignore[union-attr] # it is there
    planned = mirror("--dry-run", json=False).stdout
    assert "gone            1 B  octo/tool/v1/a  (gone upstream since " in planned
    ran = mirror()
    assert (ran.code, ran.counts, ran.json["gone"]) == (0, (0, 1, 0), 2)
    assert files_in(dest) == {"octo/tool/v1/a", "octo/tool/v1/b", "octo/tool/v2/c"}
    assert "2 gone upstream" in mirror(json=False).stdout


def test_a_published_checksum_is_held_against_each_file(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    release.add_asset("right", b"right", digest=False)
    release.add_asset("wrong", b"wrong", digest=False)
    release.add_asset("SHA256SUMS", SUMS.encode())
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (2, 0, 1))
    assert "sha256 is" in ran.reason
    assert files_in(dest) == {f"octo/tool/v1/{name}" for name in ("right", "SHA256SUMS.mirror")}, (
        "ours has another name where the release has one of that name"
    )
    assert (dest / "octo/tool/v1/SHA256SUMS").read_text() == SUMS


SUMS = """\
27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9  right
0000000000000000000000000000000000000000000000000000000000000000  wrong
"""


def test_checksums_that_contradict_github_are_an_alarm_before_the_download(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    release = repo.add_release("v1")
    asset = release.add_asset("tool", b"tool")
    release.add_asset("tool.sha256", b"0" * 64)
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert "but the release's own checksums say 00000" in ran.reason
    assert github.requests_to("asset", f"/{asset.id}") == []
    assert mirror().code == 1, "and it stays one"


def test_checksums_that_come_later_are_held_against_what_is_here(
    repo: Repository, mirror: Mirror
) -> None:
    release = repo.add_release("v1")
    release.add_asset("tool", b"tool")
    mirror()
    release.add_asset("tool.sha256", b"0" * 64)
    for _ in range(2):
        ran = mirror()
        assert (ran.code, ran.json["failed"]) == (1, 1)
        assert "checksums say 0000" in ran.reason


def test_what_is_renamed_upstream_is_not_downloaded_again(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    asset = release.add_asset("tool", b"tool")
    release.add_asset("plain", b"plain", digest=False)
    mirror()
    repo.rename("octo/renamed")
    release.retag("v1.0")
    asset.rename("tool.bin")
    github.forget_requests()
    planned = mirror("--dry-run", json=False, repository="octo/renamed").stdout
    assert "(renamed upstream; it is here as octo/tool/v1/tool)" in planned
    ran = mirror(repository="octo/renamed")
    assert (ran.code, ran.counts) == (0, (0, 2, 0)), ran.stderr
    assert github.requests_to("asset") == []
    assert files_in(dest) == {
        "octo/tool/v1/tool",
        "octo/tool/v1/plain",
        "octo/renamed/v1.0/tool.bin",
        "octo/renamed/v1.0/plain",
    }
    assert mirror(repository="octo/renamed").counts == (0, 2, 0)
    assert main(["prune", "--dest", str(dest), "--gone", "--yes"]) == 0
    assert files_in(dest) == {"octo/renamed/v1.0/tool.bin", "octo/renamed/v1.0/plain"}


def test_a_file_under_an_earlier_name_that_was_damaged_is_downloaded(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    asset = repo.add_release("v1").add_asset("tool", b"tool")
    mirror()
    asset.rename("renamed")
    (dest / "octo/tool/v1/tool").write_bytes(b"x")
    assert mirror().counts == (1, 0, 0)
    assert (dest / "octo/tool/v1/renamed").read_bytes() == b"tool"


def test_a_file_under_an_earlier_name_is_planned_with_only_if_it_is_whole(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    lost, damaged = release.add_asset("lost", b"lost"), release.add_asset("damaged", b"damaged")
    mirror()
    for asset in (lost, damaged):
        asset.rename(f"{asset.name}.bin")
    (dest / "octo/tool/v1/lost").unlink()
    (dest / "octo/tool/v1/damaged").write_bytes(b"x")
    planned = mirror("--dry-run").json
    assert (planned["downloads"], planned["bytes"]) == (2, 11)
    assert mirror().counts == (2, 0, 0)


def test_what_is_gone_is_told_of_though_the_repository_has_another_name(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    asset = release.add_asset("old", b"old")
    release.add_asset("tool", b"tool")
    mirror()
    asset.delete()
    repo.rename("octo/renamed")
    ran = mirror(repository="octo/renamed")
    assert (ran.code, ran.counts, ran.json["gone"]) == (0, (0, 1, 0), 1), ran.stderr
    assert (dest / "octo/tool/v1/old").read_bytes() == b"old"


def test_checksums_that_are_replaced_and_kept_are_no_file_that_is_gone(
    repo: Repository, mirror: Mirror
) -> None:
    asset = repo.add_release("v1").add_asset("checksums.txt", b"none")
    mirror()
    asset.replace(b"none, too")
    assert mirror("--on-replaced", "keep-both").json["gone"] == 0, "as for any other asset"
    assert mirror().json["gone"] == 1


def test_it_does_not_claim_to_keep_what_is_not_here(
    replaced: Asset, mirror: Mirror, dest: Path
) -> None:
    assert replaced.name == "tool.zip"
    (dest / OLD).unlink()
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (0, 0, 1))
    assert ran.reason == "replaced upstream under the same name; the old one is not here"
