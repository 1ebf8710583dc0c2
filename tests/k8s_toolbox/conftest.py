"""A stand-in for an API server for each test, which KUBECONFIG names; a real one in e2e/."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from k8s_toolbox.cli import main
from tests.support.commands import Finished, call
from tests.support.kube_api import KubeApi, kube_api

Toolbox = Callable[..., Finished]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeApi]:
    with kube_api(tmp_path) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        yield found


@pytest.fixture
def toolbox(capsys: pytest.CaptureFixture[str]) -> Toolbox:
    """Run the command in this process."""
    return lambda *arguments: call(Finished, main, capsys, *arguments)
