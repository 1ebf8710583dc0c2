import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.toolroll_shared.programs import end, start
from toolroll_shared.files import AtomicFile, make_folder, rename_new


def atomic(folder: Path) -> AtomicFile:
    return AtomicFile(folder / "file", temporary=folder / ".part")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an old file in it."""
    (tmp_path / "file").write_bytes(b"old")
    return tmp_path


def test_a_commit_puts_the_whole_file_in_place(folder: Path) -> None:
    with atomic(folder) as file:
        file.write(b"new ")
        file.write(memoryview(bytearray(b"content")))
        assert contents(folder) == {"file": b"old", ".part": b"new content"}
        status = file.commit()
    assert contents(folder) == {"file": b"new content"}
    assert status.st_size == 11
    assert status.st_mtime_ns == (folder / "file").stat().st_mtime_ns


def test_a_new_file_may_be_empty(tmp_path: Path) -> None:
    with atomic(tmp_path) as file:
        file.commit()
    assert contents(tmp_path) == {"file": b""}


def test_without_a_commit_the_old_file_stays(folder: Path) -> None:
    with atomic(folder) as file:
        file.write(b"new")
    assert contents(folder) == {"file": b"old"}


def test_an_error_in_the_block_leaves_the_old_file(folder: Path) -> None:
    def interrupted() -> None:
        with atomic(folder) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(folder) == {"file": b"old"}


def test_a_discard_may_come_twice_and_after_a_commit(folder: Path) -> None:
    file = atomic(folder)
    file.write(b"new")
    file.discard()
    file.discard()
    assert contents(folder) == {"file": b"old"}
    with atomic(folder) as file:
        file.write(b"new")
        file.commit()
        file.discard()
    assert contents(folder) == {"file": b"new"}


def test_a_temporary_file_that_somebody_removed_is_no_error_when_discarding(folder: Path) -> None:
    file = atomic(folder)
    (folder / ".part").unlink()
    file.discard()
    assert contents(folder) == {"file": b"old"}


def test_a_commit_that_cannot_rename_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with atomic(tmp_path) as file, pytest.raises(IsADirectoryError):
        file.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_leftover_temporary_file_is_overwritten(folder: Path) -> None:
    (folder / ".part").write_bytes(b"a longer leftover")
    with atomic(folder) as file:
        file.write(b"new")
        file.commit()
    assert contents(folder) == {"file": b"new"}


def test_the_temporary_file_must_be_in_the_same_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="within one folder"):
        AtomicFile(tmp_path / "file", temporary=tmp_path / "other" / "file")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error(folder: Path) -> None:
    with files_of_at_most(2), atomic(folder) as file, pytest.raises(OSError, match="too large"):
        file.write(b"new")
    assert contents(folder) == {"file": b"old"}


@pytest.mark.parametrize("place", [Path.symlink_to, Path.hardlink_to])
def test_what_a_leftover_name_leads_to_is_not_written(
    folder: Path, place: Callable[[Path, Path], None]
) -> None:
    other = folder / "other"
    other.write_bytes(b"precious")
    place(folder / ".part", other)
    with atomic(folder) as file:
        file.write(b"new")
        file.commit()
    assert contents(folder) == {"file": b"new", "other": b"precious"}
    assert not (folder / "file").is_symlink()


def linked(place: Path) -> None:
    place.with_name("other").write_bytes(b"precious")
    os.link(place.with_name("other"), place)


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda place: place.symlink_to("file"), id="a link"),
        pytest.param(lambda place: place.symlink_to("nowhere"), id="a dangling link"),
        pytest.param(linked, id="another name of a file"),
        pytest.param(os.mkfifo, id="a pipe"),
        pytest.param(Path.mkdir, id="a folder"),
        pytest.param(lambda _place: None, id="nothing"),
    ],
)
def test_only_a_file_of_its_own_can_be_a_leftover(
    folder: Path, leave: Callable[[Path], None]
) -> None:
    leave(folder / ".part")
    before = sorted(folder.iterdir())
    with pytest.raises(OSError, match="part"):
        AtomicFile(folder / "file", temporary=folder / ".part", keep=3)
    assert sorted(folder.iterdir()) == before
    assert (folder / "file").read_bytes() == b"old"


def test_a_new_file_gets_a_name_that_is_free(tmp_path: Path) -> None:
    with atomic(tmp_path) as file:
        file.write(b"new")
        status = file.commit(replace=False)
    assert contents(tmp_path) == {"file": b"new"}
    assert status.st_size == 3


def taken_by_link(place: Path) -> None:
    place.unlink()
    place.symlink_to("nowhere")


def taken_by_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


@pytest.mark.parametrize("take", [lambda _place: None, taken_by_link, taken_by_folder])
def test_a_new_file_does_not_take_a_name_that_somebody_has(
    folder: Path, take: Callable[[Path], None]
) -> None:
    take(folder / "file")
    before = (folder / "file").lstat()
    with atomic(folder) as file:
        file.write(b"new")
        with pytest.raises(FileExistsError) as caught:
            file.commit(replace=False)
    assert caught.value.filename == str(folder / "file")
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert os.path.samestat((folder / "file").lstat(), before)


def test_of_many_that_want_a_new_name_one_gets_it(tmp_path: Path) -> None:
    together = threading.Barrier(8, timeout=10)
    outcomes: list[str] = []

    def make(number: int) -> None:
        file = AtomicFile(tmp_path / "file", temporary=tmp_path / f".{number}")
        file.write(str(number).encode())
        together.wait()
        try:
            file.commit(replace=False, durable=False)
            outcomes.append(str(number))
        except FileExistsError:
            outcomes.append("taken")
        finally:
            file.discard()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = set(outcomes) - {"taken"}
    assert outcomes.count("taken") == 7
    assert contents(tmp_path) == {"file": winner.encode()}


def test_what_cannot_have_two_names_is_renamed_where_the_new_one_is_free(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()  # nowhere can a folder be linked, as a file cannot on some file systems
    rename_new(old, new)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    old.mkdir()
    with pytest.raises(FileExistsError) as caught:
        rename_new(old, new)
    assert caught.value.filename == str(new)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


KILLED = """
import sys, time
from pathlib import Path
from toolroll_shared.files import AtomicFile
folder, moment = Path(sys.argv[1]), sys.argv[2]
with AtomicFile(folder / "file", temporary=folder / ".part") as file:
    if moment != "opened":
        file.write(b"new" * 100_000)
    if moment == "committed":
        file.commit()
    if moment == "linked":  # between the two steps of a commit without replacing
        (folder / "file").unlink()
        (folder / "file").hardlink_to(folder / ".part")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("moment", "whole"),
    [
        *(("opened", b"old"), ("written", b"old")),
        *(("committed", b"new" * 100_000), ("linked", b"new" * 100_000)),
    ],
)
def test_a_killed_process_leaves_the_old_file_or_the_new_one(
    folder: Path, moment: str, whole: bytes
) -> None:
    process = start([sys.executable, "-c", KILLED, str(folder), moment])
    process.kill()
    assert end(process)[0] == -signal.SIGKILL
    assert (folder / "file").read_bytes() == whole
    with atomic(folder) as file:  # the next one does no harm to it
        file.write(b"newer")
    assert contents(folder) == {"file": whole}


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_folder_is_made_where_we_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(Path("a/b"))
    make_folder(Path())
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("below", ["file", "file/a", "file/a/b"])
def test_a_file_in_the_way_is_an_error_that_names_it(folder: Path, below: str) -> None:
    with pytest.raises(OSError, match="File exists") as caught:
        make_folder(folder / below)
    assert caught.value.filename == str(folder / "file")


def test_a_dangling_link_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "link" / "a")


def test_many_may_make_the_same_folder_at_once(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*"abcdefgh")
    errors: list[Exception] = []
    together = threading.Barrier(8, timeout=10)

    def make() -> None:
        together.wait()
        try:
            make_folder(folder)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, folder.is_dir()) == ([], True)


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("other", [b"somebody else's", None])
def test_a_temporary_file_that_is_another_one_by_now_gets_no_final_name(
    tmp_path: Path, other: bytes | None, *, replace: bool
) -> None:
    path, temporary = tmp_path / "file", tmp_path / "temporary"
    with AtomicFile(path, temporary=temporary) as file:
        file.write(b"ours")
        temporary.unlink()
        if other is not None:
            temporary.write_bytes(other)
        with pytest.raises(OSError, match=r"replaced while|No such file"):
            file.commit(replace=replace)
    assert not path.exists()
