"""What `make demo` shows, in containers: a mirror is made, healed, served, and mirrored."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.packing.images import Image
from tests.support.containers import Docker
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.waiting import until

SYNC = ("octo/tool", "--dest", ".")
SERVE = ("serve", "--dest", ".", "--listen", "127.0.0.1:0")
OFTEN = "--health-interval=200ms"


@pytest.fixture
def volume(docker: Docker) -> Iterator[str]:
    """A new volume at /data; as the image has it, it belongs to the image's user."""
    name = docker.does("volume", "create")
    yield f"--volume={name}:/data"
    docker("volume", "rm", "--force", name)


@pytest.fixture
def github(github: GitHub, repo: Repository) -> GitHub:
    """The stand-in, with a release of two files."""
    release = repo.add_release("v1.0")
    release.add_asset("tool.tar.gz", b"bytes" * 100_000)
    release.add_asset("NOTES.txt", b"The notes.\n")
    return github


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_a_mirror_is_made_healed_served_and_mirrored(
    docker: Docker, image: Image, volume: str, github: GitHub
) -> None:
    tag = image("release-mirror")
    at_github = (volume, f"--env=GITHUB_API_URL={github.api_url}", "--env=GH_TOKEN=t0ken-s3cret")
    planned = docker.run(*at_github, tag, *SYNC, "--dry-run")
    assert "NOTES.txt" in planned.stdout, planned
    for expected in (2, 0):  # again: nothing is downloaded
        github.forget_requests()
        done = docker.run(*at_github, tag, *SYNC)
        assert done.code == 0, done.stderr
        assert len(github.requests_to("asset")) == expected
    damage = ["-c", "echo bad > octo/tool/v1.0/NOTES.txt"]
    docker.run(volume, "--entrypoint=/bin/sh", tag, *damage)
    assert docker.run(volume, tag, "verify", "--dest", ".").code == 1
    assert docker.run(*at_github, tag, *SYNC).code == 0
    assert docker.run(volume, tag, "verify", "--dest", ".").code == 0
    github.forget_requests()
    with docker.running(volume, tag, *SERVE) as server:
        docker.until_it_says(server, "http://")
        from_mirror = f"--env=GITHUB_API_URL={docker.said(server).strip()}"
        listed = docker.run(from_mirror, image("gh-releases"), "octo/tool", "--json")
        assert [one["tag_name"] for one in json.loads(listed.stdout)] == ["v1.0"], listed
        second = json.loads(docker.run(from_mirror, tag, *SYNC, "--json").stdout)
        assert second["repositories"][0]["downloaded"] == 2, second
        assert docker.end(server, "TERM") == 143
    assert github.requests == []


def test_two_runs_at_once_share_a_mirror_in_turn(
    docker: Docker, image: Image, volume: str, github: GitHub
) -> None:
    at_github = (volume, f"--env=GITHUB_API_URL={github.api_url}", "--env=GH_TOKEN=t0ken-s3cret")
    words = [*at_github, image("release-mirror"), *SYNC]
    with docker.running(*words) as first, docker.running(*words) as second:
        codes = {int(docker.does("wait", one)) for one in (first, second)}
        said = docker.said(first) + docker.said(second)
    assert codes <= {0, 75}, said
    assert 0 in codes
    assert ("another" in said) == (75 in codes)
    assert len(github.requests_to("asset")) == 2
    assert docker.run(volume, image("release-mirror"), "verify", "--dest", ".").code == 0


def health(docker: Docker, container: str) -> str:
    return str(docker.inspected(container)["State"]["Health"]["Status"])


def test_a_server_is_healthy_as_long_as_it_answers(
    docker: Docker, image: Image, volume: str, github: GitHub
) -> None:
    tag = image("release-mirror")
    at_github = (volume, f"--env=GITHUB_API_URL={github.api_url}", "--env=GH_TOKEN=t0ken-s3cret")
    assert docker.run(*at_github, tag, *SYNC).code == 0
    listen = f"127.0.0.1:{free_port()}"
    serve = [OFTEN, "--health-retries=1", volume, tag, *SERVE[:-1], listen]
    with docker.running(*serve) as server:
        until(lambda: health(docker, server) == "healthy")
        docker.does("exec", "--user=65532", server, "mv", "manifest.sqlite", "away")
        until(lambda: health(docker, server) == "unhealthy")
        docker.does("exec", "--user=65532", server, "mv", "away", "manifest.sqlite")
        until(lambda: health(docker, server) == "healthy")


def test_the_server_of_metrics_is_healthy_while_it_has_its_log(
    docker: Docker, image: Image, volume: str
) -> None:
    home = "--tmpfs=/home/toolroll:mode=1777"
    listen = f"--listen=127.0.0.1:{free_port()}"
    serve = [OFTEN, "--health-retries=1", home, volume, image("observe"), "serve", listen]
    with docker.running(*serve, "--log", "log.json") as server:
        until(lambda: health(docker, server) == "unhealthy")
        docker.does("exec", "--user=65532", server, "touch", "log.json")
        until(lambda: health(docker, server) == "healthy")


def test_a_cache_that_cannot_be_written_is_left_out_and_a_database_is_asked_for(
    docker: Docker, image: Image, volume: str, github: GitHub
) -> None:
    at_github = (f"--env=GITHUB_API_URL={github.api_url}", "--env=GH_TOKEN=t0ken-s3cret")
    listed = docker.run(*at_github, image("gh-releases"), "octo/tool")
    assert listed.code == 0
    assert listed.stderr.endswith("Read-only file system; going on without\n")
    assert listed.stderr.count("\n") == 1
    home = "--tmpfs=/home/toolroll:mode=1777"
    assert docker.run(*at_github, home, image("gh-releases"), "octo/tool").stderr == ""
    index = [*at_github, volume, image("artifact-index"), "octo/tool"]
    refused = docker.run(*index)
    assert refused.code in {1, 2}, refused
    assert "Read-only file system" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert docker.run(*index, "--db", "releases.sqlite").code == 0
