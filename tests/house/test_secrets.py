"""A planted secret is told by no command: not where it fails, and not in its log."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.layout import COMMANDS
from tests.support.secrets import (
    PASSWORD,
    SIGNATURE,
    SIGNED,
    TOKEN,
    leaks_in,
    login,
    planted,
)

URL = login(f"https://127.0.0.1:1/a?{SIGNED}")
MODULES = list(COMMANDS.values())
TAKES_FILES = [
    ("text_utils.wc_lite",),
    ("text_utils.contains", "needle"),
    ("text_utils.normalize",),
    ("text_utils.normalize", "--in-place"),
    ("logtools", "head"),
    ("observe", "check"),
    ("observe", "tail"),
    ("observe", "report"),
    ("logtools", "grep", "needle"),
    ("logtools", "tail"),
    ("logtools", "tail", "--cursor", "state"),
    ("multi_fetch",),
    ("artifact_index", "status", "--db"),
    ("artifact_index", "export", "--db"),
    ("artifact_index", "changes", "--db"),
    ("artifact_index", "verify", "--db"),
    ("artifact_index", "o/r", "--db"),
    ("image_pruner", "--plan"),
    ("release_mirror", "verify", "--dest"),
    ("release_mirror", "status", "--dest"),
    ("release_mirror", "prune", "--keep-last", "1", "--dest"),
    ("release_mirror", "serve", "--dest"),
    ("release_mirror", "sync", "--dest", "d", "--config"),
    ("k8s_toolbox", "pods", "--kubeconfig"),
    ("k8s_toolbox", "logs", "x", "--kubeconfig"),
    ("k8s_toolbox", "events", "--kubeconfig"),
    ("proc_run", "--"),
    ("proc_run", "--lock"),
]


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        b64encode(f"m4ry:{PASSWORD}".encode()).decode(),
        b64encode(f"x-access-token:{TOKEN}".encode()).decode(),
        f"a\n{PASSWORD[:5]}\n{PASSWORD[5:]}",
        f'{{"a": "{SIGNATURE[:9]}"}}\n{{"a": "{SIGNATURE[9:]}"}}',
        f"x\t{SIGNATURE[:9]}\ty\nx\t{SIGNATURE[9:]}\ty",
        f'"{TOKEN[:4]}", "{TOKEN[4:]}"',
        URL,
    ],
)
def test_the_search_finds_a_secret_in_every_disguise(text: str) -> None:
    assert leaks_in(f"before {text} after"[7:-6])
    assert leaks_in(text)
    assert not leaks_in(text.swapcase()[::-1])


@pytest.mark.parametrize("words", TAKES_FILES, ids=" ".join)
def test_a_url_where_a_file_should_be_is_told_without_its_secrets(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    module, *arguments = words
    left = planted(tmp_path, module, *arguments, URL)
    assert left.code != 0
    assert left.leaks() == []


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "arguments",
    [
        [URL, URL, TOKEN],
        [f"--nonsense={URL}", TOKEN],
        ["--log-json", URL],
    ],
    ids=lambda arguments: " ".join(arguments).replace(URL, "URL").replace(TOKEN, "TOKEN"),
)
def test_bad_usage_is_told_without_secrets(
    tmp_path: Path, module: str, arguments: list[str]
) -> None:
    left = planted(tmp_path, module, *arguments, HTTPS_PROXY=login("http://127.0.0.1:1"))
    assert left.stderr
    assert left.leaks() == []


OPTIONS = {
    "gh_releases": ["--since", "--until", "--limit", "--timeout", "--retries", "--api-url"],
    "artifact_index": ["--db", "--api-url", "--since", "--timeout"],
    "multi_fetch": ["--timeout", "--max-bytes", "--limit-rate", "--header", "--proxy", "--resume"],
    "image_pruner": ["--host", "--context", "--older-than", "--filter", "--label", "--timeout"],
    "proc_run": ["--timeout", "--signal", "--redact", "--max-output", "--lock", "--json-file"],
}


@pytest.mark.parametrize(
    ("module", "option"), [(module, one) for module, all_ in OPTIONS.items() for one in all_]
)
def test_a_value_that_an_option_cannot_take_is_told_without_secrets(
    tmp_path: Path, module: str, option: str
) -> None:
    operands = {"proc_run": ["true"], "image_pruner": []}.get(module, ["o/r"])
    for value in (URL, f"http://m4ry:{PASSWORD}@127.0.0.1:1"):
        assert planted(tmp_path, module, option, value, *operands).leaks() == []


@pytest.mark.parametrize(
    "words",
    [
        ("text_utils.wc_lite", "a"),
        ("text_utils.wc_lite", "--json", "a"),
        ("text_utils.contains", "needle", "a"),
        ("text_utils.contains", TOKEN, "a"),
        ("text_utils.contains", "--json", PASSWORD, "a"),
        ("logtools", "grep", "--count", TOKEN, "a"),
        ("logtools", "tail", "--cursor", "state", "-n", "0", "a"),
        ("proc_run", "--json-file", "report", "true"),
        ("proc_run", "--json", "--", "sh", "-c", "exit 3"),
    ],
    ids=lambda words: " ".join(words).replace(TOKEN, "TOKEN").replace(PASSWORD, "PASSWORD"),
)
def test_what_works_tells_no_secret_either(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Not even where somebody took a secret for the id of the run."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_text(f"one {TOKEN}\ntwo {PASSWORD}\n")
    settings = {"PROXY_PASSWORD": PASSWORD, "WEBHOOK_SECRET": SIGNATURE}
    left = planted(tmp_path, *words, TOOLROLL_REQUEST_ID=SIGNATURE, **settings)
    assert left.log
    assert left.leaks(but=["a"]) == []
    assert all(json.loads(line)["request_id"] for line in left.log.splitlines())


BUG = """
import sys
from toolroll_shared.cli import run

def body(journal):
    log = journal.open(None if sys.argv[1] == "off" else "log")
    with log.action("a", sys.argv[2]) as fields:
        fields["error"] = sys.argv[2]
        fields[sys.argv[2]] = [{sys.argv[2]: sys.argv[2]}]
        try:
            raise LookupError(sys.argv[2])
        except LookupError as error:
            raise RuntimeError(f"no: {sys.argv[2]}") from error

raise SystemExit(run("buggy", body))
"""


@pytest.mark.parametrize("log", ["off", "on"])
@pytest.mark.parametrize(
    "text",
    [
        URL,
        f"Bearer {TOKEN}",
        f"Basic {b64encode(f'm4ry:{PASSWORD}'.encode()).decode()}",
        f'{{"url": "{URL}", "t": "{TOKEN}"}}',
        "x" * 4000 + TOKEN + "y" * 4000,
        "x" * 240 + TOKEN,
    ],
    ids=lambda text: str(len(text)),
)
def test_a_bug_is_told_without_secrets_and_so_is_its_traceback(
    tmp_path: Path, log: str, text: str
) -> None:
    (tmp_path / "buggy.py").write_text(BUG)
    settings = {"PYTHONPATH": str(tmp_path), "A_PASSWORD": PASSWORD}
    left = planted(tmp_path, "buggy", log, text, **settings)
    assert left.code == 70
    assert "LookupError" in left.stderr
    assert left.leaks() == []


def test_what_a_command_is_run_with_is_recorded_without_secrets(tmp_path: Path) -> None:
    """Its report is of what the user typed: there it may stand."""
    for words in (["no-such-command", URL, TOKEN], ["sh", "-c", "exit 3", URL], [URL]):
        left = planted(tmp_path, "proc_run", "--", *words)
        assert left.leaks() == []
