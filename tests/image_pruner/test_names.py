"""What --filter and --exclude mean."""

import pytest

from image_pruner.models import Image
from image_pruner.names import excluding, familiar, parse, parse_filter

APP = ["app", "docker.io/app", "docker.io/library/app", "index.docker.io/app", "library/app"]


@pytest.mark.parametrize("spelling", APP)
@pytest.mark.parametrize("name", [f"{one}:1" for one in APP] + ["app@sha256:ab", "app"])
def test_all_spellings_of_a_repository_are_the_same(spelling: str, name: str) -> None:
    assert parse_filter(spelling).fits(name)


@pytest.mark.parametrize(
    "name",
    [
        "application:1",
        "app-web:1",
        "app.web:1",
        "app/web:1",
        "team/app:1",
        "localhost/app:1",
        "localhost:5000/app:1",
        "app:5000/app:1",
        "app.io/app:1",
        "web:app",
        "ghcr.io/library/app:1",
    ],
)
def test_a_filter_fits_nothing_by_accident(name: str) -> None:
    assert not parse_filter("app").fits(name)


@pytest.mark.parametrize(
    ("text", "fitting", "others"),
    [
        ("app:1", ["app:1", "docker.io/library/app:1"], ["app:10", "app:latest", "app@sha256:1"]),
        ("app:pr-*", ["app:pr-1", "app:pr-"], ["app:pr", "web:pr-1"]),
        ("app:v?", ["app:v1"], ["app:v10"]),
        (
            "reg:5000/team/",
            ["reg:5000/team/a:1", "reg:5000/team/a/b"],
            ["reg:5000/teams/a", "team/a"],
        ),
        ("reg:5000/", ["reg:5000/a:1", "reg:5000/a/b"], ["reg:5001/a", "reg/a"]),
        ("reg:5000/app", ["reg:5000/app:5000", "reg:5000/app"], ["reg/app", "app:5000", "app"]),
        ("team/", ["team/a:1", "docker.io/team/b"], ["team:1", "teams/a", "x.io/team/a"]),
        ("localhost/", ["localhost/app:1"], ["localhost:5000/app", "localhost:1"]),
        ("docker.io/", ["app", "team/app"], ["localhost/app"]),
        ("library/", ["app:1"], ["team/app:1"]),
        ("[::1]:5000/app", ["[::1]:5000/app:2"], ["app:2"]),
    ],
)
def test_a_filter_fits_tags_and_all_below_a_slash(
    text: str, fitting: list[str], others: list[str]
) -> None:
    chosen = parse_filter(text)
    assert [name for name in fitting if not chosen.fits(name)] == []
    assert [name for name in others if chosen.fits(name)] == []


@pytest.mark.parametrize(
    "text",
    ["", "/", "a//b", ":1", "app:", "app@sha256:12", "team/*", "app*", "a b", "team/:1", "-x!"],
)
def test_what_can_be_no_repository_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        parse_filter(text)


@pytest.mark.parametrize(
    "glob",
    [
        "app",
        "app:*",
        "*:1",
        "docker.io/library/app",
        "docker.io/library/app:1",
        "library/app",
        "library/app:*",
        "docker.io/app:1",
        "index.docker.io/library/app",
        "docker.io/*",
        "ap[op]",
        "reg.io:5000/team/web",
        "reg.io:5000/*",
        "*/web@sha256:0*",
        "sha256:abcd*",
        "abcd" + "0" * 60,
        "abcd00000000",
        "*",
    ],
)
def test_a_glob_is_held_against_every_form_of_a_name(glob: str) -> None:
    image = Image(
        id="sha256:abcd" + "0" * 60,
        tags=("app:1",),
        digests=("reg.io:5000/team/web@sha256:" + "0" * 64,),
        labels={},
    )
    assert excluding(["nothing", glob], image) == glob


@pytest.mark.parametrize("glob", ["ap", "pp", "App", "app:", "1", "library/web", "web", "abcd", ""])
def test_a_glob_names_the_whole_of_it_or_nothing(glob: str) -> None:
    image = Image(id="sha256:abcd" + "0" * 60, tags=("app:1", "x/web:2"), labels={})
    assert excluding([glob], image) is None


def test_names_are_read_as_docker_reads_them() -> None:
    assert parse("localhost:5000/a/b:t@sha256:1") == ("localhost:5000/a/b", "t", "sha256:1")
    assert parse("app") == ("docker.io/library/app", "", "")
    assert familiar("docker.io/library/app") == "app"
    assert familiar("docker.io/team/app") == "team/app"
    assert familiar("quay.io/app") == "quay.io/app"
