"""Where an export goes: a file appears whole or not at all, and nothing else is touched."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from artifact_index.cli import main
from tests.artifact_index.tables import FORMS, Export, make
from tests.support.limits import disk_of, unprivileged
from toolroll_shared.errors import Exit

forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
def target(db: Path) -> Path:
    """Where an export goes, beside a database with ten assets."""
    make(db, rows=10)
    return db.with_name("export")


def ids(path: Path) -> list[int]:
    """The first column of a CSV file."""
    return [int(line.partition(",")[0]) for line in path.read_text().splitlines()[1:]]


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_a_file_that_is_replaced_keeps_its_mode(export: Export, target: Path, mode: int) -> None:
    target.write_text("old")
    target.chmod(mode)
    assert export("--csv", target).code == 0
    assert (ids(target), permissions(target)) == ([*range(1, 11)], mode)


def test_a_new_file_has_the_mode_of_any_new_file(export: Export, target: Path) -> None:
    other = target.with_name("other")
    other.touch()
    export("--csv", target)
    assert permissions(target) == permissions(other)


@pytest.mark.parametrize("old", ["old", None])
def test_a_link_stays_one_and_the_file_behind_it_is_replaced(
    export: Export, target: Path, old: str | None
) -> None:
    folder = target.with_name("folder")
    folder.mkdir()
    behind = folder / "behind"
    if old:
        behind.write_text(old)
    target.symlink_to(Path("folder", "behind"))
    assert export("--csv", target).code == 0
    assert target.readlink() == Path("folder", "behind")
    assert ids(behind) == [*range(1, 11)]
    assert list(folder.iterdir()) == [behind]


def hard_link(path: Path, database: Path) -> None:
    path.hardlink_to(database)


def soft_link(path: Path, database: Path) -> None:
    path.symlink_to(database)


@pytest.mark.parametrize("link", [hard_link, soft_link, None])
def test_the_database_is_never_written_over(
    export: Export, db: Path, target: Path, link: Callable[[Path, Path], None] | None
) -> None:
    before = db.read_bytes()
    path = target if link else db
    if link:
        link(target, db)
    ran = export("--csv", path)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {path}: is the database itself\n"
    assert db.read_bytes() == before


def test_a_folder_is_no_file(export: Export, db: Path, target: Path) -> None:
    target.mkdir()
    ran = export("--csv", target)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {target}: is a folder\n"
    assert sorted(db.parent.iterdir()) == [target, db]


@pytest.mark.parametrize(
    ("put", "why"), [(Path.mkdir, "No such file or directory"), (Path.touch, "Not a directory")]
)
def test_a_folder_that_is_not_there_is_told_in_the_users_words(
    export: Export, target: Path, put: Callable[[Path], None], why: str
) -> None:
    put(target)
    path = target / "missing" / "export" if target.is_dir() else target / "export"
    ran = export("--csv", path)
    assert (ran.code, ran.stdout) == (Exit.FAILED, "")
    assert ran.stderr == f"artifact-index: {path}: {why}\n"


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that may be looked into, and not written."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "index.sqlite", rows=10)
        (folder / "export").write_text("old")
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_may_not_be_written_keeps_what_it_has(
    locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, target = locked / "index.sqlite", locked / "export"
    with unprivileged():
        code = main(["export", "--db", str(database), "--csv", str(target)])
    assert (code, target.read_text()) == (Exit.FAILED, "old")
    assert capsys.readouterr().err == f"artifact-index: {target}: Permission denied\n"


@forms
def test_a_pipe_with_a_name_is_written_as_it_is(export: Export, target: Path, form: str) -> None:
    export(f"--{form}", target.with_name("file"))
    os.mkfifo(target)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(target.read_bytes()))
    reader.start()
    ran = export(f"--{form}", target)
    reader.join()
    assert (ran.code, ran.stdout) == (0, ""), "it might have been stdout by another name"
    assert read == [target.with_name("file").read_bytes()]
    assert target.is_fifo()


@forms
def test_an_open_descriptor_has_a_name_too(export: Export, target: Path, form: str) -> None:
    """As in `--csv >(gzip > assets.csv.gz)`."""
    export(f"--{form}", target)
    reader, writer = os.pipe()
    with open(reader, "rb") as stream:  # noqa: PTH123 - a descriptor is no path
        assert export(f"--{form}", f"/dev/fd/{writer}").code == 0
        os.close(writer)
        assert stream.read() == target.read_bytes()


@forms
def test_a_device_that_is_full_is_named(export: Export, target: Path, form: str) -> None:
    ran = export(f"--{form}", "/dev/full")
    assert (ran.code, ran.stdout) == (Exit.FAILED, "")
    assert ran.stderr == "artifact-index: /dev/full: No space left on device\n"
    assert not target.exists()


@forms
@pytest.mark.parametrize("room", [0, 100])
def test_a_disk_that_gets_full_keeps_the_old_file_and_nothing_beside_it(
    export: Export, db: Path, target: Path, form: str, room: int
) -> None:
    target.write_text("old")
    with disk_of(room):
        ran = export(f"--{form}", target)
    assert (ran.code, ran.stdout) == (Exit.FAILED, "")
    assert ran.stderr == f"artifact-index: {target}: File too large\n"
    assert target.read_text() == "old"
    assert sorted(db.parent.iterdir()) == [target, db]


def test_a_name_that_is_too_long_is_a_clear_error(export: Export, target: Path) -> None:
    ran = export("--csv", target.with_name("x" * 300))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.FAILED, "", 1)
    assert ran.stderr.endswith("x: File name too long\n")


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
def test_a_name_that_the_database_uses_itself_is_refused(
    export: Export, target: Path, db: Path, suffix: str
) -> None:
    target = db.with_name(db.name + suffix)
    ran = export("--csv", target)
    assert (ran.code, ran.stdout, target.exists()) == (Exit.USAGE, "", False)
    assert ran.stderr == f"artifact-index: {target}: is a name that the database uses itself\n"


def test_a_file_named_like_stdout_can_be_written_by_its_path(
    export: Export, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(target.parent)
    assert export("--csv", "./-").code == 0
    assert ids(target.with_name("-")) == [*range(1, 11)]
