"""The alert rules and the dashboard for release-mirror, as Prometheus' own programs see them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from observe.samples import NAMES
from tests.support.layout import MEMBERS, ROOT
from tests.support.prometheus import Prometheus, prometheus, promtool
from toolroll_shared.errors import Exit

FOLDER = ROOT / "tools/observe/monitoring"
RULES = FOLDER / "release-mirror.rules.yml"
DASHBOARD = FOLDER / "release-mirror.dashboard.json"

FOREIGN = {"node_textfile_mtime_seconds", "node_textfile_scrape_error", "push_time_seconds"}
"""What node_exporter and the Pushgateway do."""

VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*"}
COLUMNS = 24

SOURCES = [
    path
    for member in MEMBERS
    if member.name in {"release-mirror", "gh-releases", "shared"}
    for path in member.installed.rglob("*.py")
]

_NO_METRICS = re.compile(
    r'"[^"]*"|\[[^]]*\]|\{[^}]*\}|(?:\w+\s+by|\bon|\bignoring)\s*\([^)]*\)|\w+\s*(?=\()'
)
_NAME = re.compile(r"\b(?!(?:and|or|unless|offset)\b)[a-z_:][a-z0-9_:]*", re.IGNORECASE)


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    board: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return board


def filled(expression: str) -> str:
    """Return an expression as Grafana sends it."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def of_dashboard() -> Iterator[str]:
    board = dashboard()
    for panel in board["panels"]:
        yield from (filled(target["expr"]) for target in panel["targets"])
    for variable in board["templating"]["list"]:
        if found := re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]):
            yield found[1]


EXPRESSIONS = sorted({*(rule["expr"] for rule in rules()), *of_dashboard()})


@pytest.fixture(scope="module")
def server() -> Iterator[Prometheus]:
    with prometheus(f"rule_files: [{json.dumps(str(RULES))}]") as one:
        yield one


def test_promtool_has_nothing_against_the_rules() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stderr
    assert f"SUCCESS: {len(rules())} rules found" in done.stdout


def test_each_alert_fires_when_it_should_and_ends_when_it_should() -> None:
    done = promtool("test", "rules", FOLDER / "release-mirror.rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested() -> None:
    tested = (FOLDER / "release-mirror.rules.test.yml").read_text()
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert alerts == set(re.findall(r'alertname="(\w+)"', tested))


def test_each_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"warning", "critical"}, rule
            assert set(rule["annotations"]) == {"summary", "description"}, rule


def test_each_panel_has_an_id_of_its_own_a_unit_and_a_description() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"], panel
        assert panel["description"], panel
        assert panel["fieldConfig"]["defaults"]["unit"], panel


def test_no_panel_lies_over_another_or_beyond_the_edge() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"]


def test_everything_in_the_dashboard_comes_from_the_source_that_is_chosen() -> None:
    board = dashboard()
    parts = [*board["panels"], *(one for panel in board["panels"] for one in panel["targets"])]
    assert {json.dumps(part["datasource"]) for part in parts} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names == ["datasource", "instance"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_prometheus_understands(server: Prometheus, expression: str) -> None:
    answer = server.ask("query", query=expression)
    assert (answer["status"], answer.get("warnings")) == ("success", None), answer


def test_prometheus_takes_the_rules(server: Prometheus) -> None:
    [group] = server.ask("rules")["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} <= {"unknown", "ok"}, group
    assert len(group["rules"]) == len(rules())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_is_one_that_there_is(expression: str) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    names = set(_NAME.findall(_NO_METRICS.sub(" ", expression)))
    assert names, "it is about something"
    assert names <= NAMES | FOREIGN | recorded


def test_every_action_and_outcome_is_one_that_a_tool_records() -> None:
    text = "\n".join(path.read_text() for path in SOURCES)
    known = set(re.findall(r'"([a-z_]+)"', text)) | {code.name.lower() for code in Exit}
    used = re.findall(r'\b(?:action|outcome)=~?"([a-z_|]+)"', "\n".join(EXPRESSIONS))
    words = {word for one in used for word in one.split("|")}
    assert words >= {"asset", "replaced", "mirror", "try_later"}, "they are found"
    assert words <= known


def test_the_head_of_the_rules_says_what_to_change_for_another_schedule() -> None:
    text = Path(RULES).read_text()
    assert "N is" in text.partition("groups:")[0]
    assert set(re.findall(r"(\d+) \* 3600", text)) == {"26"}
