"""What a document installs is what it runs from then on; what there is not fails."""

from pathlib import Path

import pytest

from tests.documents.installing import add_pip
from tests.documents.reading import follow
from tests.documents.world import a_world


def test_what_a_document_installs_is_what_it_runs(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        add_pip(world)
        before = world.run("readlink -f $(command -v multi-fetch)").stdout
        for install in ("pip install toolroll-multi-fetch", "uv tool install toolroll-text-utils"):
            assert world.run(install).code == 0
        after = world.run("readlink -f $(command -v multi-fetch wc-lite)").stdout.split()
        (site,) = world.root.glob("environment/lib/python*/site-packages")
        names = {path.name for path in site.iterdir()}
        assert not before.startswith(str(world.root))
        assert after == [
            f"{world.root}/environment/bin/{name}" for name in ("multi-fetch", "wc-lite")
        ]
        assert {"multi_fetch", "text_utils", "toolroll_shared"} <= names
        assert "logtools" not in names
        assert world.run("multi-fetch --version").stdout == "multi-fetch 0.1.0\n"


def test_a_document_that_installs_what_is_not_there_fails(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        add_pip(world)
        for name in ("toolroll-nothing", "'toolroll-multi-fetch[nothing]'"):
            with pytest.raises(
                AssertionError, match=r"No matching .* toolroll-nothing|the extra 'nothing'"
            ):
                follow(world, f"```sh\npip install {name}\n```\n")
