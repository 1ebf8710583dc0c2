"""artifact-index against sqlite-utils: upserts of 200,000 assets, and their export.

Both store the same releases and assets, in turn, and export the same database; what they wrote
is compared first. sqlite-utils is given rows that are ready; artifact-index makes its rows of
releases as they come from the client, and keeps a history.

    python bench/artifact_index.py [--rounds N]
"""

import argparse
import csv
import gc
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.pop(0)  # bench/, whose files are named like the packages
sys.path.insert(0, str(Path(__file__).parents[1]))

from msgspec import structs, to_builtins
from sqlite_utils import Database

from artifact_index import SCHEMA, Store
from gh_releases import Asset, Release, Repository
from tests.artifact_index.tables import make
from toolroll_shared.sqlite import open_database

RELEASES, ASSETS, PAGE = 10_000, 20, 100
FEW, MANY = 10_000, 1_000_000
BIN = Path(sys.executable).parent
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""

Page = tuple[Release, ...]
Rows = list[dict[str, Any]]
Times = dict[str, list[float]]


def release(number: int, *, more_downloads: int) -> Release:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return Release(
        id=number,
        tag_name=f"v{number}",
        name=f"Release {number}",
        draft=False,
        prerelease=False,
        created_at=moment,
        published_at=moment,
        html_url=f"https://github.com/octo/tool/releases/tag/v{number}",
        assets=tuple(asset(number, at, moment, more_downloads) for at in range(ASSETS)),
    )


def asset(number: int, at: int, moment: datetime, more_downloads: int) -> Asset:
    key, name = number * ASSETS + at, f"tool_{number}_{at}_linux_amd64.tar.gz"
    return Asset(
        id=key,
        name=name,
        size=key * 1000,
        digest=f"sha256:{key:064x}",
        content_type="application/gzip",
        state="uploaded",
        download_count=key % 1000 + more_downloads,
        created_at=moment,
        updated_at=moment,
        url=f"https://api.github.com/repos/octo/tool/releases/assets/{key}",
        browser_download_url=f"https://github.com/octo/tool/releases/download/v{number}/{name}",
    )


def pages(more_downloads: int = 0) -> list[Page]:
    releases = [release(number, more_downloads=more_downloads) for number in range(RELEASES)]
    return [tuple(releases[at : at + PAGE]) for at in range(0, RELEASES, PAGE)]


def as_rows(page: Iterable[Release]) -> tuple[Rows, Rows]:
    """Releases and assets as sqlite-utils takes them."""
    releases = [
        {"id": one.id, "repository_id": 1, **to_builtins(structs.replace(one, assets=()))}
        for one in page
    ]
    for row in releases:
        del row["assets"]
    assets = [{"release_id": one.id, **to_builtins(asset)} for one in page for asset in one.assets]
    return releases, assets


def store(path: Path, pages: list[Page]) -> None:
    with closing(open_database(path, SCHEMA)) as connection:
        index = Store(connection)
        repository = Repository(id=1, full_name="octo/tool", private=False)
        index.put_repository(repository, api_host="api.github.com")
        for page in pages:
            index.put_page(1, page)


def upsert(path: Path, rows: list[tuple[Rows, Rows]]) -> None:
    with closing(Database(path)) as database:
        for releases, assets in rows:
            database.table("releases").upsert_all(releases, pk="id")
            database.table("assets").upsert_all(assets, pk="id")


class Upserts:
    """The contenders, and the steps that each takes on a file of its own."""

    def __init__(self, folder: Path) -> None:
        first, more = pages(), pages(more_downloads=1)
        paged = [[as_rows(page) for page in one] for one in (first, more)]
        whole = [[tuple([*chain(*part)] for part in zip(*one, strict=True))] for one in paged]
        self.folder = folder
        self.contenders: dict[str, tuple[Callable[..., None], list[Any]]] = {
            "artifact-index": (store, [first, first, more]),
            "sqlite-utils, by page": (upsert, [paged[0], paged[0], paged[1]]),
            "sqlite-utils, at once": (upsert, [whole[0], whole[0], whole[1]]),
        }

    def run(self, times: Times) -> None:
        for name, (write, steps) in self.contenders.items():
            path = self.path(name)
            path.unlink(missing_ok=True)
            for step, what in zip(("new", "again", "other counts"), steps, strict=True):
                gc.collect()
                started = time.perf_counter()
                write(path, what)
                times[f"{step}: {name}"].append(time.perf_counter() - started)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite"

    def compare(self) -> None:
        """All wrote the same."""
        columns = ", ".join(("release_id", *Asset.__struct_fields__))
        found = []
        for name in self.contenders:
            with closing(sqlite3.connect(self.path(name))) as connection:
                rows = connection.execute(f"SELECT {columns} FROM assets ORDER BY id")  # noqa: S608
                found.append(rows.fetchall())
        assert len(found[0]) == RELEASES * ASSETS
        assert all(one == found[0] for one in found)


def exports(database: Path, target: Path) -> dict[str, list[str]]:
    ours = [str(BIN / "artifact-index"), "export", "--db", str(database)]
    theirs = [str(BIN / "sqlite-utils"), "rows", str(database), "assets"]
    return {
        "artifact-index export --csv": [*ours, "--csv", str(target)],
        "sqlite-utils rows --csv": [*theirs, "--csv"],
        "artifact-index export --ndjson": [*ours, "--ndjson", str(target)],
        "sqlite-utils rows --nl": [*theirs, "--nl"],
        "artifact-index export --parquet": [*ours, "--parquet", str(target)],
    }


def export(name: str, database: Path, target: Path) -> float:
    """Return the seconds that an export into a file took."""
    target.unlink(missing_ok=True)
    ours = name.startswith("artifact-index")
    with (target.with_name("summary") if ours else target).open("wb") as file:
        started = time.perf_counter()
        subprocess.run(exports(database, target)[name], stdout=file, check=True)
        return time.perf_counter() - started


def ids(name: str, target: Path) -> list[int]:
    with target.open(newline="") as file:
        records = csv.DictReader(file) if name.endswith("--csv") else map(json.loads, file)
        return [int(record["id"]) for record in records]


def compare_exports(database: Path, target: Path) -> None:
    for name in [one for one in exports(database, target) if not one.endswith("--parquet")]:
        export(name, database, target)
        assert ids(name, target) == [*range(RELEASES * ASSETS)], name


def peak(name: str, database: Path, target: Path) -> int:
    """Return an export's peak memory in MiB, measured from a parent that is small itself."""
    command = [sys.executable, "-S", "-c", PEAK, *exports(database, target)[name]]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return int(done.stderr) // 1024


def show(title: str, times: Times) -> None:
    print(f"\n{title + ', seconds: least, median, most':<42}")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"{name:<40} {min(seconds):7.2f} {middle:7.2f} {max(seconds):7.2f}")


def exporting(database: Path, target: Path, rounds: int) -> Times:
    compare_exports(database, target)
    times: Times = defaultdict(list)
    for _ in range(rounds):
        for name in exports(database, target):
            times[name].append(export(name, database, target))
    return times


def upserting(upserts: Upserts, rounds: int) -> Times:
    upserts.run(defaultdict(list))
    upserts.compare()
    times: Times = defaultdict(list)
    for _ in range(rounds):
        upserts.run(times)
    return {name: times[name] for name in sorted(times)}


def show_memory(folder: Path, target: Path) -> None:
    print(f"\n{'peak in MiB, of so many rows':<40} {FEW:>9,} {MANY:>9,}")
    few, many = folder / "few.sqlite", folder / "many.sqlite"
    make(few, rows=FEW)
    make(many, rows=MANY)
    for name in exports(few, target):
        print(f"{name:<40} {peak(name, few, target):9} {peak(name, many, target):9}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = folder / "target"
        upserts = Upserts(folder)
        gc.freeze()  # the rows that wait are nobody's burden
        show("upsert", upserting(upserts, rounds))
        show("export", exporting(upserts.path("artifact-index"), target, rounds))
        show_memory(folder, target)


main()
