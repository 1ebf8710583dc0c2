"""What a user gets to see: tables, tabs, JSON, summaries, and the names of errors."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.commands import argv, run
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.journals import actions_in
from tests.support.socket_proxy import Proxy
from tests.support.terminal import shown_on_a_terminal

OLD = "2020-01-01T00:00:00Z"
BASE = layer("base", 50_000)
LONG = "registry.example.com:5000/team/backend-service"


@pytest.fixture
def scene(engine: Engine) -> Engine:
    engine.load(
        Made(("debian:12",), (BASE,), OLD),
        Made((f"{LONG}:2026.10.1-rc1",), (BASE, layer("top", 1_500)), OLD),
        Made(("app:1",), (BASE, layer("top", 2)), OLD),
        Made((), (BASE, layer("top", 3)), OLD),
    )
    engine.container("app:1", "backend-1", start=True)
    return engine


def test_a_terminal_of_80_columns_shows_it_all(scene: Engine) -> None:
    command = argv("image_pruner", "--older-than", "30")
    code, shown = shown_on_a_terminal(command, COLUMNS="80", DOCKER_HOST=scene.host)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in shown.splitlines()]
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["plan", "image", "size", "frees", "reason"]
    assert re.fullmatch(r"delete +….*:2026.10.1-rc1 +51.5 kB +1.5 kB +unused, \d+d old", lines[1])
    assert re.fullmatch(r"delete +[0-9a-f]{12} +50.0 kB +3 B +dangling, \d+d old", lines[2])
    used = "used by container backend-1 (running)"
    assert re.fullmatch(r"keep +app:1 +50.0 kB +" + re.escape(used), lines[3])
    assert re.fullmatch(r"keep +debian:12 +50.0 kB +base of app:1", lines[4])
    assert lines[5] == ("image-pruner: would delete 2 of 4 images and free 1.5 kB (--yes does it)")


def test_a_pipe_gets_tabs_and_exact_figures(scene: Engine, prune: Prune) -> None:
    done = prune("--older-than", "30")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {len(row) for row in rows} == {7}
    assert rows[0][:2] == ["delete", f"{LONG}:2026.10.1-rc1"]
    assert rows[0][3:5] == ["51500", "1500"]
    assert {row[2] for row in rows} == scene.ids()
    assert all(float(row[5]) > 2000 for row in rows)


def test_json_has_the_promised_fields(scene: Engine, prune: Prune) -> None:
    done = prune("--older-than", "30", "--json")
    assert set(done.json) == {
        "build_cache_bytes",
        "deleted",
        "dry_run",
        "failed",
        "freed_bytes",
        "images",
        "predicted_exactly",
        "predicted_freed_bytes",
    }
    assert {frozenset(one) for one in done.json["images"]} == {
        frozenset(
            [
                "id",
                "tags",
                "digests",
                "size_bytes",
                "created",
                "age_days",
                "decision",
                "rule",
                "reason",
                "freed_bytes",
            ]
        )
    }
    first = done.json["images"][0]
    assert (first["created"], first["rule"], first["digests"]) == (OLD, "unused", [])
    assert scene.ids() == {one["id"] for one in done.json["images"]}


def test_a_dry_run_asks_for_nothing_that_writes(
    scene: Engine, proxy: Proxy, prune: Prune, here: Path
) -> None:
    plan = here / "plan"
    prune("--older-than", "30", "--keep-last", "1", "--age-basis", "tagged", "--plan", plan)
    prune("--older-than", "30", "--json")
    assert plan.exists()
    assert len(proxy.asked) > 8
    assert proxy.writes == []
    assert len(scene.ids()) == 4


def test_what_was_freed_stands_beside_what_was_predicted(scene: Engine, prune: Prune) -> None:
    done = prune("--older-than", "30", "--yes")
    assert done.stderr == ("image-pruner: deleted 2 of 4 images: predicted 1.5 kB, freed 1.5 kB\n")
    assert len(done.stdout.splitlines()) == 4
    assert len(scene.ids()) == 2


def test_less_than_predicted_is_told_exactly(scene: Engine, proxy: Proxy, prune: Prune) -> None:
    proxy.before("DELETE", "", lambda: late(scene))
    done = prune("--older-than", "30", "--yes")
    assert done.code == 0
    assert f"{LONG}:2026.10.1-rc1: kept after all: used by container late (created)" in done.stderr
    assert "deleted 1 of 4 images (2 planned): predicted 1.5 kB (1503 bytes), freed 3 B" in (
        done.stderr
    )


def late(engine: Engine) -> None:
    engine.container(f"{LONG}:2026.10.1-rc1", "late")


def test_layers_in_the_build_cache_are_not_called_free(engine: Engine, prune: Prune) -> None:
    import subprocess

    engine.load(Made(("base:1",), (BASE,)))
    command = ["/usr/bin/docker", "-H", engine.host, "build", "-q", "-t", "app:1", "-"]
    dockerfile = b"FROM base:1\nWORKDIR /made/by/buildkit\nCOPY --from=base:1 /base /again\n"
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    subprocess.run(command, input=dockerfile, env=environment, check=True, capture_output=True)
    done = prune("--filter", "app", "--yes", "--json")
    assert done.code == 0
    assert "the build cache has 50.0 kB of images' layers" in done.stderr
    assert "50.0 kB are in the build cache still" in done.stderr
    assert (done.json["predicted_freed_bytes"], done.json["freed_bytes"]) == (50_000, 0)
    assert done.json["build_cache_bytes"] == 50_000


def test_layers_under_a_container_without_its_image_are_told(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("app:1",), (BASE,)), Made(("app:2",), (BASE, layer("top", 1))))
    engine.container("app:1", "orphan")
    engine.client.remove_image("app:1", force=True)
    done = prune("--filter", "app", "--json")
    assert "the image of container orphan is gone" in done.stderr
    assert "and free about 5" in done.stderr
    assert done.json["predicted_exactly"] is False


def test_letters_that_steer_a_terminal_never_reach_it(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("app:1",), (BASE,), labels={"a": "b"}))
    done = prune("--filter", "app", "--exclude", "*\x1b[2J*", "--label", "\x1b]0;x\x07")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--older-than", "x"], "'x' is not an age"),
        (["--older-than", "-1"], "--older-than"),
        (["--older-than", ""], "is not an age"),
        (["--keep-last", "0"], "at least 1"),
        (["--max-delete", "0"], "at least 1"),
        (["--filter", "app*"], "'app*' is not a repository"),
        (["--label", "=x"], "'=x' is not a label"),
        (["--dangling", "--filter", "app"], "have no name"),
        (["--host", "a", "--context", "b"], "both say which daemon"),
        (["--host", "ftp://x"], "'ftp://x': not one of"),
        (["--timeout", "0"], "not between nothing and a day"),
        (["--timeout", "9999w"], "not between nothing and a day"),
        (["--older-than", "6m"], "'6m' is not an age"),
        (["--yes", "--plan", ""], "--plan: it is empty"),
        (["--exclude", ""], "--exclude: it is empty"),
        (["--host", ""], "--host: it is empty"),
        (["--context", ""], "--context: it is empty"),
        (["--yess"], "--yess"),
        (["app"], "app"),
    ],
)
def test_bad_usage_is_one_line_and_2(prune: Prune, options: list[str], words: str) -> None:
    done = prune(*options)
    assert done.code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_records_tell_the_plan_and_each_deletion(
    scene: Engine, prune: Prune, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    prune("--older-than", "30", "--yes", "--log-json", log)
    records = actions_in(log.read_text())
    assert [one["action"] for one in records] == ["plan", "delete", "delete", "measure"]
    assert (records[0]["images"], records[0]["delete"]) == (4, 2)
    assert {one["outcome"] for one in records[1:3]} == {"deleted"}
    assert {one["id"] for one in records[1:3]}.isdisjoint(scene.ids())


def test_it_is_python_m_too(scene: Engine) -> None:
    done = run("image_pruner", "--json", DOCKER_HOST=scene.host)
    assert (done.code, len(done.json["images"])) == (0, 4)
    assert sys.executable


def test_an_option_that_names_no_image_is_told_in_a_dry_run(scene: Engine, prune: Prune) -> None:
    done = prune("--filter", "app", "--filter", "apq", "--exclude", "app:2", "--exclude", "deb*")
    assert scene.ids()
    assert done.stderr.splitlines()[:-1] == [
        "image-pruner: --exclude app:2: names no image here",
        "image-pruner: --filter apq: names no image here",
    ]
