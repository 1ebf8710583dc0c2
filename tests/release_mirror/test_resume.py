"""Going on with what an earlier run, or an earlier try, has left of a download."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from release_mirror.parts import part_path
from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Asset, Repository
from tests.support.waiting import until

SIZE = 4_000_000
HALF, ENOUGH = 2_000_000, 1_000_000  # the engine takes what comes in blocks of its own
CONTENT = bytes(range(256)) * (SIZE // 256)
PLACE = "octo/tool/v1/large"


@pytest.fixture(params=[True, False], ids=["digest", "no digest"])
def digest(request: pytest.FixtureRequest) -> bool:
    """Whether GitHub gives one."""
    return bool(request.param)


@pytest.fixture
def large(repo: Repository, *, digest: bool) -> Asset:
    """An asset that is worth going on with."""
    return repo.add_release("v1").add_asset("large", CONTENT, digest=digest)


@pytest.fixture
def cut_short(
    github: GitHub, large: Asset, dest: Path
) -> Iterator[Callable[[signal.Signals], subprocess.CompletedProcess[str]]]:
    """Runs the mirror until half of the asset is on disk, and sends it a signal."""
    running: list[subprocess.Popen[str]] = []

    def run(number: signal.Signals) -> subprocess.CompletedProcess[str]:
        github.fault(f"/{large.id}", faults.stall_body(after=HALF), origin="asset")
        command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        part = part_path(dest / PLACE)
        until(lambda: part.exists() and part.stat().st_size >= ENOUGH)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
        github.forget_requests()
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    yield run
    for process in running:
        process.kill()
        process.wait()


def ranges(github: GitHub) -> list[str | None]:
    """The Range of each request to the asset host."""
    return [one.headers.get("range") for one in github.requests_to("asset")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_download_is_gone_on_with_by_the_next_run(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
    number: signal.Signals,
) -> None:
    done = cut_short(number)
    assert done.returncode == 128 + number, done.stderr
    assert files_in(dest) == {
        path.relative_to(dest).as_posix()
        for path in (part_path(dest / PLACE), part_path(dest / PLACE).with_suffix(".note"))
    }
    kept = part_path(dest / PLACE).stat().st_size
    assert kept >= ENOUGH
    planned = mirror("--dry-run").json["plan"][0]
    assert (planned["action"], planned["bytes"]) == ("resume", SIZE - kept)
    ran = mirror()
    assert ran.counts == (1, 0, 0), ran.stderr
    assert ranges(github) == [f"bytes={kept}-"]
    assert (dest / PLACE).read_bytes() == CONTENT
    assert files_in(dest) == {PLACE}


def test_a_killed_download_is_gone_on_with_only_if_a_digest_tells_in_the_end(
    *,
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
    digest: bool,
) -> None:
    cut_short(signal.SIGKILL)
    kept = part_path(dest / PLACE).stat().st_size
    assert mirror().counts == (1, 0, 0)
    assert ranges(github) == [f"bytes={kept}-" if digest else None]
    assert (dest / PLACE).read_bytes() == CONTENT
    assert files_in(dest) == {PLACE}


@pytest.mark.parametrize("digest", [True], indirect=True)
def test_a_part_that_was_spoilt_is_fetched_anew_in_the_same_run(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
) -> None:
    cut_short(signal.SIGKILL)
    part_path(dest / PLACE).write_bytes(b"\xff" * HALF)
    ran = mirror()
    assert ran.counts == (1, 0, 0), ran.stderr
    assert "what an earlier run left is of no use" in ran.stderr
    assert ranges(github) == [f"bytes={HALF}-", None]
    assert (dest / PLACE).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda part: part.unlink(),
        lambda part: part.with_suffix(".note").unlink(),
        lambda part: part.with_suffix(".note").write_text("no JSON"),
        lambda part: part.with_suffix(".note").write_text("[1, 2]"),
        lambda part: part.with_suffix(".note").write_text('{"asset_id": 1}'),
        lambda part: part.write_bytes(CONTENT),
        lambda part: part.write_bytes(b""),
    ],
)
@pytest.mark.parametrize("digest", [True], indirect=True)
def test_what_cannot_be_gone_on_with_is_begun_anew(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
    spoil: Callable[[Path], object],
) -> None:
    cut_short(signal.SIGKILL)
    spoil(part_path(dest / PLACE))
    assert mirror().counts == (1, 0, 0)
    assert ranges(github) == [None]
    assert files_in(dest) == {PLACE}


@pytest.mark.parametrize("digest", [True], indirect=True)
def test_an_asset_that_was_replaced_meanwhile_is_not_mixed_with_its_predecessor(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    large: Asset,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
) -> None:
    cut_short(signal.SIGINT)
    large.replace(CONTENT[::-1])
    assert mirror().counts == (1, 0, 0)
    assert ranges(github) == [None]
    assert (dest / PLACE).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(
    "fault",
    [faults.ignore_range(), faults.wrong_range(), faults.wrong_range(shift=-1)],
    ids=lambda fault: fault.name,
)
@pytest.mark.parametrize("digest", [True], indirect=True)
def test_a_host_that_knows_no_ranges_sends_all_of_it(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    large: Asset,
    cut_short: Callable[[signal.Signals], subprocess.CompletedProcess[str]],
    fault: faults.Fault,
) -> None:
    cut_short(signal.SIGINT)
    github.fault(f"/{large.id}", fault, origin="asset")
    ran = mirror()
    assert ran.counts == (1, 0, 0), ran.stderr
    assert (dest / PLACE).read_bytes() == CONTENT


@pytest.mark.parametrize("digest", [True], indirect=True)
def test_a_cut_connection_is_gone_on_with_by_a_new_signed_url(
    github: GitHub, mirror: Mirror, dest: Path, large: Asset
) -> None:
    github.fault(f"/{large.id}", faults.cut_body(after=HALF), origin="asset")
    assert mirror().counts == (1, 0, 0)
    first, second = github.requests_to("asset")
    assert second.headers["range"].startswith("bytes=")
    assert second.headers["if-range"] == f'"0x{large.id:016X}"'
    assert len(github.requests_to("api", "/releases/download/")) == 2
    assert first.headers.get("range") is None
    assert (dest / PLACE).read_bytes() == CONTENT


@pytest.mark.parametrize("digest", [True], indirect=True)
def test_a_signed_url_that_has_expired_is_asked_for_anew(
    github: GitHub, mirror: Mirror, large: Asset
) -> None:
    github.fault(f"/{large.id}", faults.expired_signature(), origin="asset")
    ran = mirror()
    assert ran.counts == (1, 0, 0), ran.stderr
    assert len(github.requests_to("api", "/releases/download/")) == 2


def test_leftovers_of_killed_runs_are_removed_and_links_not_followed(
    repo: Repository, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    repo.add_release("v1").add_asset("a", b"a")
    mirror()
    precious = tmp_path / "outside" / ".toolroll-precious.part"
    precious.parent.mkdir()
    precious.write_text("precious")
    (dest / "octo/tool/linked").symlink_to(precious.parent)
    for name in ("octo/tool/v1/.toolroll-1.part", "octo/tool/v1/.toolroll-1.note"):
        (dest / name).write_text("left")
    (dest / ".manifest.sqlite.0123.new").write_text("left")
    assert mirror().counts == (0, 1, 0)
    assert precious.exists()
    assert sorted(path.name for path in dest.rglob("*") if path.is_file()) == [
        ".release-mirror.lock",
        "SHA256SUMS",
        "a",
        "manifest.sqlite",
    ]


def test_small_assets_leave_no_notes(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    small = repo.add_release("v1").add_asset("small", b"x" * 100_000)
    github.fault(f"/{small.id}", faults.cut_body(after=50_000), origin="asset")
    assert mirror("--retries", 0).code == 1
    assert files_in(dest) == set()


def test_a_rate_limit_holds_for_all_downloads_together(repo: Repository, mirror: Mirror) -> None:
    release = repo.add_release("v1")
    for number in range(4):
        release.add_asset(f"{number}", bytes(250_000))
    ran = mirror("--limit-rate", "1M", "--concurrency", 4)
    assert ran.counts == (4, 0, 0)
    assert ran.json["duration_ms"] > 500, "a second's worth may come at once, the rest may not"


def test_a_403_of_a_rate_limit_is_waited_for(
    github: GitHub, repo: Repository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    repo.add_release("v1").add_asset("tool", b"x")
    github.fault("/releases/assets/", faults.throttled(403, retry_after=1))
    ran = mirror()
    assert ran.counts == (1, 0, 0)
    assert "trying again in 1.0 s" in ran.stderr


def test_a_quota_that_is_used_up_ends_the_run_with_75_and_no_hammering(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    with GitHub(token="t0ken-s3cret", quota=4) as github:  # three of them are for the lists
        release = github.add_repository("octo/tool").add_release("v1")
        for number in range(20):
            release.add_asset(f"{number}", b"x")
        options = ["--concurrency", 2, "--max-wait", "1m", "--api-url", github.api_url]
        ran = mirror(*options)
        assert (ran.code, ran.counts) == (75, (1, 0, 19)), ran.stderr
        assert all(failure["throttled"] for failure in ran.json["failures"])
        assert "more than --max-wait" in ran.stderr
        assert len(github.requests_to("api", "/releases/assets/")) < 6
