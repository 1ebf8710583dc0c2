"""A planted secret is told by no command: not where it fails, and not in its log."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.layout import COMMANDS
from tests.support.secrets import (
    ALL,
    PASSWORD,
    SIGNATURE,
    SIGNED,
    TOKEN,
    leaks_in,
    login,
    planted,
)

URL = login(f"https://127.0.0.1:1/a?{SIGNED}")
MODULES = [module for module in COMMANDS.values() if module != "observe"]
TAKES_FILES = [
    ("text_utils.wc_lite",),
    ("text_utils.contains", "needle"),
    ("text_utils.normalize",),
    ("text_utils.normalize", "--in-place"),
    ("logtools", "head"),
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
        [URL],
        [URL, URL],
        ["--nonsense", URL],
        [f"--nonsense={URL}"],
        [URL, "--nonsense"],
        ["--log-json", URL],
        [TOKEN, URL],
        [TOKEN, TOKEN, TOKEN],
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
@pytest.mark.parametrize("value", [URL, TOKEN, f"http://m4ry:{PASSWORD}@127.0.0.1:1"])
def test_a_value_that_an_option_cannot_take_is_told_without_secrets(
    tmp_path: Path, module: str, option: str, value: str
) -> None:
    operands = {"proc_run": ["true"], "image_pruner": []}.get(module, ["o/r"])
    left = planted(tmp_path, module, option, value, *operands, PROXY_PASSWORD=PASSWORD)
    typed = {name for name in left.files if TOKEN in name}
    assert typed <= {TOKEN}, "a file is named as the user says"
    assert [leak for leak in left.leaks() if not leak[0].endswith(TOKEN)] == []


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
@pytest.mark.parametrize("request_id", [TOKEN, f"https://m4ry:{SIGNATURE}@h", SIGNATURE])
def test_what_works_tells_no_secret_either(
    tmp_path: Path, words: tuple[str, ...], request_id: str
) -> None:
    """The signature is a secret because a variable says so; the id is the one of a parent."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_text(f"one {TOKEN}\ntwo {PASSWORD}\n")
    settings = {"PROXY_PASSWORD": PASSWORD, "WEBHOOK_SECRET": SIGNATURE}
    left = planted(tmp_path, *words, TOOLROLL_REQUEST_ID=request_id, **settings)
    assert left.log
    assert left.leaks(but=["a"]) == []
    assert all(json.loads(line)["request_id"] for line in left.log.splitlines())


@pytest.mark.parametrize("module", MODULES)
def test_no_command_tells_its_environment(tmp_path: Path, module: str) -> None:
    settings = {f"SOME_{number}_SECRET": secret for number, secret in enumerate(ALL)}
    for argument in ("--help", "--version", "--nonsense"):
        assert planted(tmp_path, module, argument, **settings).leaks() == []
