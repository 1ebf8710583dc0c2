"""Both commands of the README, from a clean clone on a Debian with python3, make and git alone."""

import pytest

from tests.support import debian
from tests.support.containers import Docker
from tests.support.layout import ROOT

FRESH = "debian-with-make-and-git:test"
SCRIPT = """
set -e
! command -v pip pip3 uv docker
git clone --quiet /src /home/toolroll
cd /home/toolroll
make demo
make test ARGS='-q -n 2 tests/text_utils tests/packing/test_pip.py tests/house/test_structure.py'
"""
TRUST = ("--env=GIT_CONFIG_COUNT=1", "--env=GIT_CONFIG_KEY_0=safe.directory")
ALL_DONE_S = 500


@pytest.fixture(scope="module")
def fresh(docker: Docker) -> str:
    """The tag of such a Debian."""
    docker.does("import", str(debian.with_make_and_git()), FRESH, timeout=120)
    return FRESH


def test_demo_and_tests_run_from_a_clean_clone(docker: Docker, fresh: str) -> None:
    inside = ["--rm", "--network=host", *TRUST, "--env=GIT_CONFIG_VALUE_0=*", *docker.mounts()]
    words = ["run", *inside, f"--volume={ROOT}:/src:ro", fresh, "sh", "-c", SCRIPT]
    done = docker(*words, timeout=ALL_DONE_S)
    assert done.code == 0, (done.stdout[-3000:], done.stderr[-3000:])
    assert "no difference" in done.stdout
    assert " passed" in done.stdout
