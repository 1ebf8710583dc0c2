from collections.abc import Sequence

import pytest

from release_mirror.manifest import Asset, FileRecord
from release_mirror.places import key_of, sums_path, wanted_files
from release_mirror.rules import Release, Rules
from tests.release_mirror.parts import asset, record, release


def places(
    releases: Sequence[Release],
    assets: Sequence[Asset],
    records: Sequence[FileRecord] = (),
    rules: Rules = Rules(),  # noqa: B008 - frozen
) -> dict[int | None, str]:
    """Where each asset belongs, by its id."""
    by_path = {one.path: one for one in records}
    files = wanted_files("o/r", releases, assets, by_path, rules)
    return {one.asset_id: one.path for one in files}


def test_ordinary_names_stay_as_they_are() -> None:
    assert places([release()], [asset()]) == {1: "o/r/v1/tool.zip"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("tool.zip", "Tool.ZIP"), ("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE")],
)
def test_names_that_are_one_file_somewhere_are_kept_apart_by_id(first: str, second: str) -> None:
    found = places([release()], [asset(1, first), asset(2, second)])
    assert found == {1: f"o/r/v1/{first}", 2: f"o/r/v1/{second}~2"}
    assert len({key_of(path) for path in found.values()}) == 2


def test_tags_that_are_one_folder_somewhere_are_kept_apart_by_id() -> None:
    releases = [release(10, "v1"), release(11, "V1")]
    assets = [asset(1, release_id=10), asset(2, release_id=11)]
    assert places(releases, assets) == {1: "o/r/v1/tool.zip", 2: "o/r/V1~11/tool.zip"}


def test_what_is_recorded_stays_where_it_is_whatever_comes_later() -> None:
    here = record(path="o/r/V1/Tool.zip", release_id=11, asset_id=2, name="Tool.zip", tag="V1")
    releases = [release(10, "v1"), release(11, "V1")]
    assets = [asset(1, "tool.zip", 11), asset(2, "Tool.zip", 11), asset(3, release_id=10)]
    assert places(releases, assets, [here]) == {
        1: "o/r/V1/tool.zip~1",
        2: "o/r/V1/Tool.zip",
        3: "o/r/v1~10/tool.zip",
    }


def test_an_asset_that_was_uploaded_again_has_the_place_of_its_predecessor() -> None:
    assert places([release()], [asset(2)], [record()]) == {2: "o/r/v1/tool.zip"}


def test_a_release_that_was_made_again_has_the_folder_of_its_predecessor() -> None:
    releases = [release(10, gone=True), release(12)]
    assert places(releases, [asset(2, release_id=12)], [record()]) == {2: "o/r/v1/tool.zip"}


def test_an_asset_that_is_kept_beside_its_predecessor_stays_there() -> None:
    beside = record(path="o/r/v1/tool.zip~2", asset_id=2)
    assert places([release()], [asset(2)], [record(gone_at="2026"), beside]) == {
        2: "o/r/v1/tool.zip~2"
    }


def test_an_asset_that_was_renamed_gets_a_place_of_its_new_name() -> None:
    here = record(path="o/r/v1/old.zip", name="tool.zip")
    assert places([release()], [asset()], [here]) == {1: "o/r/v1/tool.zip"}


def test_another_asset_of_a_name_that_was_left_does_not_replace_that_file() -> None:
    here = record(path="o/r/v1/old.zip", name="tool.zip")
    found = places([release()], [asset(), asset(2, "old.zip")], [here])
    assert found == {1: "o/r/v1/tool.zip", 2: "o/r/v1/old.zip~2"}


def test_a_release_with_a_sha256sums_of_its_own_keeps_it() -> None:
    assert sums_path("o/r/v1", ["a", "b"]) == "o/r/v1/SHA256SUMS"
    assert sums_path("o/r/v1", ["a", "sha256sums"]) == "o/r/v1/SHA256SUMS.mirror"
    assert places([release()], [asset(1, "SHA256SUMS.mirror")]) == {1: "o/r/v1/SHA256SUMS.mirror~1"}


def test_long_names_have_a_place_beside_that_fits_too() -> None:
    [one] = wanted_files("o/r", [release()], [asset(1, "n" * 300)], {}, Rules())
    assert one.path != one.beside
    assert all(len(part.encode()) <= 255 for part in (one.path + "/" + one.beside).split("/"))


def test_the_archives_of_a_tag_have_githubs_addresses() -> None:
    releases = [release(10, "rel/1.0", html_url="https://web.invalid/o/r/releases/tag/rel/1.0")]
    rules = Rules(source_archives=True)
    tar, zipped = wanted_files("o/r", releases, [], {}, rules, api_url="https://api.invalid")
    assert (tar.kind, tar.path) == ("tarball", "o/r/rel%2F1.0/r-rel%2F1.0.tar.gz")
    assert tar.url == "https://api.invalid/repos/o/r/tarball/refs/tags/rel/1.0"
    assert zipped.browser_download_url == "https://web.invalid/o/r/archive/refs/tags/rel/1.0.zip"
    assert (zipped.size, zipped.asset_id) == (None, None)


def test_an_asset_with_the_name_of_an_archive_has_the_place() -> None:
    rules = Rules(source_archives=True)
    files = wanted_files("o/r", [release()], [asset(1, "r-v1.zip")], {}, rules)
    assert [one.kind for one in files] == ["asset", "tarball"]
