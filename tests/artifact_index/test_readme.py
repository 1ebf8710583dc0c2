"""The queries that the README shows run, with the tools that it names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.artifact_index.conftest import Index, rows
from tests.support.commands import environment
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.layout import ROOT

README = (ROOT / "tools" / "artifact-index" / "README.md").read_text()
QUERIES = re.findall(r"^(?:sqlite3|sqlite-utils query) \$DB .*$", README, re.MULTILINE)
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def test_the_readme_shows_queries_with_both_tools() -> None:
    assert [query.split()[0] for query in QUERIES] == ["sqlite3"] * 3 + ["sqlite-utils"]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_readme_finds_something(
    index: Index, db: Path, repo: Repository, query: str
) -> None:
    if shutil.which(query.split(maxsplit=1)[0], path=PATH) is None:
        pytest.skip(f"needs {query.split(maxsplit=1)[0]}")
    asset = repo.add_release("v1").add_asset("tool-linux", b"1234")
    gone = repo.add_release("v2")
    index()
    gone.delete()
    asset.edit(download_count=3)
    index()
    done = subprocess.run(
        ["sh", "-c", query],
        env=environment({"DB": str(db), "PATH": PATH}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_the_library_example_of_the_readme_fills_a_database(
    github: GitHub, db: Path, repo: Repository
) -> None:
    repo.add_release("v1").add_asset("a", b"a")
    [example] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    code = example.replace("ClientOptions()", f"ClientOptions(api_url={github.api_url!r})")
    code += (
        f"import asyncio\nprint(asyncio.run(update(Path({str(db)!r}), 'octo/tool')).repository)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment({}),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "octo/tool\n", "")
    assert rows(db, "SELECT name FROM assets") == ["a"]
