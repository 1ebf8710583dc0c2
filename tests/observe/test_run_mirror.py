"""The mirror under `observe`: one id everywhere, exact bytes, and an orderly end for systemd."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from observe.schema import problems_of
from tests.observe.commands import observe, observing, records, runs, series
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Asset

PATIENCE_S = 30
SIZE = 200_000


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        yield server


@pytest.fixture(autouse=True)
def assets(github: GitHub) -> list[Asset]:
    release = github.add_repository("octo/tool").add_release("v1")
    return [release.add_asset(name, name[:1].encode() * SIZE) for name in ("one", "stuck", "two")]


@pytest.mark.parametrize("around", [(), ("proc-run", "--")])
def test_a_mirror_has_one_id_everywhere_and_each_byte_is_counted(
    around: tuple[str, ...], github: GitHub, tmp_path: Path
) -> None:
    log, text = tmp_path / "log", tmp_path / "x.prom"
    mirror = ("release-mirror", "octo/tool", "--dest", tmp_path / "dest")
    command = (*around, *mirror, "--api-url", github.api_url)
    done = observe("--log-json", log, "--textfile", text, "--", *command)
    assert done.code == 0
    ends = [("release-mirror", "ok"), *([("proc-run", "ok")] if around else []), ("observe", "ok")]
    assert runs(log) == ends
    assert len({one["request_id"] for one in records(log)}) == 1
    assert not any(problems_of(line) for line in log.read_bytes().splitlines())
    found = series(text.read_text())
    assert found['toolroll_bytes_total{action="asset",tool="release-mirror"}'] == 3 * SIZE
    assert found['toolroll_runs_total{outcome="ok",tool="release-mirror"}'] == 1


@pytest.mark.parametrize("around", [(), ("proc-run", "--")])
def test_a_mirror_that_systemd_stops_ends_in_order_and_is_counted(
    around: tuple[str, ...], github: GitHub, assets: list[Asset], tmp_path: Path
) -> None:
    fault = github.fault(f"/{assets[1].id}", faults.stall_body(after=SIZE // 2), origin="asset")
    log, text = tmp_path / "log", tmp_path / "x.prom"
    mirror = ("release-mirror", "octo/tool", "--dest", tmp_path / "dest")
    command = (*around, *mirror, "--api-url", github.api_url)
    with observing("--log-json", log, "--textfile", text, "--", *command) as process:
        assert fault.reached.wait(PATIENCE_S)
        for pid in tree_of(process.pid):
            os.kill(pid, signal.SIGTERM)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert b"what is in place or has arrived stays; run it again to go on" in stderr
    assert runs(log)[0] == ("release-mirror", "terminated")
    assert runs(log)[-1][0] == "observe"
    counted = 'toolroll_runs_total{outcome="terminated",tool="release-mirror"}'
    assert series(text.read_text())[counted] == 1


def tree_of(pid: int) -> list[int]:
    """A process and its descendants, as the control group of a service has them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree_of(int(child)))]
