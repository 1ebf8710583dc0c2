"""What following a document finds wrong, and what it lets pass."""

from pathlib import Path

import pytest

from tests.documents.reading import follow
from tests.documents.world import a_world


def sh(text: str) -> str:
    return f"```sh\n{text}\n```\n"


def console(text: str) -> str:
    return f"```console\n{text}\n```\n"


def terminal(text: str) -> str:
    return f"```terminal\n{text}\n```\n"


@pytest.mark.parametrize(
    "document",
    [
        sh("false"),
        sh("true    # exit code 1"),
        sh("sh -c 'exit 2'    # exit code 1"),
        sh("false | cat"),
        sh("no-such-command --json"),
        console("$ echo two\none"),
        console("$ printf 'one\\ntwo\\n'\none"),
        console("$ echo one\none\ntwo"),
        console("$ echo 5 files\n6 files"),
        console("$ echo 5d ago\n5m ago"),
        terminal("$ echo two\none"),
        terminal("$ test -t 1 && echo one    # exit code 1\none"),
    ],
)
def test_what_a_document_says_otherwise_is_found(document: str, tmp_path: Path) -> None:
    with a_world(tmp_path) as world, pytest.raises(AssertionError, match="line 1: "):
        follow(world, document)


@pytest.mark.parametrize(
    "document",
    [
        sh("false    # exit code 1"),
        sh("cd /srv\ntouch here\ntest -e /srv/here"),
        sh("for one in 1 2; do\n  echo $one\ndone"),
        console("$ echo one two three\none ... three"),
        console("$ seq 9\n1\n...\n9"),
        console("$ echo 'made 7s ago, 12d old'\nmade 1s ago, 1056d old"),
        console("$ echo no >&2; false    # exit code 1\nno"),
        terminal("$ test -t 0 && test -t 1 && test -t 2 && echo one\none"),
        terminal("$ printf '1 of 2\\r\\033[K2 of 2\\r\\033[Kdone\\n'\ndone"),
    ],
)
def test_what_a_document_says_truly_passes(document: str, tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        assert follow(world, document)


def test_what_a_preparation_opens_is_closed_after_the_commands(tmp_path: Path) -> None:
    ended: list[bool] = []
    with a_world(tmp_path) as world:
        follow(world, sh("(trap 'touch ended; exit' TERM; touch ready; sleep 60 & wait) &"))
        follow(world, sh("until test -e ready; do :; done"))
        world.stack.callback(lambda: ended.append((world.home / "ended").exists()))
    assert ended == [True]
