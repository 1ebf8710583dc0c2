"""The walk as a whole: it meets each action of the schema, and the schema knows each action."""

import re
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from tests.observe import (
    test_walk_clusters,
    test_walk_fetches,
    test_walk_images,
    test_walk_mirrors,
    test_walk_observed,
    test_walk_processes,
    test_walk_releases,
    test_walk_texts,
)
from tests.observe.walking import Step, complaints, schema
from tests.support.layout import COMMANDS, TOOLS, Member

WALKS = [
    test_walk_clusters,
    test_walk_fetches,
    test_walk_images,
    test_walk_mirrors,
    test_walk_observed,
    test_walk_processes,
    test_walk_releases,
    test_walk_texts,
]

NAMED = re.compile(
    r"""(?: \.(?:action|record) | print_each | Query )\(\s*"([a-z_]+)" """, re.VERBOSE
)
"""Where a source names an action: the verbs of a cluster's API are actions, too."""

RECORD = {
    "ts": "2026-11-22T14:00:00.1Z",
    "level": "info",
    "tool": "wc-lite",
    "action": "count",
    "target": "x",
    "duration_ms": 0.1,
    "ok": True,
    "request_id": "abc",
}
RUN = {"action": "run", "outcome": "ok", "exit_code": 0, "actions": 1, "failed": 0, "bytes": 0}
KILLED = {"action": "run", "outcome": "killed", "exit_code": 137, "signal": 9, "user_s": 0.1}

WRONG = {
    "a local time": ({"ts": "2026-11-22T14:00:00+01:00"}, "/ts"),
    "a day that was not": ({"ts": "2026-02-30T14:00:00Z"}, "/ts"),
    "time that runs backwards": ({"duration_ms": -1}, "/duration_ms"),
    "a number as a text": ({"bytes": "1"}, "/bytes"),
    "a sentence for an outcome": ({"outcome": "It went well"}, "/outcome"),
    "a failure at the level of information": ({"ok": False}, "/level"),
    "an action that nobody knows": ({"action": "dance"}, "/action"),
    "a field that nobody knows": ({"colour": "red"}, "colour"),
    "a field of another action": ({"tool": "contains", "action": "search", "lines": 1}, "lines"),
    "a run that has no end": ({"action": "run"}, "exit_code"),
    "a run that ended oddly": ({**RUN, "outcome": "well"}, "/outcome"),
    "a wrong field of another's run": ({"tool": "ls", "action": "run", "user_s": "1"}, "/user_s"),
}

RIGHT = {
    "a count": {},
    "a run": RUN,
    "a request without an answer": {"tool": "multi-fetch", "action": "fetch", "status": None},
    "what another tool does": {"tool": "another", "action": "dance", "colour": "red"},
    "a run that was killed": {**KILLED, "ok": False, "level": "error"},
    "another's run": {**KILLED, "tool": "ls", "system_s": 0.1, "max_rss_bytes": 1},
}


def actions_of(tool: str) -> set[str]:
    """Return the actions that the schema has for a tool."""
    return set(schema()["$defs"][tool]["properties"]["action"]["enum"])


def steps_of(module: ModuleType) -> list[Step]:
    """Return the steps that a module of the walk takes."""
    found: list[Step] = []
    for value in vars(module).values():
        if isinstance(value, Step):
            found.append(value)
        elif isinstance(value, dict):
            parts = [part if isinstance(part, tuple) else (part,) for part in value.values()]
            found += [one for part in parts for one in part if isinstance(one, Step)]
    return found


def test_the_walk_meets_each_action_of_each_tool() -> None:
    met = {pair for module in WALKS for step in steps_of(module) for pair in step.met}
    known = {(tool, one) for tool in COMMANDS for one in actions_of(tool)}
    assert met == known


def test_each_file_of_the_walk_is_a_part_of_it() -> None:
    files = {path.stem for path in Path(__file__).parent.glob("test_walk_*.py")}
    assert files == {module.__name__.rpartition(".")[2] for module in WALKS}


def test_the_schema_has_each_command() -> None:
    [known] = [schema()["if"]["properties"]["tool"]["enum"]]
    assert sorted(known) == sorted({*COMMANDS})
    refs = [one["then"]["$ref"] for one in schema()["then"]["allOf"]]
    assert refs == [f"#/$defs/{tool}" for tool in known]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_action_that_a_source_names_is_in_the_schema(tool: Member) -> None:
    texts = [path.read_text() for path in tool.installed.rglob("*.py")]
    named = {name for text in texts for name in NAMED.findall(text)}
    commands = [name for name, module in COMMANDS.items() if module.startswith(tool.import_name)]
    known = {one for command in commands for one in actions_of(command)} - {"run"}
    if any("from gh_releases import" in text for text in texts):
        named.add("request")  # its client's records are those of who uses it
    assert named == known


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("change", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_taken(change: dict[str, object]) -> None:
    assert complaints({**RECORD, **change}) == []


@pytest.mark.parametrize(("change", "named"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(change: dict[str, object], named: str) -> None:
    assert named in " ".join(complaints({**RECORD, **change}))


def test_what_is_no_record_is_named() -> None:
    assert "not of type" in " ".join(complaints([RECORD]))
    assert len(complaints({name: RECORD[name] for name in RECORD if name != "tool"})) == 1
