"""What a hostile or careless world does to a mirror: each of these was a bug once."""

import signal
import subprocess
from pathlib import Path

import pytest

from gh_releases import ClientOptions, download_request
from release_mirror.plan import Situation, plan
from release_mirror.transfer import AssetSink
from tests.gh_releases.conftest import answering
from tests.release_mirror.conftest import Mirror
from tests.release_mirror.parts import wanted
from tests.support import faults
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Refused

TOKEN = "t0ken-s3cret"  # the fixture's


def test_two_files_never_share_a_temporary_one(tmp_path: Path) -> None:
    def sink(name: str) -> AssetSink:
        [action] = plan([wanted(path=f"o/r/v1/{name}")], Situation())
        return AssetSink(action, tmp_path, progress=lambda _count: None)

    one, other = sink("a"), sink("b")
    one.begin(0, None)
    other.begin(0, None)
    assert len(list(tmp_path.rglob("*.part"))) == 2
    one.abort()
    other.abort()


def test_bytes_without_a_digest_must_stay_what_they_were(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"original", digest=False)
    mirror()
    (dest / "octo/tool/v1/tool").unlink()
    github.fault("/", faults.wrong_bytes(), origin="asset")
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (0, 0, 1))
    assert "sha256 is" in ran.reason


def test_a_wait_that_an_asset_host_asks_for_ends_with_max_wait(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    github.fault("/", faults.throttled(429, retry_after=100_000), origin="asset")
    ran = mirror("--max-wait", "60s")
    assert ran.code == 75
    assert "HTTP status 429; it asks for 100000 s, more than --max-wait" in ran.reason


def test_a_link_between_tags_is_no_place_for_a_file(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("a", b"one")
    repo.add_release("latest").add_asset("a", b"two")
    (dest / "octo/tool/v1").mkdir(parents=True)
    (dest / "octo/tool/latest").symlink_to("v1")
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert (dest / "octo/tool/v1/a").read_bytes() == b"one"


def test_a_loop_of_links_is_one_assets_failure(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("a", b"one")
    (dest / "octo/tool").mkdir(parents=True)
    (dest / "octo/tool/v1").symlink_to("v1")
    assert mirror("--dry-run").json["plan"][0]["action"] == "refuse"
    assert mirror().code == 1


def test_a_lock_that_is_a_link_is_not_followed(
    repo: Repository, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    repo.add_release("v1").add_asset("a", b"one")
    (tmp_path / "precious").write_text("precious")
    dest.mkdir()
    (dest / ".release-mirror.lock").symlink_to(tmp_path / "precious")
    assert mirror().code == 1
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_token_that_the_server_echoes_is_not_shown(
    github: GitHub, repo: Repository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.add_release("v1")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    github.fault("/repos", answering({"message": f"Bad credentials: Bearer {TOKEN}"}, 401))
    ran = mirror()
    assert ran.code == 77
    assert "Bad credentials: Bearer ***" in ran.stderr


@pytest.mark.parametrize("url", ["http://[x", "http://[::1", "https://elsewhere.invalid/1"])
def test_an_assets_odd_api_address_is_refused_alone(url: str) -> None:
    with pytest.raises(Refused, match="another origin, or none"):
        download_request(wanted(url=url), ClientOptions(token=TOKEN))


def test_the_spelling_of_the_origin_does_not_matter() -> None:
    options = ClientOptions(api_url="https://API.github.invalid:443", token=TOKEN)
    one = wanted(url="https://api.github.invalid/1")
    assert download_request(one, options)[0] == one.url


@pytest.mark.parametrize("arguments", [["--dest", ""], ["--concurrency", "101"]])
def test_a_slip_among_the_arguments_is_refused(mirror: Mirror, arguments: list[str]) -> None:
    ran = mirror(*arguments)
    assert (ran.code, ran.stderr.count("\n")) == (2, 1)


def test_a_second_signal_ends_at_once(github: GitHub, repo: Repository, dest: Path) -> None:
    stuck = repo.add_release("v1").add_asset("stuck", bytes(400_000))
    fault = github.fault(f"/{stuck.id}", faults.stall_body(after=150_000), origin="asset")
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert fault.reached.wait(30)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode in {130, -signal.SIGINT}  # the second may meet Python's own end
    assert "release-mirror: interrupted\n" in stderr
