"""Commands start fast: `--help` loads nothing that it has no use for."""

import subprocess
import sys

import pytest

from tests.support.layout import COMMANDS

HEAVY = {
    "ctypes",
    "jsonschema_rs",
    "prometheus_client",
    "docker",
    "dotenv",
    "aiohttp",
    "asyncio",
    "hashlib",
    "httpx",
    "kubernetes",
    "msgspec",
    "logging",
    "multiprocessing",
    "pycurl",
    "requests",
    "rich",
    "socket",
    "sqlite3",
    "ssl",
    "structlog",
    "subprocess",
    "tenacity",
    "threading",
    "urllib3",
    "uuid",
    "yaml",
}

USAGE = {"proc_run": 125}
"""The exit codes of bad usage that are not everybody's."""

SHOW_MODULES = """
import sys
from importlib import import_module
try:
    code = import_module(sys.argv[1] + ".cli").main(sys.argv[2:])
finally:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(module: str, *arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", SHOW_MODULES, module, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, set(done.stderr.split())


@pytest.mark.parametrize("module", COMMANDS.values())
@pytest.mark.parametrize("argument", ["--help", "--nonsense"])
def test_help_and_bad_usage_load_nothing_heavy(module: str, argument: str) -> None:
    returned, modules = loaded_by(module, argument)
    assert returned == (0 if argument == "--help" else USAGE.get(module, 2))
    assert "argparse" in modules, "the list is that of a real run"
    assert modules & HEAVY == set()


LOGS = {"datetime", "json", "logging", "rich", "structlog", "threading"}


def test_a_run_without_a_log_loads_nothing_of_it() -> None:
    returned, modules = loaded_by("text_utils.wc_lite", __file__)
    assert returned == 0
    assert modules & LOGS == set()


def test_a_log_loads_structlog_without_rich() -> None:
    returned, modules = loaded_by("text_utils.wc_lite", "--log-json", "/dev/null", __file__)
    assert returned == 0
    assert "structlog" in modules
    assert "rich" not in modules
