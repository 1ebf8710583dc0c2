from pathlib import Path
from urllib.request import Request, urlopen

from tests.support.prometheus import node_exporter, prometheus, pushgateway
from tests.support.waiting import until

SCRAPE = """
scrape_configs:
  - job_name: gateway
    honor_labels: true
    scrape_interval: 1s
    static_configs: [{{targets: ["{target}"]}}]
"""


def level_error(log: str) -> list[str]:
    return [line for line in log.splitlines() if "level=error" in line]


def test_node_exporter_shows_text_files_and_nothing_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "x.prom").write_text("# HELP a_total A.\n# TYPE a_total counter\na_total 3\n")
    with node_exporter(tmp_path) as exporter:
        text = exporter.get("/metrics")
        assert "\na_total 3\n" in text
        assert "node_cpu" not in text
        assert level_error(exporter.log()) == []


def test_node_exporter_says_in_its_log_that_a_series_is_there_twice(tmp_path: Path) -> None:
    for name in ("x", "y"):
        text = "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n"
        (tmp_path / f"{name}.prom").write_text(text)
    with node_exporter(tmp_path) as exporter:
        exporter.get("/metrics")
        until(lambda: bool(level_error(exporter.log())))


def test_prometheus_scrapes_what_was_pushed() -> None:
    with pushgateway() as gateway:
        url = f"{gateway.url}/metrics/job/j/instance/i"
        with urlopen(Request(url, b"a_total 3\n", method="PUT"), timeout=10):
            pass
        target = gateway.url.removeprefix("http://")
        with prometheus(SCRAPE.format(target=target)) as server:
            until(lambda: bool(server.query("a_total")))
            [(labels, value)] = server.query("a_total")
    assert value == 3
    assert labels == {"__name__": "a_total", "job": "j", "instance": "i"}
