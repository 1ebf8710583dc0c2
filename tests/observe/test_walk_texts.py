"""The walk: wc-lite, contains, normalize and logtools."""

from pathlib import Path

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.waiting import until, until_it_waits_for_input

STEPS: Steps = {
    "files are counted": Step(line="wc-lite crlf lf", actions="count"),
    "all is counted": Step(line="wc-lite -lwmcL --log-json log lf", actions="count"),
    "all is told": Step(line="wc-lite --json crlf", actions="count"),
    "one of two is missing": Step(
        line="wc-lite lf nowhere", code=2, outcome="usage", actions="count", failed="count"
    ),
    "the list is missing": Step(line="wc-lite --files0-from nowhere", code=2, outcome="usage"),
    "wc-lite is called badly": Step(line="wc-lite --nonsense", code=2, outcome="usage"),
    "a needle is found": Step(line="contains lf two --log-json log", actions="search"),
    "a needle is not found": Step(line="contains lf x", code=1, outcome="no", actions="search"),
    "there is nothing to search": Step(
        line="contains nowhere x", code=2, outcome="usage", actions="search", failed="search"
    ),
    "the needle is empty": Step(line="contains lf ''", code=2, outcome="usage"),
    "a file is normalized": Step(line="normalize --to lf crlf", actions="normalize"),
    "a file is replaced": Step(
        line="normalize --to crlf --in-place lf --log-json log", actions="normalize"
    ),
    "a file is checked": Step(line="normalize --to lf --check lf", actions="normalize"),
    "a file would change": Step(
        line="normalize --to lf --check crlf lf", code=1, outcome="no", actions="normalize"
    ),
    "one file is no text": Step(
        line="normalize --to lf crlf binary",
        code=2,
        outcome="usage",
        actions="normalize",
        failed="normalize",
    ),
    "the old text is in the way": Step(
        line="normalize --to lf -o lf crlf",
        code=2,
        outcome="usage",
        actions="normalize",
        failed="normalize",
    ),
    "normalize is called badly": Step(line="normalize crlf", code=2, outcome="usage"),
    "the first lines are printed": Step(line="logtools head crlf lf", actions="head"),
    "one head is missing": Step(
        line="logtools head lf nowhere", code=2, outcome="usage", actions="head", failed="head"
    ),
    "lines are found": Step(line="logtools grep lf two --log-json log", actions="grep"),
    "no lines are found": Step(line="logtools grep lf x", code=1, outcome="no", actions="grep"),
    "one file cannot be searched": Step(
        line="logtools grep lf nowhere two", code=2, outcome="usage", actions="grep", failed="grep"
    ),
    "the last lines are printed": Step(line="logtools tail -n 1 lf", actions="tail"),
    "one tail is missing": Step(
        line="logtools tail nowhere lf", code=2, outcome="usage", actions="tail", failed="tail"
    ),
    "what is new is printed": Step(line="logtools tail --cursor cursor lf", actions="resume"),
    "the cursor is damaged": Step(
        line="logtools tail --cursor lf lf",
        code=65,
        outcome="corrupt",
        actions="resume",
        failed="resume",
    ),
    "tail is called badly": Step(line="logtools tail --pid 1 lf", code=2, outcome="usage"),
    "there is no such command": Step(line="logtools nonsense", code=2, outcome="usage"),
}

TERMINATED: Steps = {
    f"{tool} is terminated": Step(
        line=line, code=143, outcome="terminated", actions=action, failed=action
    )
    for tool, line, action in [
        ("wc-lite", "wc-lite lf -", "count"),
        ("contains", "contains - x", "search"),
        ("normalize", "normalize --to lf -", "normalize"),
        ("head", "logtools head", "head"),
        ("grep", "logtools grep - x", "grep"),
        ("tail", "logtools tail", "tail"),
    ]
}

FOLLOWED: Steps = {
    "following is terminated": Step(
        line="logtools tail -f lf",
        code=143,
        outcome="terminated",
        actions="follow",
        failed="follow",
    )
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lf").write_bytes(b"one\ntwo\n")
    (tmp_path / "crlf").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / "binary").write_bytes(b"\0\n")
    return tmp_path


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_file_and_the_run_are_recorded(folder: Path, step: Step) -> None:
    take(step, folder)


@pytest.mark.parametrize("step", TERMINATED.values(), ids=TERMINATED)
def test_what_waits_for_input_is_recorded_when_it_is_terminated(folder: Path, step: Step) -> None:
    take(step, folder, until=until_it_waits_for_input)


@pytest.mark.parametrize("step", FOLLOWED.values(), ids=FOLLOWED)
def test_what_follows_is_recorded_when_it_is_terminated(folder: Path, step: Step) -> None:
    def shown(_pid: int) -> None:
        until(lambda: b"two" in (folder / "stdout").read_bytes())

    take(step, folder, until=shown)
