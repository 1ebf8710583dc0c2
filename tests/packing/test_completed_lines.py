"""What real shells offer at places of a line that are easily taken for others."""

from pathlib import Path

import pytest

from tests.packing.conftest import FILES, FOLDERS
from tests.packing.shells import Shell, Typed
from tests.packing.test_completions import KNOWN, bare, ours

ALL = sorted([*FILES, *FOLDERS])
SUBCOMMANDS = [(one.name, sorted(one.subcommands)) for one in KNOWN.values() if one.subcommands]


@pytest.mark.parametrize(
    ("name", "subcommands"), SUBCOMMANDS, ids=[name for name, _ in SUBCOMMANDS]
)
def test_the_first_word_is_a_subcommand(shell: Shell, name: str, subcommands: list[str]) -> None:
    assert shell.offers(f"{name} ") == subcommands
    assert shell.offers(f"{name} ", subcommands[0]) == subcommands[:1]
    assert shell.offers(f"{name} {subcommands[0]} ", subcommands[1]) == []


@pytest.mark.parametrize("name", [name for name, _ in SUBCOMMANDS])
def test_behind_a_word_that_is_no_subcommand_nothing_is_offered(shell: Shell, name: str) -> None:
    assert shell.offers(f"{name} nonsense ") == []
    assert shell.offers(f"{name} nonsense ", "--") == []
    assert shell.offers(f"{name} ", "nonsense") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("contains ", ALL),
        ("contains -i ", ALL),
        ("contains plain.txt ", []),
        ("contains --json -i plain.txt ", []),
        ("contains -- ", ALL),
        ("wc-lite ", ALL),
        ("wc-lite plain.txt other ", ALL),
        ("wc-lite --json --log-json x -- --help ", ALL),
        ("normalize plain.txt --to lf ", ALL),
        ("gh-releases ", []),
        ("gh-releases cli/cli ", []),
        ("release-mirror cli/cli --dest other ", []),
        ("release-mirror verify --dest other ", []),
        ("logtools grep -n -C 2 plain.txt ", ALL),
        ("logtools head -n 5 ", ALL),
        ("logtools head -qn 5 ", ALL),
        ("logtools head -qn ", []),
        ("logtools head -n5 ", ALL),
        ("observe tail ", ALL),
        ("observe tail -n 3 ", ALL),
        ("observe tail plain.txt ", []),
        ("observe tail -f plain.txt -n 3 ", []),
        ("observe serve --log plain.txt other ", ALL),
        ("observe serve --log plain.txt --listen ", []),
        ("observe ", ["check", "report", "serve", "tail"]),
        ("observe --name x ", []),
        ("image-pruner ", []),
        ("k8s-toolbox pods ", []),
        ("multi-fetch ", ALL),
        ("multi-fetch plain.txt ", []),
    ],
)
def test_an_operand_is_completed_as_what_it_is(
    shell: Shell, line: str, expected: list[str]
) -> None:
    if ours(shell, line):
        offered = [one for one in shell.offers(line) if not one.startswith("-")]
        assert bare(offered) == expected  # zsh shows options where there is nothing else


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("wc-lite ", "pl", ["plain.txt"]),
        ("wc-lite ", "two\\ w", ["two words.txt"]),
        ("wc-lite ", "it\\'s", ['it\'s "so".txt']),
        ("wc-lite ", "\\$", ["$(touch made).txt"]),
        ("wc-lite ", "\\`", ["`touch made`.txt"]),
        ("release-mirror verify --dest ", "a\\ ", ["a folder"]),
        ("release-mirror verify --dest=", "o", ["other"]),
        ("release-mirror verify --dest ", "pl", []),
        ('wc-lite --log-json two\\ words.txt it\\\'s\\ \\"so\\".txt ', "pl", ["plain.txt"]),
    ],
)
def test_names_are_quoted_as_the_shell_wants_them(
    shell: Shell, line: str, word: str, expected: list[str]
) -> None:
    assert bare(shell.offers(line, word)) == expected


def test_nothing_that_a_name_says_is_done(shell: Shell, folder: Path) -> None:
    for word in ("$(touch made)", "`touch made`", "\\$", "a[$(touch made)]", "--x[$(touch made)]="):
        for line in ("wc-lite ", "release-mirror --dest ", "proc-run -- ", "observe serve --log "):
            shell.offers(line, "")
            if isinstance(shell, Typed):
                shell.line(f"{line}{word} ")
                shell.line(f"{line}{word}")
                shell.line(f"{word} x; {line}--{word} --")
    assert not (folder / "made").exists()


@pytest.mark.parametrize(
    ("line", "start", "gone"),
    [
        ("gh-releases --json ", "--", {"--json", "--ndjson"}),
        ("gh-releases --ndjson ", "--", {"--json", "--ndjson"}),
        ("k8s-toolbox pods -A ", "-", {"-A", "--all-namespaces", "-n", "--namespace"}),
        ("k8s-toolbox pods -n shop ", "-", {"-A", "--all-namespaces", "-n", "--namespace"}),
        (
            "k8s-toolbox pods --namespace=shop ",
            "-",
            {"-A", "--all-namespaces", "-n", "--namespace"},
        ),
        ("release-mirror cli/cli --dest other --tag x ", "--", {"--dest"}),
        ("release-mirror verify --repair ", "--", {"--repair", "--rebuild"}),
        ("logtools tail -fq ", "--", {"--follow", "--quiet", "--verbose"}),
    ],
)
def test_what_makes_no_sense_any_more_is_not_offered(
    shell: Shell, line: str, start: str, gone: set[str]
) -> None:
    words = line.split()
    part = KNOWN[words[0]].parts.get(words[1]) or KNOWN[words[0]].parts[""]
    flags = {flag for one in part.options for flag in one.flags if flag.startswith(start)}
    assert set(shell.offers(line, start)) == flags - gone


@pytest.mark.parametrize("line", ["wc-lite -- ", "release-mirror verify --dest other -- "])
def test_behind_two_dashes_no_option_is_offered(shell: Shell, line: str) -> None:
    assert shell.offers(line, "--") == []


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("proc-run ", "release-mir", ["release-mirror"]),
        ("proc-run -- ", "release-mir", ["release-mirror"]),
        ("proc-run --timeout 5 -f -- ", "release-mir", ["release-mirror"]),
        ("proc-run -t 5 release-mirror ", "ver", ["verify"]),
        ("proc-run -- release-mirror sync --on-replaced ", "ref", ["refuse"]),
        ("proc-run -- release-mirror sync --on-replaced=", "ref", ["refuse"]),
        ("proc-run -- release-mirror verify ", "--rep", ["--repair"]),
        ("proc-run -- wc-lite ", "--js", ["--json"]),
        ("proc-run release-mirror ", "--max-o", []),
        ("observe -- release-mirror ", "ver", ["verify"]),
        ("observe --name x -- release-mirror verify --dest ", "o", ["other"]),
        ("observe --name x -- proc-run --signal ", "HU", ["HUP"]),
        ("observe -- ", "release-mir", ["release-mirror"]),
        ("observe ", "release-mir", []),
        ("observe -- observe ", "ser", ["serve"]),
    ],
)
def test_a_command_that_is_run_completes_as_it_does_alone(
    shell: Shell, line: str, word: str, expected: list[str]
) -> None:
    assert bare(shell.offers(line, word)) == expected


def test_a_word_in_the_middle_of_a_line_is_completed(shell: Shell) -> None:
    if isinstance(shell, Typed):
        line = shell.line("release-mirror ver --dest x", back=len(" --dest x"))
        assert line.split() == ["release-mirror", "verify", "--dest", "x"]
        line = shell.line("release-mirror verify --rep --dest=x", back=len(" --dest=x"))
        assert line.split() == ["release-mirror", "verify", "--repair", "--dest=x"]


def test_a_file_is_offered_behind_a_redirection(shell: Shell) -> None:
    for line in ("gh-releases cli/cli > ", "release-mirror status --dest other 2> "):
        assert bare(shell.offers(line, "pl")) == ["plain.txt"]
