"""observe tells no secret: neither of its own, nor those of what it runs and reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observe.logs import record
from tests.support.prometheus import Server, pushgateway
from tests.support.secrets import PASSWORD, SIGNATURE, SIGNED, TOKEN, login, planted


@pytest.fixture(scope="module")
def gateway() -> Iterator[Server]:
    with pushgateway() as running:
        yield running


def test_the_arguments_of_a_command_are_told_nowhere(tmp_path: Path) -> None:
    url = login(f"http://127.0.0.1:1/x?{SIGNED}")
    left = planted(
        tmp_path, "observe", "--textfile", "m.prom", "--", "sh", "-c", "exit 3", url, TOKEN
    )
    assert left.code == 3
    assert "toolroll_runs_total" in left.files["m.prom"]
    assert left.leaks() == []


def test_a_command_that_is_not_there_is_told_without_secrets(tmp_path: Path) -> None:
    left = planted(tmp_path, "observe", "--textfile", "m.prom", "--", f"./{TOKEN}")
    assert left.code == 127
    assert left.leaks() == []


def test_a_gateways_login_is_told_nowhere(tmp_path: Path, gateway: Server) -> None:
    for number, url in enumerate([gateway.url, "http://127.0.0.1:1", f"{gateway.url}/nowhere"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        left = planted(folder, "observe", "--push", f"{login(url)}?{SIGNED}", "--", "true")
        assert left.code == 0
        assert left.leaks() == []
    assert PASSWORD not in gateway.get("/metrics")


@pytest.mark.parametrize("field", ["tool", "action", "outcome", "target", "request_id", "error"])
def test_what_a_command_puts_into_its_log_becomes_no_metric_and_no_message(
    tmp_path: Path, field: str
) -> None:
    """That it stands in the kept log is the command's doing."""
    line = record(**{field: f"http://h/?sig={SIGNATURE}"}).decode().strip()
    left = planted(
        tmp_path,
        "observe",
        *("--textfile", "m.prom", "--log-json", "kept", "--"),
        *("sh", "-c", f"echo '{line}' > $TOOLROLL_LOG"),
    )
    assert (left.code, left.stderr) == (0, "")
    assert left.leaks(but=["kept"]) == []


@pytest.mark.parametrize("command", ["report", "check"])
def test_what_is_read_is_told_without_secrets_where_it_is_no_record(
    tmp_path: Path, command: str
) -> None:
    bad = record(**{"ok": f"http://h/?sig={SIGNATURE}", TOKEN: PASSWORD}).decode()
    left = planted(tmp_path, "observe", command, stdin=f"{bad}no record {TOKEN}\n")
    assert left.code in {0, 1}
    assert left.leaks() == []
